"""What a cooperative may owe the market: who sets it, and that no charge goes beyond it, in batches and in races."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

from services.cooperatives.handlers import handlers
from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.clearing import SavingsClaimPaid
from shared.contracts.cooperatives import SavingsCharged
from shared.testing.delivery import check_handler, published
from tests.cooperatives.auditing import faults
from tests.cooperatives.conftest import Cooperative, Office, Person
from tests.cooperatives.test_charging import charge, reason_for, refund


async def put(office: Office, cooperative: Cooperative, person: Person | None, limit_minor: Any) -> int:
    """The status of the answer."""
    headers = person.headers if person else {}
    path = f"{cooperative.path}/market_limit"
    return (await office.client.put(path, json={"limit_minor": limit_minor}, headers=headers)).status_code


async def refusals(office: Office, cooperative: Cooperative) -> list[str]:
    """Why charges were refused, as the office keeps it."""
    async with office.db.reading() as conn:
        rows = await conn.fetch(
            "SELECT refusal::text FROM savings_charges WHERE cooperative_id = $1 AND refusal IS NOT NULL",
            cooperative.cooperative_id,
        )
    return sorted(row["refusal"] for row in rows)


async def test_savings_of_a_cooperative_that_nobody_admitted_pay_nothing(office: Office) -> None:
    cooperative = await office.cooperative(market_limit_minor=0)
    member = await office.member(cooperative, voluntary_minor=50_000)
    asked = charge(cooperative, member, 1)

    await check_handler(office.db, handlers, asked)

    (membership,) = (await office.get("/v1/me/memberships", member.person))["items"]
    assert (await reason_for(office, asked), await refusals(office, cooperative)) == ("too_little", ["not_admitted"])
    assert (await office.trial(cooperative))["2101"] == -50_000
    assert not membership["may_pay_at_market"]


async def test_only_an_operator_from_outside_sets_the_limit(office: Office) -> None:
    cooperative, other = await office.cooperative(market_limit_minor=0), await office.cooperative()
    member = await office.member(cooperative)
    operator = office.person(roles=["operator"])
    member_who_operates = office.person(member.person.account_id, roles=["operator"])
    chair_who_operates = office.person(cooperative.chair.account_id, roles=["operator"])

    refused = [
        await put(office, cooperative, person, 5)
        for person in (None, office.person(), office.person(roles=["finance"]), member.person, other.chair)
    ]
    inside = [
        await put(office, cooperative, person, 5)
        for person in (cooperative.chair, cooperative.treasurer, chair_who_operates, member_who_operates)
    ]
    wrong = [await put(office, cooperative, operator, limit_minor) for limit_minor in (-1, 10**12 + 1, "much")]

    assert (refused, inside, wrong) == ([401, 404, 404, 404, 404], [403] * 4, [422] * 3)
    assert (await office.get(cooperative.path))["market_limit_minor"] == 0


async def test_each_change_of_the_limit_says_who_made_it(office: Office) -> None:
    cooperative = await office.cooperative(market_limit_minor=0)
    operator = office.person(roles=["operator"])

    assert [await put(office, cooperative, operator, limit_minor) for limit_minor in (70, 70, 30, 0)] == [200] * 4

    async with office.db.reading() as conn:
        rows = await conn.fetch(
            "SELECT number, before_minor, after_minor, changed_by FROM market_limits"
            " WHERE cooperative_id = $1 ORDER BY number",
            cooperative.cooperative_id,
        )
    lines = [(row["number"], row["before_minor"], row["after_minor"]) for row in rows]
    assert lines == [(1, 0, 70), (2, 70, 30), (3, 30, 0)]
    assert {row["changed_by"] for row in rows} == {operator.account_id}


async def test_a_batch_stays_within_the_limit_and_gives_room_back(office: Office) -> None:
    cooperative = await office.cooperative(market_limit_minor=10_000)
    member = await office.member(cooperative, voluntary_minor=50_000)
    poor = await office.member(cooperative)
    asked = [
        charge(cooperative, poor, 9_000),  # has nothing: takes no room from those behind
        charge(cooperative, member, 6_000),
        charge(cooperative, member, 4_001),
        charge(cooperative, member, 4_000),
    ]

    await office.hear(*asked)

    charged = await published(office.db, SavingsCharged, cooperative_id=cooperative.cooperative_id)
    shown = await office.get(cooperative.path)
    assert {answer.charge_id for answer in charged} == {asked[1].charge_id, asked[3].charge_id}
    assert await refusals(office, cooperative) == ["limit_reached", "too_little"]
    assert (shown["market_limit_minor"], shown["market_used_minor"]) == (10_000, 10_000)

    await office.hear(refund(asked[1], 6_000))
    await office.hear(later := charge(cooperative, member, 6_000))
    assert len(await published(office.db, SavingsCharged, charge_id=later.charge_id)) == 1


async def test_charges_at_once_never_go_beyond_the_limit(office: Office) -> None:
    cooperative = await office.cooperative(market_limit_minor=30_000)
    members = [await office.member(cooperative, voluntary_minor=50_000) for _ in range(6)]

    await asyncio.gather(*(office.hear(charge(cooperative, member, 10_000)) for member in members for _ in range(2)))

    assert (await office.trial(cooperative))["2301"] == -30_000
    assert await refusals(office, cooperative) == ["limit_reached"] * 9


def paid(cooperative_id: UUID, amount_minor: int) -> SavingsClaimPaid:
    """What orders says when the cooperative's transfer has come."""
    return SavingsClaimPaid(
        payment_id=uuid4(),
        cooperative_id=cooperative_id,
        amount_minor=amount_minor,
        currency="IDR",
        paid_at=utc_now(),
    )


async def owing(office: Office, amount_minor: int) -> Cooperative:
    """A cooperative that may owe just what it owes, with the principal of one member more in cash."""
    cooperative = await office.cooperative(market_limit_minor=amount_minor)
    member = await office.member(cooperative, voluntary_minor=amount_minor)
    await office.hear(charge(cooperative, member, amount_minor))
    return cooperative


async def to_bank(office: Office, cooperative: Cooperative, amount_minor: int) -> None:
    """The treasurer takes cash to the bank."""
    body = {
        "description": "Setor ke bank",
        "booked_on": day_of(utc_now()).isoformat(),
        "lines": [
            {"code": "1102", "side": "debit", "amount_minor": amount_minor},
            {"code": "1101", "side": "credit", "amount_minor": amount_minor},
        ],
    }
    made = await office.post(f"{cooperative.path}/journals", cooperative.treasurer, body, status=201)
    path = f"{cooperative.path}/journals/{made.json()['journal_id']}/approve"
    await office.post(path, cooperative.chair, status=200)


async def test_a_payment_to_the_market_leaves_bank_then_cash_once(office: Office) -> None:
    cooperative = await owing(office, 50_000)
    await to_bank(office, cooperative, 20_000)
    before = await office.trial(cooperative)
    fact = paid(cooperative.cooperative_id, 30_000)

    await check_handler(office.db, handlers, fact)
    await office.hear(fact)  # under another event id

    after = await office.trial(cooperative)
    moved = {code: after[code] - before[code] for code in ("1101", "1102", "2301")}
    assert moved == {"1101": -10_000, "1102": -20_000, "2301": 30_000}
    assert (await office.get(cooperative.path))["market_used_minor"] == 20_000
    assert await faults(office.db, "clearing_is_what_orders_took", "books_of_a_cooperative_balance") == {}


async def test_a_payment_that_the_books_cannot_have_made_waits_for_the_treasurer(office: Office) -> None:
    cooperative = await owing(office, 50_000)
    trial = await office.trial(cooperative)
    await office.hear(fact := paid(cooperative.cooperative_id, trial["1101"] + 1))
    await office.hear(stranger := paid(uuid4(), 1))

    async with office.db.reading() as conn:
        rows = await conn.fetch(
            "SELECT ordering_key, reason FROM dead_letters WHERE ordering_key = ANY($1)",
            [str(fact.cooperative_id), str(stranger.cooperative_id)],
        )
    why = {row["ordering_key"]: row["reason"].split(":")[0] for row in rows}
    assert why == {str(fact.cooperative_id): "Retry", str(stranger.cooperative_id): "Reject"}
    assert await office.trial(cooperative) == trial
