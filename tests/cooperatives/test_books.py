"""The general ledger: journals by two persons, trial balance now and then, entries of an account."""

import asyncio
from typing import Any

import pytest

from tests.cooperatives.conftest import PRINCIPAL, Cooperative, Office


def sale(amount_minor: int = 80_000, **other: Any) -> dict[str, Any]:
    """A journal: income in cash."""
    lines = [
        {"code": "1101", "side": "debit", "amount_minor": amount_minor},
        {"code": "4101", "side": "credit", "amount_minor": amount_minor},
    ]
    return {"description": "Penjualan toko", "lines": lines} | other


async def book(office: Office, cooperative: Cooperative, body: dict[str, Any]) -> str:
    """A journal that is written and approved."""
    made = await office.post(f"{cooperative.path}/journals", cooperative.treasurer, body, status=201)
    journal_id = str(made.json()["journal_id"])
    await office.post(f"{cooperative.path}/journals/{journal_id}/approve", cooperative.chair, status=200)
    return journal_id


async def test_a_journal_is_booked_when_another_officer_approves(office: Office) -> None:
    cooperative = await office.cooperative()
    path = f"{cooperative.path}/journals"

    made = (await office.post(path, cooperative.treasurer, sale(), status=201)).json()
    before = await office.trial(cooperative)
    own = await office.post(f"{path}/{made['journal_id']}/approve", cooperative.treasurer)
    answers = await asyncio.gather(
        *(office.post(f"{path}/{made['journal_id']}/approve", cooperative.chair) for _ in range(4))
    )

    trial = await office.trial(cooperative)
    assert not any(before.values())
    assert own.json()["type"].endswith("needs-another-person")
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert (trial["1101"], trial["4101"]) == (80_000, -80_000)


@pytest.mark.parametrize(
    "lines",
    [
        [("1101", "debit", 2), ("4101", "credit", 1)],
        [("1101", "debit", 1), ("1101", "credit", 1)],
        [("1101", "debit", 1), ("2101", "credit", 1)],
        [("1101", "debit", 1), ("3101", "credit", 1)],
        [("1101", "debit", 1), ("2301", "credit", 1)],
        [("1101", "debit", 1), ("3301", "credit", 1)],
        [("1101", "debit", 1), ("4999", "credit", 1)],
    ],
)
async def test_a_journal_that_is_none_is_refused(office: Office, lines: list[tuple[str, str, int]]) -> None:
    cooperative = await office.cooperative()
    body = sale(lines=[{"code": code, "side": side, "amount_minor": amount} for code, side, amount in lines])

    answer = await office.post(f"{cooperative.path}/journals", cooperative.treasurer, body)

    assert answer.json()["type"].endswith("journal-refused")


async def test_only_the_treasurer_writes_and_not_into_the_future(office: Office) -> None:
    cooperative = await office.cooperative()

    chair = await office.post(f"{cooperative.path}/journals", cooperative.chair, sale())
    future = await office.post(f"{cooperative.path}/journals", cooperative.treasurer, sale(booked_on="2999-01-01"))

    assert chair.json()["type"].endswith("not-your-task")
    assert future.json()["type"].endswith("journal-refused")


async def test_cash_that_is_not_there_cannot_be_spent(office: Office) -> None:
    cooperative = await office.cooperative()
    lines = [
        {"code": "5102", "side": "debit", "amount_minor": 1},
        {"code": "1101", "side": "credit", "amount_minor": 1},
    ]
    made = await office.post(f"{cooperative.path}/journals", cooperative.treasurer, sale(lines=lines), status=201)

    path = f"{cooperative.path}/journals/{made.json()['journal_id']}"
    answer = await office.post(f"{path}/approve", cooperative.chair)
    await office.post(f"{path}/refuse", cooperative.chair, status=200)
    refused = await office.post(f"{path}/approve", cooperative.chair)

    assert answer.json()["type"].endswith("balance-refused")
    assert refused.json()["type"].endswith("decided-already")


async def test_the_trial_balance_of_a_day_knows_what_had_happened(office: Office) -> None:
    cooperative = await office.cooperative()
    await book(office, cooperative, sale(10_000, booked_on="2026-03-31"))
    await book(office, cooperative, sale(5_000, booked_on="2026-04-01"))
    await office.member(cooperative)

    march = await office.trial(cooperative, on="2026-03-31")
    april = await office.trial(cooperative, on="2026-04-30")
    now = await office.trial(cooperative)

    assert march == {"1101": 10_000, "4101": -10_000}
    assert april == {"1101": 15_000, "4101": -15_000}
    assert (now["1101"], now["3101"]) == (15_000 + PRINCIPAL, -PRINCIPAL)


async def test_entries_of_an_account_come_in_pages(office: Office) -> None:
    cooperative = await office.cooperative()
    for amount_minor in (1_000, 2_000, 3_000):
        await book(office, cooperative, sale(amount_minor))
    path = f"{cooperative.path}/ledger/accounts/4101/entries"

    first = await office.get(f"{path}?limit=2", cooperative.secretary)
    second = await office.get(f"{path}?limit=2&cursor={first['next_cursor']}", cooperative.secretary)
    unknown = await office.get(f"{cooperative.path}/ledger/accounts/4999/entries", cooperative.secretary, status=404)

    assert [entry["amount_minor"] for entry in first["items"] + second["items"]] == [1_000, 2_000, 3_000]
    assert unknown["type"].endswith("not-found")
    listed = await office.get(f"{cooperative.path}/journals?state=posted", cooperative.secretary)
    assert [len(journal["lines"]) for journal in listed["items"]] == [2, 2, 2]
