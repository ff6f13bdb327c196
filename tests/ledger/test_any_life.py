"""Any life of a ledger, against a model of a few lines: whatever is asked in whatever order, both say the same."""

import asyncio
import random
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from shared import ledger
from shared.db import Database
from shared.ledger import Hold, Kind, NewAccount, Posted, Reason, Refusal, Settlement, Side, Transfer, credit, debit
from tests.ledger.conftest import AT, Books, NewBooks

# A clearing account without bounds, three that may not go below zero of which one is capped, and a fee account.
ACCOUNTS = (
    (Kind.ASSET, None, None),
    (Kind.LIABILITY, 0, None),
    (Kind.LIABILITY, 0, None),
    (Kind.LIABILITY, 0, 500),
    (Kind.EXPENSE, -200, None),
)
places = st.integers(0, len(ACCOUNTS) - 1)
amounts = st.integers(-1, 300)
pairs = st.tuples(places, places, amounts)


@dataclass
class Model:
    """Balances in the normal side, what is held, and what was done by which id."""

    balances: list[int] = field(default_factory=lambda: [0] * len(ACCOUNTS))
    out: list[int] = field(default_factory=lambda: [0] * len(ACCOUNTS))
    into: list[int] = field(default_factory=lambda: [0] * len(ACCOUNTS))
    entries: list[int] = field(default_factory=lambda: [0] * len(ACCOUNTS))
    done: dict[UUID, tuple[object, ...]] = field(default_factory=dict)
    holds: dict[UUID, tuple[int, int, int]] = field(default_factory=dict)  # the pending ones

    def why_not(self, debited: int, credited: int, amount: int) -> Reason | None:
        """What is wrong with moving or holding this."""
        if amount < 1:
            return Reason.AMOUNT_OUT_OF_RANGE
        if debited == credited:
            return Reason.ACCOUNT_TWICE
        for place, side in sorted([(debited, Side.DEBIT), (credited, Side.CREDIT)]):
            kind, least, most = ACCOUNTS[place]
            if kind.normal_side is side:
                if most is not None and self.balances[place] + self.into[place] + amount > most:
                    return Reason.ABOVE_MAXIMUM
            elif least is not None and self.balances[place] - self.out[place] - amount < least:
                return Reason.BELOW_MINIMUM
        return None

    def move(self, debited: int, credited: int, amount: int) -> None:
        for place, side in ((debited, Side.DEBIT), (credited, Side.CREDIT)):
            self.balances[place] += amount if ACCOUNTS[place][0].normal_side is side else -amount
            self.entries[place] += 1

    def keep(self, debited: int, credited: int, amount: int) -> None:
        for place, side in ((debited, Side.DEBIT), (credited, Side.CREDIT)):
            held = self.into if ACCOUNTS[place][0].normal_side is side else self.out
            held[place] += amount

    def post(self, id_: UUID, debited: int, credited: int, amount: int) -> Reason | bool:
        """Why not, or whether it is new."""
        contents = ("post", debited, credited, amount)
        if id_ in self.done:
            return False if self.done[id_] == contents else Reason.ID_TAKEN
        if reason := self.why_not(debited, credited, amount):
            return reason
        self.move(debited, credited, amount)
        self.done[id_] = contents
        return True

    def settle(self, id_: UUID, hold_id: UUID, amount: int) -> Reason | bool:
        if hold_id not in self.holds:
            return Reason.HOLD_RESOLVED
        debited, credited, held = self.holds[hold_id]
        if amount < 1:
            return Reason.AMOUNT_OUT_OF_RANGE
        if amount > held:
            return Reason.HOLD_EXCEEDED
        del self.holds[hold_id]
        self.keep(debited, credited, -held)
        self.move(debited, credited, amount)
        self.done[id_] = ("settle", hold_id, amount)
        return True


class AnyLife(RuleBasedStateMachine):
    """Runs in a loop of its own, in accounts of its own."""

    runner: asyncio.Runner
    db: Database

    @initialize()
    def open(self) -> None:
        codes = [f"life:{uuid4()}" for _ in ACCOUNTS]
        # Ids in the order of places, so that the model knows which account is looked at first.
        ids = sorted(uuid4() for _ in ACCOUNTS)
        accounts = [
            NewAccount(code, kind, "IDR", least, most, id=id_)
            for code, id_, (kind, least, most) in zip(codes, ids, ACCOUNTS, strict=True)
        ]
        self.ids = ids
        self.model = Model()
        self.all_holds: list[UUID] = []

        async def work() -> None:
            async with self.db.transaction() as conn:
                await ledger.open_accounts(conn, accounts)

        self.runner.run(work())

    def transfer(self, id_: UUID, debited: int, credited: int, amount: int) -> Transfer:
        return Transfer(id_, (debit(self.ids[debited], amount), credit(self.ids[credited], amount)), "life", AT)

    def posted(self, transfers: list[Transfer]) -> list[Reason | bool]:
        async def work() -> list[Posted | Refusal]:
            async with self.db.transaction() as conn:
                return await ledger.post(conn, transfers)

        return [answered(verdict) for verdict in self.runner.run(work())]

    @rule(batch=st.lists(pairs, min_size=1, max_size=8))
    def post(self, batch: list[tuple[int, int, int]]) -> None:
        ids = [uuid4() for _ in batch]

        found = self.posted([self.transfer(id_, *pair) for id_, pair in zip(ids, batch, strict=True)])

        assert found == [self.model.post(id_, *pair) for id_, pair in zip(ids, batch, strict=True)]

    @rule(pick=st.randoms(use_true_random=False), pair=pairs, same=st.booleans())
    def repeat(self, pick: random.Random, pair: tuple[int, int, int], same: bool) -> None:
        known = [(id_, contents) for id_, contents in self.model.done.items() if contents[0] == "post"]
        if not known:
            return
        id_, (_, debited, credited, amount) = pick.choice(known)
        assert isinstance(debited, int) and isinstance(credited, int) and isinstance(amount, int)
        again = (debited, credited, amount) if same else pair

        assert self.posted([self.transfer(id_, *again)]) == [self.model.post(id_, *again)]

    @rule(pair=pairs)
    def hold(self, pair: tuple[int, int, int]) -> None:
        debited, credited, amount = pair
        hold = Hold(uuid4(), self.ids[debited], self.ids[credited], amount, "life", AT)
        expected = self.model.why_not(debited, credited, amount) or True
        if expected is True:
            self.model.keep(debited, credited, amount)
            self.model.holds[hold.id] = pair
            self.all_holds.append(hold.id)

        async def work() -> list[Posted | Refusal]:
            async with self.db.transaction() as conn:
                return await ledger.hold(conn, [hold])

        assert [answered(verdict) for verdict in self.runner.run(work())] == [expected]

    @rule(pick=st.randoms(use_true_random=False), amount=amounts)
    def settle(self, pick: random.Random, amount: int) -> None:
        if not self.all_holds:
            return
        settlement = Settlement(uuid4(), pick.choice(self.all_holds), amount, "life", AT)

        async def work() -> list[Posted | Refusal]:
            async with self.db.transaction() as conn:
                return await ledger.settle(conn, [settlement])

        found = [answered(verdict) for verdict in self.runner.run(work())]
        assert found == [self.model.settle(settlement.id, settlement.hold_id, amount)]

    @rule(pick=st.randoms(use_true_random=False))
    def void(self, pick: random.Random) -> None:
        if not self.all_holds:
            return
        hold_id = pick.choice(self.all_holds)
        pending = self.model.holds.pop(hold_id, None)
        if pending is not None:
            debited, credited, held = pending
            self.model.keep(debited, credited, -held)

        async def work() -> list[Posted | Refusal]:
            async with self.db.transaction() as conn:
                return await ledger.release(conn, [hold_id])

        found = [answered(verdict) for verdict in self.runner.run(work())]
        settled = any(contents[:2] == ("settle", hold_id) for contents in self.model.done.values())
        assert found == [Reason.HOLD_RESOLVED if settled else pending is not None]

    @rule(batch=st.lists(st.tuples(places, places, st.integers(1, 20)), min_size=2, max_size=6))
    def at_once(self, batch: list[tuple[int, int, int]]) -> None:
        """Two post the same transfers in opposite orders: each is done by one of them, unless both refuse it."""
        transfers = [self.transfer(uuid4(), *pair) for pair in batch]

        async def one(turned: list[Transfer]) -> list[Posted | Refusal]:
            async with self.db.transaction() as conn:
                return await ledger.post(conn, turned)

        async def both() -> tuple[list[Posted | Refusal], list[Posted | Refusal]]:
            return await asyncio.gather(one(transfers), one(transfers[::-1]))

        forth, back = self.runner.run(both())
        for pair, transfer, *verdicts in zip(batch, transfers, forth, back[::-1], strict=True):
            new = [verdict for verdict in verdicts if isinstance(verdict, Posted) and verdict.is_new]
            assert len(new) == any(isinstance(verdict, Posted) for verdict in verdicts)
            if new:
                self.model.move(*pair)
                self.model.done[transfer.id] = ("post", *pair)

    @invariant()
    def the_figures_are_the_models(self) -> None:
        async def work() -> list[ledger.Balance]:
            async with self.db.reading() as conn:
                return [await ledger.balance(conn, id_) for id_ in self.ids]

        if hasattr(self, "ids"):
            found = self.runner.run(work())
            assert [one.balance_minor for one in found] == self.model.balances
            assert [one.held_out_minor for one in found] == self.model.out
            assert [one.held_in_minor for one in found] == self.model.into
            assert [one.version for one in found] == self.model.entries


def answered(verdict: Posted | Refusal) -> Reason | bool:
    return verdict.is_new if isinstance(verdict, Posted) else verdict.reason


async def test_any_life_of_a_ledger_is_the_models(new_books: NewBooks) -> None:
    books = await new_books()

    await asyncio.to_thread(_live, books)

    assert await books.violated() == set()


def _live(books: Books) -> None:
    with asyncio.Runner() as runner:
        db = runner.run(Database.connect(books.service_dsn, source="life", size=4))
        try:

            class Here(AnyLife):
                pass

            Here.runner, Here.db = runner, db
            run_state_machine_as_test(Here, settings=settings(max_examples=30, stateful_step_count=25, deadline=None))
        finally:
            runner.run(db.close())
