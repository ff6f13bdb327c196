"""Any life of payouts, against a model of a few lines: earn, refund, draft, approve, return, withhold, accept, refuse.

Whatever comes in whatever order, nobody is paid twice or too much, and the books, the batches and the model agree.
"""

import asyncio
import random
from collections import defaultdict
from typing import Any
from uuid import UUID, uuid4

import httpx2
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from deploy.local.stack import Stack
from services.orders.handlers import payout_handlers
from services.orders.settings import OrdersSettings
from shared.contracts.financing import RepaymentMandateSet
from shared.contracts.payouts import InstalmentWithheld
from shared.db import Database
from shared.testing.delivery import deliver, published
from tests.conftest import MakeDatabase
from tests.orders.payouts.desk import TODAY, Desk, mandate, open_desk
from tests.orders.payouts.test_instalments import refused, repaid

MINIMUM = 10_000
PAYEES = 3
TABLES = (
    *("bank_file_lines", "instalments", "repayments", "mandates", "bank_answers", "remittances", "payouts"),
    *("payout_batches", "ledger_entries", "ledger_transfers", "ledger_accounts", "outbox"),
)
places = st.integers(0, PAYEES - 1)


class AnyLife(RuleBasedStateMachine):
    """Runs in a loop of its own, in a database of its own."""

    runner: asyncio.Runner
    desk: Desk
    draft: Any = None
    sent: list[Any]
    waiting: list[InstalmentWithheld]

    @initialize(shares=st.lists(st.integers(1, 10_000), min_size=PAYEES, max_size=PAYEES))
    def open(self, shares: list[int]) -> None:
        self.runner.run(self._open(shares))
        self.balances = [0] * PAYEES
        self.in_transit = self.bank = self.clearing = 0
        self.due: list[int] = [0] * PAYEES
        self.waiting = []
        self.known: set[UUID] = set()
        self.accepted: dict[UUID, int] = defaultdict(int)
        self.draft = None
        self.sent = []

    async def _open(self, shares: list[int]) -> None:
        for table in TABLES:
            await self.desk.corrupt(f"DELETE FROM {table}")  # noqa: S608  tables of ours
        self.lender = await self.desk.lender()
        self.payees = [await self.desk.payee(1) for _ in range(PAYEES)]
        self.mandates: list[RepaymentMandateSet] = []
        for payee, share in zip(self.payees, shares, strict=True):
            await self.desk.move(payee, -1)
            self.mandates.append(mandate(payee, self.lender, 1, share_basis_points_max=share))

    @rule(amounts=st.lists(st.integers(0, 100_000), min_size=PAYEES, max_size=PAYEES))
    def earn(self, amounts: list[int]) -> None:
        for place, amount in enumerate(amounts):
            if amount:
                self.balances[place] += amount
                self.runner.run(self.desk.move(self.payees[place], amount))

    @rule(place=places, amount=st.integers(1, 60_000))
    def refund(self, place: int, amount: int) -> None:
        self.balances[place] -= amount
        self.runner.run(self.desk.move(self.payees[place], -amount))

    @rule(place=places, amount=st.integers(1, 40_000))
    def owe_more(self, place: int, amount: int) -> None:
        old = self.mandates[place]
        total = amount + (old.dues[0].amount_minor if old.version > 1 else 0)
        due = old.dues[0].model_copy(update={"amount_minor": total, "due_on": TODAY})
        self.mandates[place] = old.model_copy(update={"version": old.version + 1, "dues": (due,)})
        self.due[place] += amount
        self.runner.run(deliver(self.desk.db, payout_handlers, self.mandates[place], old))

    @precondition(lambda self: self.draft is None)
    @rule()
    def make_a_draft(self) -> None:
        open_ones = {line["payee_id"] for batch in self.sent for line in batch["payouts"]}
        payable = [
            place
            for place, balance in enumerate(self.balances)
            if balance >= MINIMUM and str(self.payees[place]) not in open_ones
        ]
        answer = self.runner.run(self.desk.post("/v1/payouts", self.desk.drafter, {"up_to_date": TODAY.isoformat()}))
        assert answer.status_code == (201 if payable or sum(self.accepted.values()) else 409)
        if answer.status_code == 201:
            self.draft = answer.json()
            drafted = {line["payee_id"] for line in self.draft["payouts"]}
            assert drafted == {str(self.payees[place]) for place in payable}

    @precondition(lambda self: self.draft is not None)
    @rule(is_cancelled=st.sampled_from([False, False, False, True]))
    def decide(self, is_cancelled: bool) -> None:
        path = f"/v1/payouts/{self.draft['batch']['batch_id']}"
        drafted = {line["payee_id"] for line in self.draft["payouts"]}
        self.draft = None
        if is_cancelled:
            self.runner.run(self.desk.post(f"{path}/cancel", self.desk.drafter))
            return
        batch = self.runner.run(self.desk.post(f"{path}/approve", self.desk.approver)).json()
        lines = {line["payee_id"]: line for line in batch["payouts"]}
        for place, payee in enumerate(self.payees):
            if str(payee) in drafted:
                self._approved(place, lines[str(payee)])
        assert sum(one["amount_minor"] for one in batch["remittances"]) == sum(self.accepted.values())
        self.in_transit += sum(self.accepted.values())
        self.clearing -= sum(self.accepted.values())
        self.accepted.clear()
        for event in self.runner.run(published(self.desk.db, InstalmentWithheld)):
            if event.instalment_id not in self.known and event.lender_id == self.lender:
                self.known.add(event.instalment_id)
                self.waiting.append(event)
        if batch["batch"]["status"] == "approved":
            self.sent.append(batch)

    def _approved(self, place: int, line: Any) -> None:
        balance, share = self.balances[place], self.mandates[place].share_basis_points_max
        if balance < MINIMUM:
            assert line["left_out_reason"] == "below_minimum"
            return
        kept = min(self.due[place], balance * share // 10_000)
        assert (line["balance_minor"], line["instalments_minor"]) == (balance, kept)
        self.balances[place] = 0
        self.due[place] -= kept
        self.clearing += kept
        self.in_transit += balance - kept

    @precondition(lambda self: self.sent)
    @rule(pick=st.randoms(use_true_random=False))
    def hear_the_bank(self, pick: random.Random) -> None:
        batch = self.sent.pop(pick.randrange(len(self.sent)))
        returned: dict[str, str] = {}
        for line in batch["payouts"]:
            if line["status"] == "scheduled":
                self.in_transit -= line["amount_minor"]
                if pick.random() < 0.4:
                    returned[line["payout_id"]] = "other"
                    self.balances[self.payees.index(UUID(line["payee_id"]))] += line["amount_minor"]
                else:
                    self.bank -= line["amount_minor"]
        for one in batch["remittances"]:
            self.in_transit -= one["amount_minor"]
            if pick.random() < 0.4:
                returned[one["remittance_id"]] = "account_unknown"
                self.accepted[uuid4()] = one["amount_minor"]
                self.clearing += one["amount_minor"]
            else:
                self.bank -= one["amount_minor"]
        raw = self.runner.run(self.desk.answer_file(batch, returned))
        answers = [self.runner.run(self.desk.answer(batch, raw)).json()["verdict"] for _ in range(2)]
        assert answers == ["applied", "repeated"]

    @precondition(lambda self: self.waiting)
    @rule(pick=st.randoms(use_true_random=False), part=st.integers(0, 2))
    def hear_financing(self, pick: random.Random, part: int) -> None:
        """All of an instalment is accepted, all refused, or half of it each; told twice."""
        event = self.waiting.pop(pick.randrange(len(self.waiting)))
        place = self.payees.index(event.payee_id)
        accepted = event.amount_minor * part // 2
        back = event.amount_minor - accepted
        if accepted:
            told = repaid(self.mandates[place], accepted, event.instalment_id)
            self.runner.run(deliver(self.desk.db, payout_handlers, told))
            self.runner.run(deliver(self.desk.db, payout_handlers, told))
            self.accepted[event.instalment_id] += accepted
        if back:
            told_back = refused(event, back)
            self.runner.run(deliver(self.desk.db, payout_handlers, told_back))
            self.runner.run(deliver(self.desk.db, payout_handlers, told_back))
            self.balances[place] += back
            self.due[place] += back
            self.clearing -= back

    @invariant()
    def the_books_are_the_models(self) -> None:
        if not hasattr(self, "balances"):
            return

        async def look() -> list[int]:
            return [await self.desk.balance(payee) for payee in self.payees]

        assert self.runner.run(look()) == self.balances

    def teardown(self) -> None:
        if hasattr(self, "balances"):
            assert self.runner.run(self.desk.audit()) == {}
            assert self.runner.run(self.desk.balance("payouts:in_transit")) == self.in_transit
            assert self.runner.run(self.desk.balance("clearing:financing")) == self.clearing
            assert self.runner.run(self.desk.balance("bank")) == self.bank


async def test_any_life_of_payouts_is_the_models(
    make_database: MakeDatabase, orders_settings: OrdersSettings, stack: Stack
) -> None:
    db = await make_database("orders", settings=orders_settings)
    async with db.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")
    await asyncio.to_thread(_live, stack, name, orders_settings)


def _live(stack: Stack, name: str, orders_settings: OrdersSettings) -> None:
    """In a loop of its own: the state machine is not asynchronous."""

    async def connected(service: str, *, settings: object = None, size: int = 4) -> Database:
        dsn = stack.dsn(service).rsplit("/", 1)[0] + f"/{name}"
        return await Database.connect(dsn, source=service, size=size, settings=settings)

    with asyncio.Runner() as runner:
        http = httpx2.AsyncClient(trust_env=False)
        opening = open_desk(connected, orders_settings, stack, http=http)
        desk = runner.run(opening.__aenter__())
        try:

            class Here(AnyLife):
                pass

            Here.runner, Here.desk = runner, desk
            run_state_machine_as_test(Here, settings=settings(max_examples=20, stateful_step_count=30, deadline=None))
        finally:
            runner.run(opening.__aexit__(None, None, None))
            runner.run(http.aclose())
