"""A year's surplus over HTTP: tried, decided by the meeting, divided once, in the books, paid out."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from services.cooperatives.settings import CooperativesSettings
from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.cooperatives import SurplusDistributed
from shared.testing.delivery import published, snapshot
from tests.cooperatives.conftest import Office, Person
from tests.cooperatives.world import IN_THE_YEAR, USUAL, World, make_world, refunded


async def a_year(office: Office, **settings: Any) -> World:
    """Ten members with 100,000 each, three of them with dealings, and a surplus of 1,000,003."""
    world = await make_world(office, **settings)
    await world.surplus(1_000_003)
    await world.sold(3, 700_000)
    await world.sold(4, 200_000, buyer=world.people[5].account_id)
    await world.hear(refunded(await world.sold(6, 100_000), 100_000))
    return world


async def divide(
    world: World, by: Person, *, dry: bool = False, status: int | None = None, key: str | None = None,
    query: str = "", allocation: dict[str, int] | None = None,
) -> dict[str, Any]:  # fmt: skip
    path = f"{world.path}/years/2025/surplus?dry_run={str(dry).lower()}{query}"
    answer = await world.office.post(path, by, {"allocation": allocation or USUAL}, key=key, status=status)
    body: dict[str, Any] = answer.json()
    return body


async def test_a_dry_run_says_who_would_get_what_and_stores_nothing(office: Office) -> None:
    world = await a_year(office)
    before = await snapshot(office.db)

    answer = await divide(world, world.treasurer, dry=True, status=200)

    assert await snapshot(office.db) == before
    assert (answer["surplus_minor"], answer["savings_total_minor"], answer["dealings_total_minor"]) == (
        1_000_003, 1_000_000, 1_100_000,
    )  # fmt: skip
    assert (answer["is_dry_run"], answer["rounding"], answer["capital_base"]) == (
        True,
        "floor",
        "principal_and_mandatory",
    )
    by_member = {item["member_id"]: item for item in answer["items"]}
    three, five = by_member[str(world.members[3])], by_member[str(world.members[5])]
    # capital: 120,000.36 * 100,000 / 1,000,000; service: 280,000.84 * 700,000 / 1,100,000
    assert (three["capital_minor"], three["service_minor"]) == (12_000, 178_182)
    assert (three["exact_capital"], three["exact_service"]) == ("12000.036", "178182.352727")
    assert (five["dealings_minor"], five["service_minor"]) == (200_000, 50_909)
    assert by_member[str(world.members[6])]["dealings_minor"] == 0
    funds = {fund["name"]: fund["amount_minor"] for fund in answer["funds"]}
    assert sum(funds.values()) + answer["members_minor"] == 1_000_003
    assert answer["members_minor"] == sum(item["total_minor"] for item in answer["items"])
    assert answer["residue_minor"] == 400_001 - answer["members_minor"]


async def test_nothing_is_lost_with_the_largest_remainder(office: Office) -> None:
    world = await a_year(office, surplus_rounding="largest_remainder")

    answer = await divide(world, world.chair, dry=True, status=200)

    assert answer["residue_minor"] == 1  # two pools that are not whole are floored first
    assert answer["members_minor"] == 120_000 + 280_000


async def test_pages_of_a_dry_run_are_all_members_once(office: Office) -> None:
    world = await a_year(office)
    first = await divide(world, world.chair, dry=True, query="&limit=6")
    rest = await divide(world, world.chair, dry=True, query=f"&limit=6&cursor={first['next_cursor']}")

    seen = [item["member_id"] for item in first["items"] + rest["items"]]
    assert sorted(seen) == sorted(str(member) for member in world.members) and rest["next_cursor"] is None


async def test_savings_count_as_they_were_when_the_year_ended(office: Office) -> None:
    world = await a_year(office)
    await office.post(
        f"{world.path}/members/{world.members[3]}/deposits", world.chair,
        {"kind": "mandatory", "amount_minor": 900_000}, status=201,
    )  # fmt: skip

    answer = await divide(world, world.chair, dry=True)

    assert answer["savings_total_minor"] == 1_000_000


async def test_all_savings_count_where_the_articles_say_so(office: Office) -> None:
    world = await make_world(office, capital_base="all_savings")
    year = day_of(utc_now()).year
    await office.post(
        f"{world.path}/members/{world.members[3]}/deposits", world.chair,
        {"kind": "voluntary", "amount_minor": 250_000}, status=201,
    )  # fmt: skip

    path = f"{world.path}/years/{year}/surplus?dry_run=true"
    answer = (await office.post(path, world.chair, {"allocation": USUAL}, status=200)).json()

    assert (answer["capital_base"], answer["savings_total_minor"]) == ("all_savings", 1_250_000)


async def test_the_meeting_decides_and_the_books_agree(office: Office) -> None:
    world = await a_year(office)
    tried = await divide(world, world.chair, dry=True)
    await world.decide(allocation=USUAL)

    divided = await divide(world, world.treasurer, status=201)

    same = ("surplus_minor", "members_minor", "funds", "items", "residue_minor", "allocation", "members")
    assert {name: divided[name] for name in same} == {name: tried[name] for name in same}
    funds = {fund["name"]: fund["amount_minor"] for fund in divided["funds"]}
    for name, code in (("reserve", "3201"), ("education", "2104"), ("social", "2105"), ("management", "2106"),
                       ("staff", "2107")):  # fmt: skip
        assert await world.balance(code) == funds[name], name
    assert await world.balance("2103", 3) == 12_000 + 178_182
    assert (await world.balance("3301"), await world.balance("4101"), await world.balance("5102")) == (0, 0, 0)
    (event,) = await published(office.db, SurplusDistributed, cooperative_id=world.cooperative_id)
    assert (event.year, event.surplus_minor, event.members_minor, event.members) == (
        2025, 1_000_003, divided["members_minor"], 10,
    )  # fmt: skip
    assert str(event.meeting_id) == divided["meeting_id"]
    assert (await office.get(f"{world.path}/years/2025/surplus", world.chair))["items"] == divided["items"]
    trial = await office.get(f"{world.path}/ledger/trial-balance", world.chair)
    assert trial["debit_minor"] == trial["credit_minor"]


async def test_only_what_the_meeting_decided_is_divided(office: Office) -> None:
    world = await a_year(office)
    assert (await divide(world, world.chair, status=409))["type"].endswith("not-decided-by-the-meeting")
    meeting = await world.meeting()
    motion = await world.moved(meeting, "surplus", USUAL)
    await world.all_vote(meeting, motion)
    assert (await divide(world, world.chair, status=409))["type"].endswith("not-decided-by-the-meeting")
    await office.post(f"{meeting}/close", world.chair, status=200)  # one signature is not enough
    assert (await divide(world, world.chair, status=409))["type"].endswith("not-decided-by-the-meeting")
    await office.post(f"{meeting}/close", world.secretary, status=200)

    other = USUAL | {"reserve": 4_001, "social": 499}
    before = await snapshot(office.db)
    assert (await divide(world, world.chair, status=409, allocation=other))["type"].endswith("by-the-meeting")

    assert await snapshot(office.db) == before
    await divide(world, world.chair, status=201)


@pytest.mark.parametrize("how", ["rejected", "extraordinary", "another year"])
async def test_what_was_decided_otherwise_does_not_count(office: Office, how: str) -> None:
    world = await a_year(office)
    meeting = await world.meeting(
        kind="extraordinary" if how == "extraordinary" else "annual", year=2024 if how == "another year" else 2025
    )
    motion = await world.moved(meeting, "surplus", USUAL)
    await world.all_vote(meeting, motion, "no" if how == "rejected" else "yes")
    await world.close(meeting)

    assert (await divide(world, world.chair, status=409))["type"].endswith("not-decided-by-the-meeting")


async def test_a_year_is_divided_once_however_often_it_is_asked(office: Office) -> None:
    world = await a_year(office)
    await world.decide(allocation=USUAL)

    answers = await asyncio.gather(
        *(
            office.post(f"{world.path}/years/2025/surplus", person, {"allocation": USUAL})
            for person in (world.chair, world.secretary, world.treasurer) * 2
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert {a.json()["type"].rsplit(":", 1)[1] for a in answers if a.status_code == 409} == {"divided-already"}
    assert len(await published(office.db, SurplusDistributed, cooperative_id=world.cooperative_id)) == 1
    assert await world.balance("2103", 3) == 12_000 + 178_182


async def test_the_same_key_answers_the_same(office: Office) -> None:
    world = await a_year(office)
    await world.decide(allocation=USUAL)

    first = await divide(world, world.chair, key="shu-2025", status=201)
    second = await divide(world, world.chair, key="shu-2025", status=201)

    assert first == second
    missing = await office.client.post(
        f"{world.path}/years/2025/surplus", json={"allocation": USUAL}, headers=world.chair.headers
    )
    assert missing.status_code == 400


async def test_a_loss_divides_nothing_and_is_met_from_the_reserve(office: Office) -> None:
    world = await make_world(office)
    await world.book("5102", "1101", 300_000)
    tried = await divide(world, world.chair, dry=True, status=200)
    assert (tried["surplus_minor"], tried["loss_minor"], tried["members_minor"]) == (-300_000, 300_000, 0)
    assert (await divide(world, world.chair, status=409))["type"].endswith("not-decided-by-the-meeting")
    await world.decide("loss")

    divided = await divide(world, world.chair, status=201)

    assert (divided["loss_minor"], divided["members_minor"]) == (300_000, 0)
    assert (await world.balance("3201"), await world.balance("3301"), await world.balance("5102")) == (-300_000, 0, 0)
    assert await published(office.db, SurplusDistributed, cooperative_id=world.cooperative_id) == []


async def test_a_pool_that_nobody_shares_in_stays_undivided(office: Office) -> None:
    world = await make_world(office)
    await world.surplus(1_000_000)
    await world.decide(allocation=USUAL)

    divided = await divide(world, world.chair, status=201)

    assert (divided["undistributed_minor"], divided["members_minor"]) == (280_000, 120_000)
    assert await world.balance("3301") == 280_000


async def test_a_year_that_is_not_over_is_tried_but_not_divided(
    office: Office, cooperatives_settings: CooperativesSettings
) -> None:
    world = await make_world(office)
    year = day_of(utc_now()).year
    await world.surplus(5_000, at=utc_now())
    path = f"{world.path}/years/{year}/surplus"

    tried = (await office.post(f"{path}?dry_run=true", world.chair, {"allocation": USUAL}, status=200)).json()
    refused = await office.post(path, world.chair, {"allocation": USUAL}, status=409)

    assert (tried["is_year_over"], tried["surplus_minor"]) == (False, 5_000)
    assert refused.json()["type"].endswith("year-not-over")
    assert cooperatives_settings.surplus_before_year_end is False


async def test_an_allocation_is_whole(office: Office) -> None:
    world = await make_world(office)

    for allocation in (USUAL | {"social": 499}, USUAL | {"reserve": 4_001}):
        answer = await divide(world, world.chair, dry=True, status=422, allocation=allocation)
        assert answer["type"].endswith("allocation-not-whole")


async def test_a_member_reads_their_line_and_takes_it_into_savings(office: Office) -> None:
    world = await a_year(office)
    await world.decide(allocation=USUAL)
    await divide(world, world.chair, status=201)

    mine = await office.get(f"{world.path}/years/2025/surplus/mine", world.people[3])
    path = f"{world.path}/members/{world.members[3]}/surplus/payout"
    paid = (await office.post(path, world.people[3], key="mine", status=201)).json()
    again = (await office.post(path, world.people[3], key="mine", status=201)).json()
    empty = await office.post(path, world.people[3], status=409)

    assert [line["total_minor"] for line in mine["items"]] == [190_182]
    assert (paid["kind"], paid["amount_minor"], paid["tax_minor"]) == ("voluntary", 190_182, 0)
    assert again == paid and empty.json()["type"].endswith("nothing-to-pay-out")
    assert (await world.balance("2101", 3), await world.balance("2103", 3)) == (190_182, 0)
    statement = await office.get(f"{world.path}/members/{world.members[3]}/savings", world.chair)
    assert statement["items"][0]["reason"] == "surplus" and statement["items"][0]["amount_minor"] == 190_182


async def test_it_is_paid_out_once_however_often_it_is_asked(office: Office) -> None:
    world = await a_year(office)
    await world.decide(allocation=USUAL)
    await divide(world, world.chair, status=201)
    path = f"{world.path}/members/{world.members[3]}/surplus/payout"

    answers = await asyncio.gather(*(office.post(path, who) for who in (world.people[3], world.chair) * 3))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert await world.balance("2101", 3) == 190_182


async def test_late_refunds_change_what_is_shown_and_not_what_was_divided(office: Office) -> None:
    world = await a_year(office)
    parcel = await world.sold(7, 1_000)
    await world.decide(allocation=USUAL)
    divided = await divide(world, world.chair, status=201)

    await world.hear(refunded(parcel, 1_000))

    assert (await world.patronage(7))["net_minor"] == 0
    assert (await office.get(f"{world.path}/years/2025/surplus", world.chair))["items"] == divided["items"]


async def test_whose_surplus_it_is_not_finds_none(office: Office) -> None:
    world, other = await a_year(office), await make_world(office)
    await world.decide(allocation=USUAL)
    await divide(world, world.chair, status=201)
    year, body = f"{world.path}/years/2025/surplus", {"allocation": USUAL}
    payout = f"{world.path}/members/{world.members[3]}/surplus/payout"

    for stranger in (other.chair, other.people[5], office.person()):
        await office.post(year, stranger, body, status=404)
        await office.post(f"{year}?dry_run=true", stranger, body, status=404)
        await office.get(year, stranger, status=404)
        await office.get(f"{year}/mine", stranger, status=404)
        await office.post(payout, stranger, status=404)
    await office.post(f"{year}?dry_run=true", world.people[4], body, status=404)
    await office.get(year, world.people[4], status=404)
    await office.post(payout, world.people[4], status=404)
    await office.post(f"{other.path}/members/{world.members[3]}/surplus/payout", other.chair, status=404)

    assert await world.balance("2103", 3) == 190_182


async def test_the_clock_of_the_books_is_that_of_western_indonesia(office: Office) -> None:
    world = await make_world(office)
    await world.surplus(1_000, at=datetime(2025, 12, 31, 16, 59, tzinfo=UTC))
    await world.surplus(20_000, at=datetime(2025, 12, 31, 17, tzinfo=UTC))
    await world.surplus(300_000, at=IN_THE_YEAR.replace(year=2024))

    assert (await divide(world, world.chair, dry=True))["surplus_minor"] == 1_000


async def journal(world: World, day: str, *, code: str = "4101") -> str:
    """A journal of the treasurer that waits; its path."""
    lines = [
        {"code": "1101", "side": "debit", "amount_minor": 5_000},
        {"code": code, "side": "credit", "amount_minor": 5_000},
    ]
    body = {"description": "Penjualan", "booked_on": day, "lines": lines}
    made = await world.office.post(f"{world.path}/journals", world.treasurer, body, status=201)
    return f"{world.path}/journals/{made.json()['journal_id']}"


async def test_nothing_is_booked_into_a_year_that_is_divided(office: Office) -> None:
    world = await a_year(office)
    await world.decide(allocation=USUAL)
    late, loan, next_year = [
        await journal(world, "2025-12-31"),
        await journal(world, "2025-12-31", code="2401"),
        await journal(world, "2026-01-01"),
    ]
    await divide(world, world.chair, status=201)

    refused = await office.post(f"{late}/approve", world.chair, status=409)

    assert refused.json()["type"].endswith("year-divided")
    for path in (loan, next_year):
        await office.post(f"{path}/approve", world.chair, status=200)
    assert await world.balance("4101") == 5_000


async def test_a_journal_that_comes_with_the_division_is_in_it_or_refused(office: Office) -> None:
    world = await a_year(office)
    await world.decide(allocation=USUAL)
    late = await journal(world, "2025-12-31")

    approved, divided = await asyncio.gather(
        office.post(f"{late}/approve", world.chair),
        office.post(f"{world.path}/years/2025/surplus", world.secretary, {"allocation": USUAL}),
    )

    assert divided.status_code == 201
    assert divided.json()["surplus_minor"] == (1_005_003 if approved.status_code == 200 else 1_000_003)
    assert (await world.balance("4101"), await world.balance("3301")) == (0, 0)


async def test_a_year_says_until_when_to_meet_and_where_it_stands(office: Office) -> None:
    world, other = await a_year(office), await make_world(office)
    path = f"{world.path}/years/2025"

    before = await office.get(path, world.people[5])
    await world.decide(allocation=USUAL)
    await divide(world, world.chair, status=201)
    after = await office.get(path, world.chair)

    assert (before["first_day"], before["last_day"], before["meeting_due_on"]) == (
        "2025-01-01",
        "2025-12-31",
        "2026-06-30",
    )
    assert (before["is_over"], before["is_meeting_overdue"], before["meeting_id"], before["distributed_at"]) == (
        True, True, None, None,
    )  # fmt: skip
    assert after["is_meeting_overdue"] is False and after["meeting_id"] and after["distributed_at"]
    assert (await office.get(f"{world.path}/years/{day_of(utc_now()).year + 1}", world.chair))["is_over"] is False
    for stranger in (other.chair, office.person()):
        await office.get(path, stranger, status=404)
