"""Any life of savings, against a model of a few lines: whatever officers, members and orders do in whatever order."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

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
from services.cooperatives.settings import CooperativesSettings
from shared.contracts.cooperatives import SavingsCharged, SavingsRefused
from shared.contracts.orders import SavingsChargeRequested
from shared.db import Database
from shared.testing.delivery import published
from tests.conftest import MakeDatabase
from tests.cooperatives.auditing import faults
from tests.cooperatives.conftest import Cooperative, Member, Office, office_on
from tests.cooperatives.test_charging import charge, refund

T = TypeVar("T")
LIMIT = 50
PRINCIPAL = 100
MEMBERS = 2
who = st.integers(0, MEMBERS - 1)
amounts = st.integers(1, 120)


@dataclass
class Saver:
    """What the model knows of one member."""

    principal: int = 0
    mandatory: int = 0
    voluntary: int = 0
    payable: int = 0
    held: int = 0
    alone: int = 0  # paid without a second person, all on one day
    state: str = "candidate"


@dataclass
class Model:
    """Cash, what is owed to the market, and the members."""

    cash: int = 0
    held_cash: int = 0
    clearing: int = 0
    savers: list[Saver] = field(default_factory=lambda: [Saver() for _ in range(MEMBERS)])
    waiting: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    charged: list[list[Any]] = field(default_factory=list)  # the request, by whom, what is left of it


class AnyLife(RuleBasedStateMachine):
    """Each life has a cooperative of its own; requests go over HTTP, orders' events to the handlers."""

    runner: asyncio.Runner
    office: Office

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def open(self) -> None:
        self.model = Model()
        self.cooperative: Cooperative = self.do(
            self.office.cooperative(
                principal_savings_minor=PRINCIPAL, withdrawal_limit_minor=LIMIT, mandatory_savings_minor=10
            )
        )
        self.members: list[Member] = [self.do(self.office.candidate(self.cooperative)) for _ in range(MEMBERS)]

    def post(self, path: str, body: dict[str, Any] | None = None, *, by: str = "treasurer") -> httpx2.Response:
        return self.do(self.office.post(self.cooperative.path + path, getattr(self.cooperative, by), body))

    @rule(i=who, kind=st.sampled_from(["principal", "mandatory", "voluntary"]), amount=amounts)
    def deposit(self, i: int, kind: str, amount: int) -> None:
        saver = self.model.savers[i]

        answer = self.post(self.members[i].path + "/deposits", {"kind": kind, "amount_minor": amount})

        may = {
            "principal": saver.state == "candidate" and saver.principal + amount <= PRINCIPAL,
            "mandatory": saver.state in ("active", "suspended"),
            "voluntary": saver.state == "active",
        }[kind]
        assert answer.status_code == (201 if may else 409)
        if may:
            setattr(saver, kind, getattr(saver, kind) + amount)
            self.model.cash += amount
            if saver.state == "candidate" and saver.principal == PRINCIPAL:
                saver.state = "active"

    @rule(i=who)
    def complete_the_principal(self, i: int) -> None:
        saver = self.model.savers[i]
        if saver.state == "candidate":
            body = {"kind": "principal", "amount_minor": PRINCIPAL - saver.principal}
            assert self.post(self.members[i].path + "/deposits", body).status_code == 201
            self.model.cash += PRINCIPAL - saver.principal
            saver.principal, saver.state = PRINCIPAL, "active"

    @rule(i=who, kind=st.sampled_from(["voluntary", "payable"]), amount=amounts)
    def withdraw(self, i: int, kind: str, amount: int) -> None:
        saver, model = self.model.savers[i], self.model

        answer = self.post(self.members[i].path + "/withdrawals", {"kind": kind, "amount_minor": amount})

        states = ("active", "suspended") if kind == "voluntary" else ("ended",)
        may = (
            saver.state in states
            and getattr(saver, kind) - saver.held >= amount
            and model.cash - model.held_cash >= amount
        )
        assert answer.status_code == (201 if may else 409), answer.text
        if not may:
            return
        if saver.alone + amount > LIMIT:
            model.waiting[answer.json()["withdrawal_id"]] = (i, kind, amount)
            saver.held += amount
            model.held_cash += amount
        else:
            setattr(saver, kind, getattr(saver, kind) - amount)
            saver.alone += amount
            model.cash -= amount

    @precondition(lambda self: self.model.waiting)
    @rule(pick=st.integers(0, 50), paid=st.booleans(), by=st.sampled_from(["treasurer", "chair"]))
    def decide(self, pick: int, paid: bool, by: str) -> None:
        model = self.model
        withdrawal_id = sorted(model.waiting)[pick % len(model.waiting)]
        i, kind, amount = model.waiting[withdrawal_id]

        answer = self.post(f"/withdrawals/{withdrawal_id}/{'approve' if paid else 'refuse'}", by=by)

        assert answer.status_code == (200 if by == "chair" else 403)
        if by == "chair":
            del model.waiting[withdrawal_id]
            model.savers[i].held -= amount
            model.held_cash -= amount
            if paid:
                setattr(model.savers[i], kind, getattr(model.savers[i], kind) - amount)
                model.cash -= amount

    @rule(i=who, amount=amounts)
    def charge(self, i: int, amount: int) -> None:
        saver = self.model.savers[i]
        asked: SavingsChargeRequested = charge(self.cooperative, self.members[i], amount)

        self.do(self.office.hear(asked))

        charged = self.do(published(self.office.db, SavingsCharged, charge_id=asked.charge_id))
        refused = self.do(published(self.office.db, SavingsRefused, charge_id=asked.charge_id))
        may = saver.state == "active" and saver.voluntary - saver.held >= amount
        assert (len(charged), len(refused)) == ((1, 0) if may else (0, 1))
        if may:
            saver.voluntary -= amount
            self.model.clearing += amount
            self.model.charged.append([asked, i, amount])

    @precondition(lambda self: self.model.charged)
    @rule(pick=st.integers(0, 50), amount=amounts, twice=st.booleans())
    def refund(self, pick: int, amount: int, twice: bool) -> None:
        one = self.model.charged[pick % len(self.model.charged)]
        asked, i, left = one
        if amount > left:
            return  # orders never refunds more than was paid; what happens then is tested beside
        saver, fact = self.model.savers[i], refund(asked, amount)

        for _ in range(2 if twice else 1):
            self.do(self.office.hear(fact))

        one[2] -= amount
        self.model.clearing -= amount
        if saver.state == "ended":
            saver.payable += amount
        else:
            saver.voluntary += amount

    @rule(i=who, to=st.sampled_from(["suspend", "resume"]))
    def suspend_or_resume(self, i: int, to: str) -> None:
        saver = self.model.savers[i]
        may = saver.state == ("active" if to == "suspend" else "suspended")

        assert self.post(f"{self.members[i].path}/{to}").status_code == (200 if may else 409)
        if may:
            saver.state = "suspended" if to == "suspend" else "active"

    @rule(i=who)
    def end(self, i: int) -> None:
        saver = self.model.savers[i]
        is_waiting = any(one == i for one, _, _ in self.model.waiting.values())
        may = saver.state != "ended" and not is_waiting

        answer = self.post(self.members[i].path + "/end", {"reason": "resigned"})

        assert answer.status_code == (201 if may else 409)
        if may:
            saver.payable = saver.principal + saver.mandatory + saver.voluntary
            assert answer.json()["payable_minor"] == saver.payable
            saver.principal = saver.mandatory = saver.voluntary = 0
            saver.state = "ended"

    @invariant()
    def the_books_say_the_same(self) -> None:
        if not hasattr(self, "cooperative"):
            return
        savers = self.model.savers
        expected = {
            "1101": self.model.cash,
            "2101": -sum(saver.voluntary for saver in savers),
            "2102": -sum(saver.payable for saver in savers),
            "2301": -self.model.clearing,
            "3101": -sum(saver.principal for saver in savers),
            "3102": -sum(saver.mandatory for saver in savers),
        }
        trial = self.do(self.office.trial(self.cooperative))
        assert {code: amount for code, amount in trial.items() if amount} == {k: v for k, v in expected.items() if v}


async def test_any_life_of_savings_is_the_models(
    make_database: MakeDatabase, stack: Stack, cooperatives_settings: CooperativesSettings
) -> None:
    db = await make_database("cooperatives", size=2)
    async with db.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")
    dsn = stack.dsn("cooperatives").rsplit("/", 1)[0] + f"/{name}"

    await asyncio.to_thread(_live, dsn, cooperatives_settings)

    assert await faults(db) == {}


def _live(dsn: str, told: CooperativesSettings) -> None:
    with asyncio.Runner() as runner:
        db = runner.run(Database.connect(dsn, source="cooperatives", size=4, settings=told))
        opened = office_on(db, told)
        try:

            class Here(AnyLife):
                pass

            Here.runner, Here.office = runner, runner.run(opened.__aenter__())
            run_state_machine_as_test(Here, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))
            runner.run(opened.__aexit__(None, None, None))
        finally:
            runner.run(db.close())
