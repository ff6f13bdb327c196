"""Any life of a loan: instalments withheld, repeated, passed on, paid directly, ended early, graded, in whatever order.

After each step the whole audit of financing and its ledger is clean, and a model of four sums says the same.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from fractions import Fraction
from typing import TypeVar
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from deploy.local.stack import Stack
from services.financing import main
from services.financing.domain.loan_book import Due, days_past_due, outstanding_minor
from services.financing.domain.problems import LoanNotRunning, MoreThanIsOwed, NotASettlement
from services.financing.domain.products import Product, Scheme
from services.financing.handlers import handlers
from services.financing.store import loans
from services.financing.store.lenders import Lender
from services.financing.store.loans import Loan
from services.financing.use_cases.accept_offer import accept_offer
from services.financing.use_cases.count_instalments import count_instalments, pass_on_instalments
from services.financing.use_cases.disburse_loan import disburse_loan
from services.financing.use_cases.give_consent import GiveConsent, give_consent
from services.financing.use_cases.grade_loans import grade_loans
from services.financing.use_cases.make_offer import MakeOffer, make_offer
from services.financing.use_cases.offer_product import offer_product
from services.financing.use_cases.publish_application import Apply, publish_application
from services.financing.use_cases.register_lender import register_lender
from services.financing.use_cases.repay_loan import Pay, repay_loan, settle_loan
from shared import ledger, sql
from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.catalog import ShopOpened
from shared.contracts.financing import InstalmentRefused, RepaymentMandateEnded, RepaymentReceived
from shared.contracts.payouts import InstalmentPassedOn, InstalmentWithheld
from shared.db import Connection, Database
from shared.testing.delivery import deliver, published
from tests.conftest import MakeDatabase
from tests.financing.conftest import financing_settings

CHECKS = (*sql.load(main.__file__, "audit.sql"), *sql.load(ledger.__file__, "audit.sql"))
T = TypeVar("T")
amounts = st.one_of(st.integers(1, 400), st.integers(1, 3_000_000), st.integers(3_000_000, 20_000_000))


class AnyLife(RuleBasedStateMachine):
    """One loan, in a database that it shares with the loans of other lives."""

    runner: asyncio.Runner
    db: Database

    def do(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async def transact() -> T:
            async with self.db.transaction() as conn:
                return await work(conn)

        return self.runner.run(transact())

    @initialize(
        scheme=st.sampled_from(["annuity", "flat", "sliding", "murabahah"]),
        rate=st.sampled_from(["0", "6", "12", "17.25"]),
        amount=st.integers(1_000_000, 9_999_999),
        months=st.integers(1, 7),
    )
    def agree(self, scheme: Scheme, rate: str, amount: int, months: int) -> None:
        self.now = utc_now()
        self.accepted = self.direct = self.waived = self.passed = self.refused = 0
        self.waiting: list[InstalmentWithheld] = []
        self.heard: list[InstalmentWithheld] = []
        shop_id, person_id, lender_id = uuid4(), uuid4(), uuid4()
        opened = ShopOpened(shop_id=shop_id, owner_id=person_id, region_code="18.01", sequence=1, opened_at=self.now)
        self.runner.run(deliver(self.db, handlers, opened))
        is_sale = scheme == "murabahah"
        product = Product(
            product_id=uuid4(),
            lender_id=lender_id,
            name="Apa Saja",
            scheme=scheme,
            annual_rate_pct=None if is_sale else Fraction(rate),
            annual_margin_pct=Fraction(rate) if is_sale else None,
            currency="IDR",
            amount_min_minor=1,
            amount_max_minor=10_000_000,
            tenor_min_months=1,
            tenor_max_months=12,
            sectors=frozenset(),
            regions=frozenset(),
            size_classes=frozenset(),
            turnover_min_minor=0,
            certificate_scheme=None,
            kur_scheme=None,
            kur_access=None,
            share_basis_points_max=3000,
        )

        async def work(conn: Connection) -> Loan:
            lender = await register_lender(
                conn, lender_id=lender_id, client_id=uuid4(), slug=f"b-{uuid4().hex[:12]}", name="Bank", now=self.now
            )
            await offer_product(conn, product, today=day_of(self.now), now=self.now)
            return await self.from_consent_to_loan(conn, lender, product, (shop_id, person_id), (amount, months))

        self.loan = self.do(work)
        dues = self.dues()
        self.total = sum(due.amount_minor for due in dues)
        assert sum(due.principal_minor for due in dues) == amount and len(dues) == months

    async def from_consent_to_loan(
        self, conn: Connection, lender: Lender, product: Product, who: tuple[UUID, UUID], what: tuple[int, int]
    ) -> Loan:
        (shop_id, person_id), (amount, months), now = who, what, self.now
        consent = GiveConsent(
            uuid4(),
            person_id,
            shop_id,
            frozenset({"sales"}),
            "working_capital",
            now + timedelta(days=300),
            None,
            "id",
            "web",
        )
        await give_consent(conn, consent, days_max=730, trace="t", now=now)
        application = Apply(
            uuid4(),
            person_id,
            shop_id,
            consent.consent_id,
            amount,
            "IDR",
            months,
            "working_capital",
            False,
            now + timedelta(days=14),
            None,
        )
        await publish_application(conn, application, today=day_of(now), now=now)
        wanted = MakeOffer(
            uuid4(), application.application_id, product.product_id, amount, months, now + timedelta(days=1)
        )
        offer = await make_offer(conn, wanted, lender=lender, today=day_of(now), now=now)
        agreed = await accept_offer(
            conn,
            offer.offer_id,
            person_id=person_id,
            loan_id=uuid4(),
            mandate_id=uuid4(),
            share_basis_points_max=None,
            now=now,
        )
        loan = await disburse_loan(
            conn,
            agreed.loan_id,
            lender_id=lender.lender_id,
            disbursed_on=day_of(now),
            reference="paid-out",
            now=now,
        )
        assert sum(due.amount_minor for due in (await loans.dues_of(conn, [loan.loan_id]))[loan.loan_id]) == (
            offer.total_minor
        )
        return loan

    def dues(self) -> tuple[Due, ...]:
        async def look(conn: Connection) -> tuple[Due, ...]:
            return (await loans.dues_of(conn, [self.loan.loan_id]))[self.loan.loan_id]

        return self.do(look)

    @property
    def owed(self) -> int:
        return self.total - self.accepted - self.direct - self.waived

    def withheld(self, amount: int, **other: UUID) -> InstalmentWithheld:
        said = {"mandate_id": self.loan.mandate_id, "loan_id": self.loan.loan_id} | other
        return InstalmentWithheld(
            instalment_id=uuid4(),
            application_id=self.loan.application_id,
            lender_id=self.loan.lender_id,
            payee_id=self.loan.shop_id,
            amount_minor=amount,
            currency="IDR",
            payout_id=uuid4(),
            withheld_at=self.now,
            **said,
        )

    @rule(some=st.lists(amounts, min_size=1, max_size=3))
    def withhold(self, some: list[int]) -> None:
        """A batch of payouts; what the loan does not need goes back."""
        events = [self.withheld(amount) for amount in some]
        for event in events:
            taken = min(event.amount_minor, self.owed)
            self.accepted += taken
            self.refused += event.amount_minor - taken
            if taken:
                self.waiting.append(event.model_copy(update={"amount_minor": taken}))
        self.heard += events
        self.do(lambda conn: count_instalments(conn, events, now=self.now))

    @rule(amount=amounts)
    def withhold_for_nobody(self, amount: int) -> None:
        """Another mandate than the loan's: all of it goes back."""
        self.refused += amount
        self.do(lambda conn: count_instalments(conn, [self.withheld(amount, mandate_id=uuid4())], now=self.now))

    @precondition(lambda self: bool(self.heard))
    @rule()
    def hear_again(self) -> None:
        """What was dealt with changes nothing."""
        self.do(lambda conn: count_instalments(conn, self.heard[-2:], now=self.now))

    @precondition(lambda self: bool(self.waiting))
    @rule(most=st.integers(1, 3))
    def pass_on(self, most: int) -> None:
        """The bank has paid some of it to the lender; told twice it counts once."""
        batch, self.waiting = self.waiting[:most], self.waiting[most:]
        events = [
            InstalmentPassedOn(**event.model_dump(exclude={"payout_id", "withheld_at"}), passed_on_at=self.now)
            for event in batch
        ]
        self.passed += sum(event.amount_minor for event in events)
        for _ in range(2):
            self.do(lambda conn: pass_on_instalments(conn, events))

    @rule(amount=amounts)
    def pay(self, amount: int) -> None:
        """To the lender directly."""
        pay = Pay(uuid4(), self.loan.loan_id, amount, f"pay-{uuid4().hex}")
        try:
            self.do(lambda conn: repay_loan(conn, pay, lender_id=self.loan.lender_id, now=self.now))
            self.direct += amount
        except MoreThanIsOwed:
            assert amount > self.owed > 0
        except LoanNotRunning:
            assert self.owed == 0

    @rule(is_exact=st.booleans())
    def end_early(self, is_exact: bool) -> None:
        """By the amount that the loan itself names; another amount is refused."""
        pay = Pay(uuid4(), self.loan.loan_id, 1, f"end-{uuid4().hex}")
        owed = self.owed
        try:
            self.do(lambda conn: settle_loan(conn, pay, lender_id=self.loan.lender_id, now=self.now))
            self.direct += 1
        except LoanNotRunning:
            assert owed == 0
        except NotASettlement as refusal:
            amount, waived = refusal.members["amount_minor"], refusal.members["waived_minor"]
            assert amount + waived == owed
            assert waived == 0 or self.loan.scheme != "murabahah"
            if is_exact:
                ending = Pay(uuid4(), self.loan.loan_id, amount, f"end-{uuid4().hex}")
                self.do(lambda conn: settle_loan(conn, ending, lender_id=self.loan.lender_id, now=self.now))
                self.direct, self.waived = self.direct + amount, self.waived + waived

    @rule(days=st.integers(1, 75))
    def days_pass(self, days: int) -> None:
        """The clock grades the loan."""
        self.now += timedelta(days=days)
        as_of = day_of(self.now)

        async def grade(conn: Connection) -> int:
            return await grade_loans(conn, as_of=as_of, now=self.now)

        while self.do(grade):
            continue

    @invariant()
    def nothing_is_wrong(self) -> None:
        async def audit(conn: Connection) -> dict[str, list[str]]:
            found = {}
            since = {"since": utc_now() - timedelta(days=1), "most": 1000}
            for query in CHECKS:
                rows = await query.rows(conn, **{name: since[name] for name in query.names})
                if rows:
                    found[query.name] = [str(row["what"]) for row in rows]
            return found

        assert self.do(audit) == {}

    @invariant()
    def the_model_says_the_same(self) -> None:
        async def look(conn: Connection) -> tuple[Loan, dict[str, int]]:
            loan = await loans.loan_of(conn, self.loan.loan_id, lender_id=self.loan.lender_id)
            assert loan is not None and loan.accounts is not None
            balances = {}
            for name in ("principal", "cost", "lender"):
                balances[name] = (await ledger.balance(conn, getattr(loan.accounts, name))).balance_minor
            return loan, balances

        loan, balances = self.do(look)
        assert balances["principal"] + balances["cost"] == self.owed == outstanding_minor(self.dues())
        assert balances["lender"] == self.owed + self.accepted - self.passed
        assert (loan.state == "repaid") == (self.owed == 0)
        graded_on = loan.graded_on or date.min
        assert loan.days_past_due == days_past_due(self.dues(), as_of=graded_on)
        self.runner.run(self.what_was_said())

    async def what_was_said(self) -> None:
        received = await published(self.db, RepaymentReceived, loan_id=self.loan.loan_id)
        refused = await published(self.db, InstalmentRefused, loan_id=self.loan.loan_id)
        ended = await published(self.db, RepaymentMandateEnded, loan_id=self.loan.loan_id)
        assert sum(event.amount_minor for event in received) == self.accepted + self.direct
        assert sum(event.amount_minor for event in refused) == self.refused
        assert len(ended) == (1 if self.owed == 0 else 0)


async def test_any_life_of_a_loan_adds_up(make_database: MakeDatabase, stack: Stack) -> None:
    made = await make_database("financing", size=2)
    async with made.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")

    await asyncio.to_thread(_live, stack.dsn("financing").rsplit("/", 1)[0] + f"/{name}")


def _live(dsn: str) -> None:
    with asyncio.Runner() as runner:
        db = runner.run(Database.connect(dsn, source="financing", size=2, settings=financing_settings()))
        db.wakers["lender_news"] = []
        try:

            class Here(AnyLife):
                pass

            Here.runner, Here.db = runner, db
            run(
                Here,
                settings=settings(
                    max_examples=15,
                    stateful_step_count=20,
                    deadline=None,
                    derandomize=True,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(db.close())
