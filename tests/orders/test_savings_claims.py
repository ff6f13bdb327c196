"""What cooperatives owe for orders paid from savings: paid once by reference, up to what is owed, by officers."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

from services.orders.store import accounts
from shared.contracts.clearing import SavingsClaimPaid
from shared.testing.delivery import published
from tests.orders.conftest import Market
from tests.orders.test_money_audit import faults_of_money
from tests.orders.test_savings import asked, charged, clearing


def path_of(cooperative_id: UUID) -> str:
    return f"/v1/savings-claims/{cooperative_id}/payments"


def payment(amount_minor: Any, reference: Any = None) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "reference": reference or f"TRF-{uuid4().hex}"}


async def bank(market: Market) -> int:
    async with market.db.reading() as conn:
        return await accounts.balance_minor(conn, accounts.bank())


async def test_a_transfer_of_the_cooperative_counts_once_and_is_told(market: Market) -> None:
    _, _, order, request = await asked(market)
    await market.hear(charged(request))
    officer, owed, before = market.person(roles=["finance"]), order["total_minor"], await bank(market)
    body, key, path = payment(owed - 400), uuid4().hex, path_of(request.cooperative_id)

    first = await market.post(path, officer, body, key=key)
    again = await market.post(path, officer, body, key=key)
    other = await market.post(path, officer, body)
    too_much = await market.post(path, officer, payment(401))

    assert (first.status_code, again.json()) == (201, first.json())
    assert first.json()["claim"]["owed_minor"] == 400
    assert [answer.json()["type"].rsplit(":", 1)[-1] for answer in (other, too_much)] == [
        "reference-counted",
        "more-than-owed",
    ]
    assert (await bank(market) - before, await clearing(market, request)) == (owed - 400, 400)
    (told,) = await published(market.db, SavingsClaimPaid, cooperative_id=request.cooperative_id)
    assert (str(told.payment_id), told.amount_minor) == (first.json()["payment_id"], owed - 400)
    assert await faults_of_money(market) == {}


async def test_of_payments_at_once_no_more_than_is_owed_is_taken(market: Market) -> None:
    _, _, order, request = await asked(market)
    await market.hear(charged(request))
    path, owed = path_of(request.cooperative_id), order["total_minor"]
    officers = [market.person(roles=[role]) for role in ("operator", "finance")] * 2

    answers = await asyncio.gather(*(market.post(path, officer, payment(owed - 1)) for officer in officers))
    same = payment(1)
    twice = await asyncio.gather(*(market.post(path, officer, same) for officer in officers))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert sorted(answer.status_code for answer in twice) == [201, 409, 409, 409]
    assert await clearing(market, request) == 0
    assert len(await published(market.db, SavingsClaimPaid, cooperative_id=request.cooperative_id)) == 2


async def test_claims_are_for_officers_only(market: Market) -> None:
    _, buyer, _, request = await asked(market)
    await market.hear(charged(request))
    operator, path = market.person(roles=["operator"]), path_of(request.cooperative_id)

    refused = [(await market.post(path, person, payment(1))).status_code for person in (buyer, market.person())]
    looked = await market.client.get("/v1/savings-claims", headers=buyer.headers)
    unknown = await market.post(path_of(uuid4()), operator, payment(1))
    wrong = [
        await market.post(path, operator, payment(*body)) for body in ((0,), (-1,), ("x",), (1, "a"), (1, "\x00bc"))
    ]
    listed: list[dict[str, Any]] = []
    cursor = ""
    while not listed or cursor:
        answer = await market.client.get(f"/v1/savings-claims?limit=2{cursor}", headers=operator.headers)
        listed += answer.json()["items"]
        cursor = f"&cursor={answer.json()['next_cursor']}" if answer.json()["next_cursor"] else ""

    (mine,) = [item for item in listed if item["cooperative_id"] == str(request.cooperative_id)]
    assert (refused, looked.status_code, unknown.status_code) == ([404, 404], 403, 404)
    assert {answer.status_code for answer in wrong} == {422}
    assert (mine["owed_minor"], mine["paid_minor"]) == (request.amount_minor, 0)
    assert len({item["cooperative_id"] for item in listed}) == len(listed)
