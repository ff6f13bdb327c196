"""Holds: counted against balances, settled in whole or part, released, expired; resolved once."""

import asyncio
import dataclasses
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from shared import ledger
from shared.clock import utc_now
from shared.ledger import Hold, Kind, Posted, Reason, Refusal, Settlement
from tests.ledger.conftest import AT, Books, figures, move


def held(debited: UUID, credited: UUID, amount_minor: int) -> Hold:
    return Hold(uuid4(), debited, credited, amount_minor, "checkout", AT)


def settled(hold: Hold, amount_minor: int) -> Settlement:
    return Settlement(uuid4(), hold.id, amount_minor, "paid", AT)


async def test_what_is_held_cannot_be_spent_and_not_be_held_again(books: Books) -> None:
    savings, seller = await books.account_with(100), await books.account()
    first, second = held(savings, seller, 70), held(savings, seller, 31)

    async with books.db.transaction() as conn:
        assert await ledger.hold(conn, [first, second]) == [
            Posted(first.id, True),
            Refusal(second.id, Reason.BELOW_MINIMUM, savings),
        ]
        spent, kept = move(savings, seller, 31), move(savings, seller, 30)
        assert await ledger.post(conn, [spent, kept]) == [
            Refusal(spent.id, Reason.BELOW_MINIMUM, savings),
            Posted(kept.id, True),
        ]

    async with books.db.reading() as conn:
        found = await ledger.balance(conn, savings)
        assert (found.balance_minor, found.held_out_minor, found.available_minor) == (70, 70, 0)
        assert (await ledger.balance(conn, seller)).held_in_minor == 70


async def test_what_is_held_for_an_account_counts_against_its_maximum(books: Books) -> None:
    savings, capped = await books.account_with(100), await books.account(most=50)
    first, second = held(savings, capped, 40), held(savings, capped, 11)

    async with books.db.transaction() as conn:
        assert await ledger.hold(conn, [first, second]) == [
            Posted(first.id, True),
            Refusal(second.id, Reason.ABOVE_MAXIMUM, capped),
        ]


async def test_a_part_is_settled_and_the_rest_let_go(books: Books) -> None:
    savings, seller = await books.account_with(100), await books.account()
    hold = held(savings, seller, 70)
    payment = settled(hold, 45)

    async with books.db.transaction() as conn:
        await ledger.hold(conn, [hold])
        assert await ledger.settle(conn, [payment]) == [Posted(payment.id, True)]
        assert await ledger.settle(conn, [payment]) == [Posted(payment.id, False)]

    async with books.db.reading() as conn:
        assert await figures(conn, savings, seller) == [(55, 0, 2), (45, 0, 1)]
        line = (await ledger.statement(conn, seller))[0]
        assert (line.transfer_id, line.hold_id, line.amount_minor) == (payment.id, hold.id, 45)
    assert await books.violated() == set()


@pytest.mark.parametrize(
    ("amount_minor", "reason"),
    [(71, Reason.HOLD_EXCEEDED), (0, Reason.AMOUNT_OUT_OF_RANGE), (-1, Reason.AMOUNT_OUT_OF_RANGE)],
)
async def test_not_more_than_what_is_held_is_settled(books: Books, amount_minor: int, reason: Reason) -> None:
    savings, seller = await books.account_with(100), await books.account()
    hold = held(savings, seller, 70)
    payment = settled(hold, amount_minor)

    async with books.db.transaction() as conn:
        await ledger.hold(conn, [hold])
        assert await ledger.settle(conn, [payment]) == [Refusal(payment.id, reason)]
        assert await figures(conn, savings, seller) == [(100, 70, 1), (0, 0, 0)]


async def test_a_hold_is_resolved_once(books: Books) -> None:
    savings, seller = await books.account_with(100), await books.account()
    paid, freed = held(savings, seller, 30), held(savings, seller, 30)
    first, second = settled(paid, 30), settled(paid, 30)
    late = settled(freed, 30)

    async with books.db.transaction() as conn:
        await ledger.hold(conn, [paid, freed])
        assert await ledger.settle(conn, [first, second]) == [
            Posted(first.id, True),
            Refusal(second.id, Reason.HOLD_RESOLVED),
        ]
        assert await ledger.release(conn, [paid.id, freed.id, freed.id]) == [
            Refusal(paid.id, Reason.HOLD_RESOLVED),
            Posted(freed.id, True),
            Posted(freed.id, False),
        ]
        assert await ledger.release(conn, [freed.id]) == [Posted(freed.id, False)]
        assert await ledger.settle(conn, [late]) == [Refusal(late.id, Reason.HOLD_RESOLVED)]
        assert await ledger.hold(conn, [freed]) == [Posted(freed.id, False)]
        assert await ledger.hold(conn, [dataclasses.replace(freed, amount_minor=31)]) == [
            Refusal(freed.id, Reason.ID_TAKEN)
        ]
        unknown = uuid4()
        assert await ledger.release(conn, [unknown]) == [Refusal(unknown, Reason.HOLD_UNKNOWN)]
        assert await figures(conn, savings, seller) == [(70, 0, 2), (30, 0, 1)]


async def test_of_settling_and_releasing_at_once_one_wins(books: Books) -> None:
    savings, seller = await books.account_with(100), await books.account()
    hold = held(savings, seller, 30)
    async with books.db.transaction() as conn:
        await ledger.hold(conn, [hold])

    async def resolve(number: int) -> bool:
        async with books.db.transaction() as conn:
            if number % 2:
                verdict = (await ledger.release(conn, [hold.id]))[0]
            else:
                verdict = (await ledger.settle(conn, [settled(hold, 30)]))[0]
        return isinstance(verdict, Posted) and verdict.is_new

    assert sum(await asyncio.gather(*(resolve(number) for number in range(20)))) == 1
    assert await books.violated() == set()


async def test_an_expired_hold_is_not_settled_and_is_let_go(books: Books) -> None:
    savings, seller = await books.account_with(100), await books.account()
    over = dataclasses.replace(held(savings, seller, 30), expires_at=utc_now() - timedelta(seconds=1))
    running = dataclasses.replace(held(savings, seller, 20), expires_at=utc_now() + timedelta(hours=1))
    payment = settled(over, 30)

    async with books.db.transaction() as conn:
        await ledger.hold(conn, [over, running])
        assert await ledger.settle(conn, [payment]) == [Refusal(payment.id, Reason.HOLD_EXPIRED)]
        assert await ledger.expire(conn) == 1
        assert await ledger.expire(conn) == 0
        assert await figures(conn, savings) == [(100, 20, 1)]
        assert await ledger.release(conn, [over.id]) == [Refusal(over.id, Reason.HOLD_RESOLVED)]


async def test_a_hold_of_an_account_with_itself_or_of_nothing_is_refused(books: Books) -> None:
    savings, seller = await books.account_with(100), await books.account(Kind.INCOME)
    own, nothing = held(savings, savings, 5), held(savings, seller, 0)

    async with books.db.transaction() as conn:
        assert await ledger.hold(conn, [own, nothing]) == [
            Refusal(own.id, Reason.ACCOUNT_TWICE),
            Refusal(nothing.id, Reason.AMOUNT_OUT_OF_RANGE),
        ]
