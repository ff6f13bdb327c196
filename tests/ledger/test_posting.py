"""Posting: what is refused and changes nothing, what is repeated, what many do at once."""

import asyncio
import dataclasses
from collections.abc import Callable
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from shared import ledger
from shared.ledger import Kind, NewAccount, Posted, Reason, Refusal, Refused, Side, Transfer, credit, debit
from shared.money import AMOUNT_MINOR_MAX
from tests.ledger.conftest import AT, Books, figures, move


async def test_a_transfer_moves_money_and_each_account_has_a_line_of_it(books: Books) -> None:
    bank, seller, fees = await books.account(Kind.ASSET), await books.account(), await books.account(Kind.INCOME)
    order_id = str(uuid4())
    sale = Transfer(
        uuid4(),
        (debit(bank, 100_000), credit(seller, 97_000), credit(fees, 3_000)),
        "parcel_completed",
        AT,
        {"order_id": order_id, "parcel_id": "1"},
    )

    async with books.db.transaction() as conn:
        payout = move(seller, bank, 60_000)
        assert await ledger.post(conn, [sale, payout]) == [Posted(sale.id, True), Posted(payout.id, True)]

    async with books.db.reading() as conn:
        assert await figures(conn, bank, seller, fees) == [(40_000, 0, 2), (37_000, 0, 2), (3_000, 0, 1)]
        lines = await ledger.statement(conn, seller)
        assert [(x.version, x.side, x.amount_minor, x.balance_after_minor) for x in lines] == [
            (1, Side.CREDIT, 97_000, 97_000),
            (2, Side.DEBIT, 60_000, 37_000),
        ]
        assert (lines[0].transfer_id, lines[0].reference, lines[0].event_at) == (sale.id, sale.reference, AT)
        assert await ledger.statement(conn, seller, after=1) == lines[1:]
        booked = await ledger.about(conn, {"order_id": order_id})
        assert sorted((leg.side, leg.amount_minor) for leg in booked) == [
            ("credit", 3_000),
            ("credit", 97_000),
            ("debit", 100_000),
        ]


REFUSED: dict[str, tuple[Reason, Callable[[UUID, UUID, UUID], tuple[ledger.Leg, ...]]]] = {
    "unbalanced": (Reason.UNBALANCED, lambda a, b, _: (debit(a, 5), credit(b, 4))),
    "both on one side": (Reason.UNBALANCED, lambda a, b, _: (debit(a, 5), debit(b, 5))),
    "mixed currency": (Reason.MIXED_CURRENCY, lambda a, _, foreign: (debit(a, 5), credit(foreign, 5))),
    "nothing": (Reason.AMOUNT_OUT_OF_RANGE, lambda a, b, _: (debit(a, 0), credit(b, 0))),
    "negative": (Reason.AMOUNT_OUT_OF_RANGE, lambda a, b, _: (debit(a, -5), credit(b, -5))),
    "too much": (
        Reason.AMOUNT_OUT_OF_RANGE,
        lambda a, b, _: (debit(a, AMOUNT_MINOR_MAX + 1), credit(b, AMOUNT_MINOR_MAX + 1)),
    ),
    "beyond any integer": (Reason.AMOUNT_OUT_OF_RANGE, lambda a, b, _: (debit(a, 2**63), credit(b, 2**63))),
    "one leg": (Reason.TOO_FEW_LEGS, lambda a, *_: (debit(a, 5),)),
    "no legs": (Reason.TOO_FEW_LEGS, lambda *_: ()),
    "an account twice": (Reason.ACCOUNT_TWICE, lambda a, b, _: (debit(a, 5), credit(b, 3), credit(b, 2))),
    "with itself": (Reason.ACCOUNT_TWICE, lambda a, *_: (debit(a, 5), credit(a, 5))),
    "an unknown account": (Reason.ACCOUNT_UNKNOWN, lambda a, *_: (debit(a, 5), credit(uuid4(), 5))),
    "below the minimum": (Reason.BELOW_MINIMUM, lambda a, b, _: (debit(a, 101), credit(b, 101))),
    "above the maximum": (Reason.ABOVE_MAXIMUM, lambda a, b, _: (debit(a, 51), credit(b, 51))),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_must_not_be_is_refused_and_nothing_changes(books: Books, name: str) -> None:
    reason, legs = REFUSED[name]
    has_100 = await books.account_with(100)
    takes_50 = await books.account(most=50)
    takes_all = await books.account()
    async with books.db.transaction() as conn:
        foreign = (await ledger.open_accounts(conn, [NewAccount(str(uuid4()), Kind.LIABILITY, "USD")])).popitem()[1]
    other = takes_50 if reason is Reason.ABOVE_MAXIMUM else takes_all
    bad = Transfer(uuid4(), legs(has_100, other, foreign), "test", AT)
    good = move(has_100, takes_all, 1)

    async with books.db.transaction() as conn:
        alone = await ledger.post(conn, [bad])
        before = await figures(conn, has_100, other, foreign)
        together = await ledger.post(conn, [bad, good])
        after = await figures(conn, has_100, takes_all)

    assert [verdict.reason for verdict in alone if isinstance(verdict, Refusal)] == [reason]
    assert before == [(100, 0, 1), (0, 0, 0), (0, 0, 0)]
    assert together == [alone[0], Posted(good.id, is_new=True)]
    assert after == [(99, 0, 2), (1, 0, 1)]
    async with books.db.reading() as conn:
        assert not await conn.fetchval("SELECT EXISTS (SELECT FROM ledger_transfers WHERE id = $1)", bad.id)


async def test_a_refusal_names_the_account_that_has_too_little(books: Books) -> None:
    poor, rich = await books.account_with(10), await books.account_with(10)

    async with books.db.transaction() as conn:
        verdicts = await ledger.post(conn, [move(poor, rich, 8), move(poor, rich, 3), move(rich, poor, 18)])

    assert [verdict.account_id for verdict in verdicts if isinstance(verdict, Refusal)] == [poor]
    async with books.db.reading() as conn:
        assert await figures(conn, poor, rich) == [(20, 0, 3), (0, 0, 3)]


async def test_all_or_nothing_does_nothing_when_one_is_refused(books: Books) -> None:
    poor, rich = await books.account_with(10), await books.account_with(10)
    first, second = move(poor, rich, 8), move(poor, rich, 3)

    async with books.db.transaction() as conn:
        with pytest.raises(Refused) as refused:
            await ledger.post_all(conn, [first, first, second])

    assert [(refusal.id, refusal.reason) for refusal in refused.value.refusals] == [
        (first.id, Reason.NOT_DONE),
        (first.id, Reason.NOT_DONE),
        (second.id, Reason.BELOW_MINIMUM),
    ]
    async with books.db.reading() as conn:
        assert await figures(conn, poor, rich) == [(10, 0, 1), (10, 0, 1)]


async def test_a_repeat_is_answered_and_does_nothing_and_other_contents_are_refused(books: Books) -> None:
    one, other, third = await books.account_with(10), await books.account(), await books.account_with(10)
    first = move(one, other, 7)
    turned = dataclasses.replace(first, legs=first.legs[::-1])

    async with books.db.transaction() as conn:
        assert await ledger.post(conn, [first, turned]) == [Posted(first.id, True), Posted(first.id, False)]
    async with books.db.transaction() as conn:
        assert await ledger.post(conn, [turned]) == [Posted(first.id, False)]
        for changed in (
            move(one, other, 3, id_=first.id),
            move(third, other, 7, id_=first.id),
            dataclasses.replace(first, reason="else"),
            dataclasses.replace(first, reference={"order_id": "1"}),
        ):
            assert await ledger.post(conn, [changed]) == [Refusal(first.id, Reason.ID_TAKEN)]
        assert await figures(conn, one, other, third) == [(3, 0, 2), (7, 0, 1), (10, 0, 1)]


async def test_fifty_at_once_with_one_id_do_it_once(books: Books) -> None:
    one, other = await books.account_with(100), await books.account()
    transfer = move(one, other, 60)

    async def ask() -> ledger.Posted | ledger.Refusal:
        async with books.db.transaction() as conn:
            return (await ledger.post(conn, [transfer]))[0]

    verdicts = await asyncio.gather(*(ask() for _ in range(50)))

    assert sorted(verdict.is_new for verdict in verdicts if isinstance(verdict, Posted)) == [False] * 49 + [True]
    async with books.db.reading() as conn:
        assert await figures(conn, one, other) == [(40, 0, 2), (60, 0, 1)]


async def test_one_id_for_different_accounts_at_once_is_taken_once(books: Books) -> None:
    id_ = uuid4()
    pairs = [(await books.account_with(5), await books.account()) for _ in range(10)]

    async def ask(one: UUID, other: UUID) -> ledger.Posted | ledger.Refusal:
        async with books.db.transaction() as conn:
            return (await ledger.post(conn, [move(one, other, 5, id_=id_), move(one, other, 1)]))[0]

    verdicts = await asyncio.gather(*(ask(*pair) for pair in pairs))

    assert sum(isinstance(verdict, Posted) for verdict in verdicts) == 1
    assert {verdict.reason for verdict in verdicts if isinstance(verdict, Refusal)} == {Reason.ID_TAKEN}
    async with books.db.reading() as conn:
        # Where the id was taken by another one, the rest of the batch went through.
        assert sorted(await figures(conn, *(other for _, other in pairs))) == [(1, 0, 1)] * 9 + [(5, 0, 1)]


async def test_opposite_orders_at_once_take_turns_without_deadlock(books: Books) -> None:
    accounts = [await books.account_with(1_000) for _ in range(6)]

    async def play(number: int) -> None:
        turned = accounts[number % 6 :] + accounts[: number % 6]
        turned = turned[::-1] if number % 2 else turned
        for _ in range(5):
            async with books.db.transaction() as conn:
                await ledger.post_all(conn, [move(a, b, 1) for a, b in pairwise(turned)])

    await asyncio.gather(*(play(number) for number in range(16)))

    async with books.db.reading() as conn:
        found = await figures(conn, *accounts)
    assert sum(balance_minor for balance_minor, _, _ in found) == 6_000
    assert sum(version for _, _, version in found) == 6 + 16 * 5 * 5 * 2
    assert await books.violated() == set()


async def test_two_batches_in_one_transaction_after_locking_the_union(books: Books) -> None:
    one, other = await books.account_with(500), await books.account_with(500)

    async def play(first: UUID, second: UUID) -> None:
        third = await books.account()
        async with books.db.transaction() as conn:
            await ledger.lock(conn, [first, second, third])
            await ledger.post_all(conn, [move(first, third, 1)])
            await ledger.post_all(conn, [move(second, third, 1)])

    await asyncio.gather(*(play(*((one, other) if number % 2 else (other, one))) for number in range(20)))

    async with books.db.reading() as conn:
        assert await figures(conn, one, other) == [(480, 0, 21), (480, 0, 21)]


async def test_opening_again_keeps_the_id_and_refuses_another_kind(books: Books) -> None:
    account = NewAccount(f"savings:{uuid4()}", Kind.LIABILITY)

    async with books.db.transaction() as conn:
        first = await ledger.open_accounts(conn, [account])
        again = await ledger.open_accounts(conn, [NewAccount(account.code, Kind.LIABILITY)])
        with pytest.raises(ledger.AccountDiffers):
            await ledger.open_accounts(conn, [NewAccount(account.code, Kind.ASSET)])
        with pytest.raises(ledger.AccountUnknown):
            await ledger.balance(conn, uuid4())

    assert first == again == {account.code: account.id}
