"""The pull feed: pages without gaps, what was missed, waiting for news, nobody else's log."""

import asyncio
import time

from tests.financing.partner.conftest import World


async def test_pages_follow_each_other_without_gaps(world: World) -> None:
    partner = await world.partner()
    await world.tell(partner, times=25)

    first = await world.done("GET", "/v1/events?limit=10", partner)
    second = await world.done("GET", f"/v1/events?limit=10&after={first['next_position']}", partner)
    third = await world.done("GET", f"/v1/events?limit=10&after={second['next_position']}", partner)

    events = [*first["events"], *second["events"], *third["events"]]
    assert [event["position"] for event in events] == list(range(1, 26))
    assert [page["missed"] for page in (first, second, third)] == [25, 15, 5]
    assert third["next_position"] == third["head_position"] == 25
    assert {"specversion", "id", "source", "type", "subject", "time", "data"} <= set(events[0])


async def test_types_are_chosen_and_others_are_passed_over(world: World) -> None:
    partner = await world.partner()
    await world.tell(partner, times=2)
    await world.tell(partner, type="lending.loan_disbursed.v1")
    await world.tell(partner)

    page = await world.done("GET", "/v1/events?types=lending.loan_disbursed.v1,lending.other.v1", partner)

    assert [event["position"] for event in page["events"]] == [3] and page["next_position"] == 4


async def test_asking_for_the_next_page_confirms_the_last(world: World) -> None:
    partner = await world.partner()
    made = await world.done("POST", "/v1/subscriptions", partner, {"transport": "pull"})
    await world.tell(partner, times=5)
    before = await world.health(partner, made["subscription_id"])

    await world.done("GET", "/v1/events?after=3", partner)
    await world.done("GET", "/v1/events?after=999", partner)

    after = await world.health(partner, made["subscription_id"])
    assert (before["missed"], after["missed"], after["position"], after["delivered"]) == (5, 2, 3, 3)


async def test_who_waits_is_told_at_once(world: World) -> None:
    partner, other = await world.partner(), await world.partner()
    began = time.monotonic()
    asking = asyncio.create_task(world.done("GET", "/v1/events?wait=30&types=lending.loan_disbursed.v1", partner))
    await world.tell(other)
    await world.tell(partner)  # not what it waits for
    done, _ = await asyncio.wait([asking], timeout=0.5)
    assert not done

    await world.tell(partner, type="lending.loan_disbursed.v1")
    page = await asking

    assert [event["position"] for event in page["events"]] == [2]
    assert time.monotonic() - began < 5


async def test_a_commit_in_another_process_wakes_who_waits(world: World) -> None:
    partner = await world.partner()
    asking = asyncio.create_task(world.done("GET", "/v1/events?wait=30", partner))
    await asyncio.wait([asking], timeout=0.3)
    async with world.db.reading() as conn:  # as another process would: this one's bells do not ring
        await conn.execute("INSERT INTO lender_logs (lender_id, head) VALUES ($1, 0)", partner.id)
        await conn.execute(
            "WITH l AS (UPDATE lender_logs SET head = 1 WHERE lender_id = $1)"
            " INSERT INTO lender_log (lender_id, position, event_id, type, subject, occurred_at, data)"
            " VALUES ($1, 1, gen_random_uuid(), 'lending.test.v1', 'x', now(), '{}')",
            partner.id,
        )
        await conn.execute("NOTIFY lumbung_lender_news")

    page = await asyncio.wait_for(asking, 5)

    assert [event["position"] for event in page["events"]] == [1]


async def test_nothing_new_is_an_empty_page_after_the_wait(world: World) -> None:
    partner = await world.partner()
    began = time.monotonic()

    page = await world.done("GET", "/v1/events?wait=1", partner)

    assert page == {"events": [], "next_position": 0, "head_position": 0, "missed": 0, "first_position": 1}
    assert 0.9 < time.monotonic() - began < 5


async def test_a_lender_sees_only_its_own_log(world: World) -> None:
    partner, other = await world.partner(), await world.partner()
    await world.tell(partner, times=3)

    page = await world.done("GET", "/v1/events", other)

    assert page["events"] == [] and page["head_position"] == 0
