"""The audit of patronage, surplus and meetings: clean after all of it, and each check sees what is planted for it."""

import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from tests.cooperatives.auditing import faults, faults_after
from tests.cooperatives.conftest import Office
from tests.cooperatives.world import USUAL, World, completed, make_world, refunded


@pytest_asyncio.fixture(scope="module")
async def world(office: Office) -> World:
    """Both roundings, a loss, open and secret votes, refunds, a joint listing, a meeting that waits for a signature."""
    for rounding in ("largest_remainder", "floor"):
        world = await make_world(office, surplus_rounding=rounding, ballots_are_secret=rounding == "floor")
        await world.surplus(1_000_003)
        parcel = await world.sold(3, 333_333, buyer=world.people[5].account_id)
        await world.hear(refunded(parcel, 33_333), refunded(await world.sold(4, 100_000), 100_001, by_line=False))
        payees = ((world.members[-1], 3_333), (world.people[6].account_id, 6_667))
        await world.hear(
            completed(world.cooperative_id, await world.shop_of(2), 777, buyer=parcel.buyer_id, payees=payees)
        )
        await world.decide(allocation=USUAL)
        await office.post(f"{world.path}/years/2025/surplus", world.chair, {"allocation": USUAL}, status=201)
        await office.post(f"{world.path}/members/{world.members[3]}/surplus/payout", world.people[3], status=201)
    losing = await make_world(office)
    await losing.book("5102", "1101", 300_000)
    await losing.decide("loss")
    await office.post(f"{losing.path}/years/2025/surplus", losing.chair, {"allocation": USUAL}, status=201)
    waiting = await losing.meeting(kind="extraordinary")
    await losing.all_vote(waiting, await losing.moved(waiting), "abstain")
    await office.post(f"{waiting}/close", losing.secretary, status=200)
    return world


async def test_nothing_is_found_when_all_is_well(world: World) -> None:
    assert await faults(world.office.db) == {}


PLANTED = [
    (
        "patronage_is_completed_less_refunded",
        "UPDATE patronage_entries SET refunded_minor = 0 WHERE cooperative_id = '{c}' AND refunded_minor > 0",
    ),
    (
        "patronage_is_completed_less_refunded",
        "DELETE FROM patronage_entries WHERE cooperative_id = '{c}' AND party_id = '{last}'",
    ),
    ("surplus_parts_sum_to_the_pool", "UPDATE surplus_runs SET members_minor = members_minor + 1 WHERE {run}"),
    ("surplus_parts_sum_to_the_pool", "UPDATE surplus_runs SET surplus_minor = surplus_minor + 1 WHERE {run}"),
    (
        "surplus_shares_follow_from_their_bases",
        "UPDATE surplus_shares SET capital_minor = capital_minor + 1 WHERE member_id = '{m}' AND {run}",
    ),
    (
        "surplus_shares_follow_from_their_bases",
        "UPDATE surplus_shares SET service_minor = service_minor - 1 WHERE member_id = '{m}' AND {run}",
    ),
    ("surplus_is_in_the_ledger", "DELETE FROM surplus_shares WHERE member_id = '{m}' AND {run}"),
    (
        "surplus_is_in_the_ledger",
        "UPDATE ledger_entries SET amount_minor = amount_minor + 1 WHERE account_id IN"
        " (SELECT id FROM ledger_accounts WHERE code = 'coop:{c}:2103:{m}') AND side = 'credit'",
    ),
    (
        "surplus_is_booked_to_its_funds",
        "UPDATE surplus_runs SET funds = funds || '{\"social\": 1}' WHERE {run}",
    ),
    (
        "a_divided_year_is_closed",
        "UPDATE ledger_transfers SET event_at = event_at - interval '2 years' WHERE reason = 'year_closed'"
        " AND reference ->> 'cooperative_id' = '{c}'",
    ),
    ("surplus_was_decided", "UPDATE meetings SET year = 2024 WHERE cooperative_id = '{c}'"),
    (
        "surplus_was_decided",
        "UPDATE surplus_runs SET allocation = allocation || '{\"social\": 1}' WHERE cooperative_id = '{c}'",
    ),
    (
        "votes_are_of_those_present",
        "INSERT INTO ballots (ballot_id, motion_id, choice) SELECT gen_random_uuid(), motion_id, 'yes' FROM motions"
        " JOIN meetings USING (meeting_id) WHERE cooperative_id = '{c}'",
    ),
    ("votes_are_of_those_present", "DELETE FROM meeting_roll WHERE member_id = '{m}'"),
    (
        "minutes_are_intact",
        "UPDATE meetings SET minutes = replace(minutes, '\"yes\":9', '\"yes\":8') WHERE cooperative_id = '{c}'",
    ),
    (
        "minutes_are_intact",
        "UPDATE meetings SET minutes = minutes || ' ',"
        " minutes_sha256 = encode(sha256(convert_to(minutes || ' ', 'UTF8')), 'hex') WHERE cooperative_id = '{c}'",
    ),
    (
        "minutes_are_intact",
        "DELETE FROM minutes_signatures WHERE role = 'ketua' AND meeting_id IN"
        " (SELECT meeting_id FROM meetings WHERE cooperative_id = '{c}')",
    ),
    (
        "minutes_say_what_happened",
        "UPDATE ballots SET choice = 'no' WHERE motion_id IN"
        " (SELECT motion_id FROM motions JOIN meetings USING (meeting_id) WHERE cooperative_id = '{c}')",
    ),
    ("minutes_say_what_happened", "DELETE FROM meeting_roll WHERE member_id = '{last}'"),
    (
        "minutes_say_what_happened",
        "UPDATE meetings SET minutes = left(minutes, length(minutes) / 2) WHERE cooperative_id = '{c}'",
    ),
    (
        "minutes_say_what_happened",
        "UPDATE meetings SET minutes = jsonb_set(minutes::jsonb, '{motions}', '7')::text WHERE cooperative_id = '{c}'",
    ),
    (
        "motions_say_what_was_voted",
        "UPDATE motions SET yes = yes + 1 WHERE meeting_id IN"
        " (SELECT meeting_id FROM meetings WHERE cooperative_id = '{c}')",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("check", "statement"), PLANTED)
async def test_a_planted_fault_is_seen(stack: Stack, world: World, check: str, statement: str) -> None:
    planted = statement.replace("{run}", "cooperative_id = '{c}' AND year = 2025")
    for name, value in (("{c}", world.cooperative_id), ("{m}", world.members[3]), ("{last}", world.members[-1])):
        planted = planted.replace(name, str(value))

    found = await faults_after(stack, world.office.db, planted)

    assert check in found, found
