"""Any life of the money of orders: placed, paid, shipped, called off, refunded, settled, paid out, sent back by banks.

After each step the whole audit of money and ledger is clean, and three sums are recomputed from what orders consist of:
what is unsettled, what the market keeps, what the payees have to get.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from deploy.local.stack import Stack
from services.orders import main
from services.orders.domain import shipping
from services.orders.domain.bank_file import Answer, AnswerLine
from services.orders.domain.order import payment_deadline_passed
from services.orders.domain.placing import WantedLine
from services.orders.handlers import handlers
from services.orders.routes.desk import fees_on
from services.orders.settings import OrdersSettings
from services.orders.store import ShipTo, lock_order
from services.orders.use_cases.answer_stock import end_refused, go_on_with_reserved
from services.orders.use_cases.approve_payouts import approve_payouts
from services.orders.use_cases.cancel_order import cancel_order
from services.orders.use_cases.cancel_parcel import cancel_parcel
from services.orders.use_cases.complete_parcel import complete_parcel
from services.orders.use_cases.deliver_parcel import deliver_parcel
from services.orders.use_cases.draft_payouts import draft_payouts
from services.orders.use_cases.follow_mandates import follow_mandate
from services.orders.use_cases.hear_cooperative import end_without_savings, take_savings
from services.orders.use_cases.place_orders import PlaceOrder, place_orders
from services.orders.use_cases.receipts import Money
from services.orders.use_cases.receive_money import receive_money
from services.orders.use_cases.receive_return import receive_return
from services.orders.use_cases.record_bank_answer import record_bank_answer
from services.orders.use_cases.record_steps import Taken, record_steps
from services.orders.use_cases.refund_order import refund_order
from services.orders.use_cases.send_refund import fail_refund, make_refund, retry_refund
from services.orders.use_cases.ship_parcel import ship_parcel
from shared import ledger, sql
from shared.auth import Principal
from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.catalog import Payee, ShopOpened, Shortage, StockRefused, StockReserved
from shared.contracts.cooperatives import SavingsCharged, SavingsRefused
from shared.contracts.financing import Due, RepaymentMandateSet
from shared.contracts.orders import PaymentMethod
from shared.db import Connection, Database
from shared.idempotency import Claim, Replay
from shared.problems import Problem
from shared.testing.delivery import deliver
from tests.conftest import MakeDatabase
from tests.orders.conftest import listed_product

CHECKS = (*sql.load(main.__file__, "audit.sql"), *sql.load(ledger.__file__, "audit.sql"))
METHODS: tuple[PaymentMethod, ...] = ("qris", "cod", "savings", "cod")
TARIFF = shipping.load(OrdersSettings.model_fields["shipping_file"].default)
SHIP_TO = ShipTo("Ibu Sari", "+6281290000001", "Jalan Veteran 12", "18.01", None, None)
picks = st.integers(0, 2**32 - 1).map(random.Random)  # what is drawn does not depend on what the database holds

UNSETTLED = """
SELECT coalesce(sum(i.amount_minor - coalesce(r.amount_minor, 0)), 0)::bigint
  FROM (SELECT parcel_id, product_id, quantity * unit_price_minor AS amount_minor FROM order_lines
        UNION ALL SELECT parcel_id, NULL, shipping_minor FROM parcels) AS i
  JOIN parcels AS p USING (parcel_id)
  JOIN orders AS o USING (order_id)
  LEFT JOIN (SELECT parcel_id, product_id, sum(amount_minor) AS amount_minor FROM refund_parts GROUP BY 1, 2) AS r
    ON r.parcel_id = i.parcel_id AND r.product_id IS NOT DISTINCT FROM i.product_id
 WHERE o.status = 'reclaiming'
    OR (o.status = 'confirmed' AND p.status IN ('pending', 'shipped', 'delivered')
        AND (o.payment_method <> 'cod' OR p.status = 'delivered'))
"""
KEPT = """
SELECT s.parcel_id, s.goods_minor, s.shipping_minor, s.is_cash,
       (SELECT count(*) FROM order_lines AS l WHERE l.parcel_id = s.parcel_id) AS lines,
       coalesce((SELECT sum(r.amount_minor) FROM refund_parts AS r
                  WHERE r.parcel_id = s.parcel_id AND r.is_of_settled), 0)::bigint AS refunded_minor,
       coalesce((SELECT sum(r.amount_minor) FROM refund_parts AS r
                  WHERE r.parcel_id = s.parcel_id AND r.is_of_settled AND r.product_id IS NOT NULL), 0)::bigint
           AS refunded_goods_minor,
       (SELECT count(*) FROM refund_parts AS r WHERE r.parcel_id = s.parcel_id AND r.is_of_settled) AS refunds,
       coalesce((SELECT sum(t.amount_minor - t.returned_minor) FROM settlement_parts AS t
                  WHERE t.parcel_id = s.parcel_id AND t.kind = 'commission'), 0)::bigint AS commission_minor
  FROM settlements AS s
"""
PAID_OUT = """
SELECT coalesce(sum(CASE WHEN status IN ('scheduled', 'withheld', 'paid') THEN balance_minor
                         WHEN status = 'returned' THEN instalments_minor ELSE 0 END), 0)::bigint FROM payouts
"""
ACCOUNTS = "SELECT coalesce(sum(balance_minor), 0)::bigint FROM ledger_accounts WHERE code LIKE $1"


def person(*roles: str) -> Principal:
    return Principal(uuid4(), "person", frozenset(roles), frozenset())


class AnyLife(RuleBasedStateMachine):
    """Two shops, one of them with a joint listing and a loan to repay; runs in a loop of its own."""

    runner: asyncio.Runner
    db: Database

    def do(self, work: Callable[[Connection], Awaitable[Any]]) -> Any:
        """One transaction; what is refused changes nothing."""

        async def run() -> Any:
            try:
                async with self.db.transaction() as conn:
                    return await work(conn)
            except Problem as problem:
                return problem

        return self.runner.run(run())

    def rows(self, query: str, *values: Any) -> list[Any]:
        async def run() -> list[Any]:
            async with self.db.reading() as conn:
                return await conn.fetch(query, *values)

        return self.runner.run(run())

    @initialize()
    def open(self) -> None:
        self.operator, self.officer, self.buyer = person("operator"), person("operator"), person()
        self.owners: dict[UUID, Principal] = {}
        self.products: list[UUID] = []
        self.orders: list[UUID] = []
        for shop_id in (uuid4(), uuid4()):
            owner = self.owners[shop_id] = person()
            opened = ShopOpened(
                shop_id=shop_id, owner_id=owner.id, region_code="18.01", sequence=1, opened_at=utc_now()
            )
            joint = (
                Payee(party_id=shop_id, share_basis_points=6_667),
                Payee(party_id=uuid4(), share_basis_points=3_333),
            )
            listed = [
                listed_product(shop_id, 33_333, sequence=2),
                listed_product(shop_id, 70_001, sequence=3, payees=joint),
            ]
            self.products += [fact.product_id for fact in listed]
            self.runner.run(deliver(self.db, handlers, opened, *listed))
        indebted = next(iter(self.owners))
        mandate = RepaymentMandateSet(
            application_id=uuid4(),
            loan_id=uuid4(),
            lender_id=uuid4(),
            mandate_id=uuid4(),
            payee_id=indebted,
            shop_id=indebted,
            version=1,
            dues=(Due(number=1, due_on=day_of(utc_now()), amount_minor=25_000),),
            share_basis_points_max=5_000,
            currency="IDR",
            set_at=utc_now(),
        )

        async def settle_down(conn: Connection) -> None:
            await follow_mandate(conn, mandate)
            for shop_id, owner in self.owners.items():
                await conn.execute(
                    "INSERT INTO bank_accounts VALUES ($1, 'shop', '002', '1234567801', 'SITI AMINAH', $2, $3, $3)",
                    shop_id,
                    owner.id,
                    utc_now() - timedelta(days=1),
                )

        self.do(settle_down)

    def an_order(self, pick: random.Random, *statuses: str) -> Any:
        found = self.rows(
            "SELECT *, status::text AS state FROM orders WHERE order_id = ANY($1) AND status::text = ANY($2)"
            " ORDER BY order_id",
            self.orders,
            list(statuses),
        )
        return pick.choice(found) if found else None

    def a_parcel(self, pick: random.Random, *statuses: str) -> Any:
        found = self.rows(
            "SELECT p.*, p.status::text AS state, o.payment_method::text AS method FROM parcels AS p"
            " JOIN orders AS o USING (order_id)"
            " WHERE o.order_id = ANY($1) AND o.status = 'confirmed' AND p.status::text = ANY($2) ORDER BY parcel_id",
            self.orders,
            list(statuses),
        )
        return pick.choice(found) if found else None

    @rule(
        pick=picks,
        method=st.sampled_from(METHODS),
        quantities=st.lists(st.integers(0, 3), min_size=4, max_size=4),
        so_far=st.sampled_from(("placed", "reserved", "paid", "sent", "completed", "refunded")),
    )
    def order(self, pick: random.Random, method: PaymentMethod, quantities: list[int], so_far: str) -> None:
        """A new order, brought some of its way."""
        order_id = self.placed(method, quantities)
        if order_id is None or so_far == "placed":
            return
        self.answer_stock(order_id, 1, is_there=True)
        others, self.orders = self.orders, [order_id]
        if so_far != "reserved":
            self.pay(pick, 0, False)
            for _ in range({"paid": 0, "sent": 3}.get(so_far, 6)):
                self.parcel_goes_on(pick)
        for how in ("lines", "amount", "everything") if so_far == "refunded" else ():
            self.refund(pick, 1_111, how)
        self.orders = others

    def placed(self, method: PaymentMethod, quantities: list[int]) -> UUID | None:
        lines = tuple(WantedLine(p, n) for p, n in zip(self.products, quantities, strict=True) if n)
        if not lines:
            return None
        command = PlaceOrder(
            buyer_id=self.buyer.id,
            claim=Claim(self.buyer.id, "POST /v1/orders", uuid4().hex, uuid4().bytes),
            lines=lines,
            ship_to=SHIP_TO,
            method=method,
            traceparent=None,
            cooperative_id=uuid4() if method == "savings" else None,
        )
        now = utc_now()
        (answer,) = self.do(
            lambda conn: place_orders(conn, [command], fees=fees_on(TARIFF, day_of(now)), answer_seconds=60, now=now)
        )
        assert isinstance(answer, Replay), answer
        (row,) = self.rows(
            "SELECT order_id FROM orders WHERE buyer_id = $1 ORDER BY order_id DESC LIMIT 1", self.buyer.id
        )
        order_id: UUID = row["order_id"]
        self.orders.append(order_id)
        return order_id

    def answer_stock(self, order_id: UUID, attempt: int, *, is_there: bool) -> None:
        reserved = StockReserved(order_id=order_id, attempt=attempt, reserved_at=utc_now())
        shortage = Shortage(product_id=self.products[0], reason="sold_out", available=0)
        refused = StockRefused(order_id=order_id, attempt=attempt, shortages=(shortage,), refused_at=utc_now())
        if is_there:
            self.do(lambda conn: go_on_with_reserved(conn, [reserved], now=utc_now()))
        else:
            self.do(lambda conn: end_refused(conn, [refused], now=utc_now()))

    @rule(pick=picks, is_there=st.booleans())
    def stock_answers(self, pick: random.Random, is_there: bool) -> None:
        order = self.an_order(pick, "placed", "reclaiming")
        if order:
            self.answer_stock(order["order_id"], order["attempt"], is_there=is_there)

    @rule(pick=picks, off_by=st.sampled_from((0, 0, 0, 0, 1)), is_refused=st.sampled_from((False, False, False, True)))
    def pay(self, pick: random.Random, off_by: int, is_refused: bool) -> None:
        order = self.an_order(pick, "reserved", "reserved", "confirmed", "cancelled")
        if order is None or order["payment_method"] == "cod":
            return
        order_id, now = order["order_id"], utc_now()
        if order["payment_method"] == "savings":
            (asked,) = self.rows("SELECT * FROM savings_payments WHERE order_id = $1", order_id)
            said: dict[str, Any] = {
                "charge_id": asked["charge_id"],
                "order_id": order_id,
                "cooperative_id": asked["cooperative_id"],
                "amount_minor": order["total_minor"] + off_by,
                "currency": "IDR",
            }
            if is_refused and order["state"] == "reserved":
                answer = SavingsRefused(**said, reason="too_little", refused_at=now)
                self.do(lambda conn: end_without_savings(conn, [answer], now=now))
            else:
                charged = SavingsCharged(**said, member_id=uuid4(), charged_at=now)
                self.do(lambda conn: take_savings(conn, [charged], now=now))
            return
        money = Money("snap", uuid4().hex, order["total_minor"] + off_by, now)
        for _ in range(2):  # told twice
            self.do(lambda conn: receive_money(conn, order_id, money, now=now))

    @rule(pick=picks)
    def time_to_pay_passes(self, pick: random.Random) -> None:
        order = self.an_order(pick, "reserved")
        if order is None:
            return

        async def expire(conn: Connection) -> None:
            locked = await lock_order(conn, order["order_id"])
            assert locked is not None
            await record_steps(conn, [Taken(locked, payment_deadline_passed(locked))], now=utc_now())

        self.do(expire)

    @rule(pick=picks)
    def parcel_goes_on(self, pick: random.Random) -> None:
        parcel = self.a_parcel(pick, "pending", "shipped", "delivered")
        if parcel is None:
            return
        parcel_id, owner, now = parcel["parcel_id"], self.owners[parcel["shop_id"]], utc_now()
        due_minor = parcel["goods_minor"] + parcel["shipping_minor"] if parcel["method"] == "cod" else 0
        if parcel["state"] == "pending":
            done = self.do(lambda c: ship_parcel(c, parcel_id, owner, carrier="Pos", tracking=None, now=now))
        elif parcel["state"] == "shipped":
            done = self.do(lambda c: deliver_parcel(c, parcel_id, owner, collected_minor=due_minor, now=now))
        else:
            done = self.do(lambda c: complete_parcel(c, parcel_id, self.buyer, now=now))
        assert not isinstance(done, Problem), done

    @rule(pick=picks)
    def shop_calls_a_parcel_off(self, pick: random.Random) -> None:
        parcel = self.a_parcel(pick, "pending")
        if parcel:
            owner = self.owners[parcel["shop_id"]]
            self.do(lambda conn: cancel_parcel(conn, parcel["parcel_id"], owner, now=utc_now()))

    @rule(pick=picks)
    def parcel_comes_back(self, pick: random.Random) -> None:
        parcel = self.a_parcel(pick, "shipped")
        if parcel is None:
            return
        lines = self.rows("SELECT product_id, quantity FROM order_lines WHERE parcel_id = $1", parcel["parcel_id"])
        quantities = {line["product_id"]: line["quantity"] for line in lines}
        owner = self.owners[parcel["shop_id"]]
        self.do(lambda conn: receive_return(conn, parcel["parcel_id"], owner, quantities, now=utc_now()))

    @rule(pick=picks)
    def buyer_cancels(self, pick: random.Random) -> None:
        order = self.an_order(pick, "placed", "reserved", "confirmed", "reclaiming")
        if order:
            self.do(lambda conn: cancel_order(conn, order["order_id"], self.buyer, now=utc_now()))

    @rule(
        pick=picks,
        amount_minor=st.integers(1, 120_000),
        how=st.sampled_from(("lines", "amount", "amount", "everything")),
    )
    def refund(self, pick: random.Random, amount_minor: int, how: str) -> None:
        order = self.an_order(pick, "confirmed", "completed", "reclaiming")
        if order is None:
            return
        lines = self.rows("SELECT * FROM order_lines WHERE order_id = $1 ORDER BY product_id", order["order_id"])
        line = pick.choice(lines)
        owners = [
            self.owners[row["shop_id"]]
            for row in self.rows(
                "SELECT shop_id FROM parcels WHERE order_id = $1 ORDER BY parcel_id", order["order_id"]
            )
        ]
        who = pick.choice([self.operator, *owners])
        quantities = {line["product_id"]: pick.randint(1, line["quantity"])} if how == "lines" else None
        self.do(
            lambda conn: refund_order(
                conn,
                order["order_id"],
                who,
                quantities=quantities,
                amount_minor=amount_minor if how == "amount" else None,
                reason="goodwill",
                now=utc_now(),
            )
        )

    @rule(pick=picks, outcome=st.sampled_from(("made", "made", "failed", "retry")))
    def provider_answers_refund(self, pick: random.Random, outcome: str) -> None:
        wanted = "failed" if outcome == "retry" else "requested"
        found = self.rows(
            "SELECT refund_id, order_id FROM refunds WHERE order_id = ANY($1) AND status::text = $2 ORDER BY refund_id",
            self.orders,
            wanted,
        )
        if not found:
            return
        refund = pick.choice(found)
        if outcome == "made":
            for _ in range(2):  # answered twice
                self.do(lambda conn: make_refund(conn, refund["refund_id"], "R-1", now=utc_now()))
        elif outcome == "failed":
            self.do(lambda conn: fail_refund(conn, refund["refund_id"], now=utc_now()))
        else:
            self.do(lambda conn: retry_refund(conn, refund["order_id"], refund["refund_id"], self.operator))

    @rule()
    def payouts_go_out(self) -> None:
        now = utc_now()
        batch_id = self.do(
            lambda conn: draft_payouts(conn, up_to_date=day_of(now), created_by=self.officer.id, now=now)
        )
        if not isinstance(batch_id, Problem):
            approver = self.operator.id
            self.do(lambda conn: approve_payouts(conn, batch_id, approved_by=approver, is_sent=False, now=utc_now()))

    @rule(pick=picks, is_returned=st.booleans())
    def bank_answers(self, pick: random.Random, is_returned: bool) -> None:
        found = self.rows(
            "SELECT l.* FROM bank_file_lines AS l JOIN payouts AS p ON p.payout_id = l.line_id"
            " WHERE p.status = 'scheduled' AND p.payee_id = ANY($1) ORDER BY l.line_id",
            list(self.owners),
        )
        if not found:
            return
        line, now = pick.choice(found), utc_now()
        reason = "account_closed" if is_returned else None
        said = AnswerLine(line["line_id"], line["amount_minor"], reason, now)  # type: ignore[arg-type]  # one of the reasons
        answer = Answer(line["batch_id"], (said,), uuid4().hex + uuid4().hex)
        self.do(lambda conn: record_bank_answer(conn, line["batch_id"], answer, received_by=None, now=now))

    def sum_of(self, codes: str) -> int:
        (row,) = self.rows(ACCOUNTS, codes)
        return int(row[0])

    @invariant()
    def nothing_is_wrong_with_the_money(self) -> None:
        async def audit() -> dict[str, list[str]]:
            found = {}
            async with self.db.reading() as conn:
                for query in CHECKS:
                    since = {"since": utc_now() - timedelta(days=1)} if "since" in query.names else {}
                    if rows := await query.rows(conn, **since):
                        found[query.name] = [str(row["what"]) for row in rows]
            return found

        found = self.runner.run(audit())
        found.pop("refunds_have_not_failed", None)  # it is there to say that some have
        assert found == {}

    @invariant()
    def the_sums_are_those_of_the_orders(self) -> None:
        (unsettled,) = self.rows(UNSETTLED)
        (paid_out,) = self.rows(PAID_OUT)
        parcels = self.rows(KEPT)
        payees_minor = -int(paid_out[0])
        for parcel in parcels:
            gross_minor = parcel["goods_minor"] + parcel["shipping_minor"]
            kept_goods_minor = parcel["goods_minor"] - parcel["refunded_goods_minor"]
            slack = parcel["lines"] + parcel["refunds"]
            assert abs(parcel["commission_minor"] - kept_goods_minor // 100) <= slack
            assert kept_goods_minor > 0 or parcel["commission_minor"] == 0
            payees_minor += gross_minor - parcel["refunded_minor"] - parcel["commission_minor"]
            if parcel["is_cash"]:  # the shop has the cash, and handed back what was refunded
                payees_minor -= gross_minor - parcel["refunded_minor"]

        assert self.sum_of("orders:unsettled:%") == unsettled[0]
        assert self.sum_of("income:commission:%") == sum(parcel["commission_minor"] for parcel in parcels)
        assert self.sum_of("payee:%") == payees_minor


async def test_any_life_of_money_adds_up(
    make_database: MakeDatabase, orders_settings: OrdersSettings, stack: Stack
) -> None:
    made = await make_database("orders", size=2)
    async with made.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")

    await asyncio.to_thread(_live, stack.dsn("orders").rsplit("/", 1)[0] + f"/{name}", orders_settings)


def _live(dsn: str, orders_settings: OrdersSettings) -> None:
    with asyncio.Runner() as runner:
        db = runner.run(Database.connect(dsn, source="orders", size=2, settings=orders_settings))
        try:

            class Here(AnyLife):
                pass

            Here.runner, Here.db = runner, db
            run_state_machine_as_test(
                Here,
                settings=settings(
                    max_examples=12,
                    stateful_step_count=40,
                    deadline=None,
                    derandomize=True,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(db.close())
