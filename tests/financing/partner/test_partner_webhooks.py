"""Webhooks against a real endpoint: order, signatures, failures, rotation, a long absence, two processes at once."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from services.financing.deliveries.posting import Poster
from services.financing.deliveries.webhooks import Webhooks
from services.financing.domain import sealing
from shared.clock import utc_now
from shared.testing import eventually
from tests.financing.partner.conftest import KEY, World

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


async def drain(world: World) -> None:
    """Deliver until nothing is due."""
    while await world.webhooks.step():
        pass


async def test_everything_comes_in_order_and_signed(world: World) -> None:
    partner = await world.partner()
    subscription_id, path, secret = await world.webhook(partner)
    await world.tell(partner, times=45, traceparent=TRACE)

    await drain(world)

    assert world.receiver.positions(path) == list(range(1, 46))
    for post in world.receiver.at(path):
        Webhook(secret).verify(post.body, post.headers)
        assert post.headers["webhook-id"] == post.event["id"] and len(post.body) < 20_000
        assert post.headers["traceparent"].split("-")[1] == TRACE.split("-")[1]
        assert post.headers["content-type"] == "application/cloudevents+json"
    health = await world.health(partner, subscription_id)
    assert (health["position"], health["missed"], health["delivered"], health["last_error"]) == (45, 0, 45, None)


async def test_only_wanted_types_come_and_the_rest_is_passed_over(world: World) -> None:
    partner = await world.partner()
    subscription_id, path, _ = await world.webhook(partner, types=["lending.test.v1"])
    await world.tell(partner, times=3)
    await world.done("POST", f"/v1/subscriptions/{subscription_id}/test", partner)

    await drain(world)

    assert [post.event["type"] for post in world.receiver.at(path)] == ["lending.test.v1"]
    assert (await world.health(partner, subscription_id))["missed"] == 0


async def test_a_new_webhook_begins_with_what_is_told_from_now_on(world: World) -> None:
    partner = await world.partner()
    await world.tell(partner, times=3)
    _, path, _ = await world.webhook(partner, from_position=None)
    await world.tell(partner)

    await drain(world)

    assert world.receiver.positions(path) == [4]


async def test_old_and_new_secret_sign_during_a_rotation(world: World) -> None:
    partner = await world.partner()
    subscription_id, path, old = await world.webhook(partner)
    new = (await world.done("POST", f"/v1/subscriptions/{subscription_id}/rotate", partner))["secret"]
    await world.tell(partner)

    await drain(world)
    async with world.db.reading() as conn:
        await conn.execute(
            "UPDATE subscriptions SET old_secret_until = $2 WHERE subscription_id = $1",
            UUID(subscription_id),
            utc_now() - timedelta(seconds=1),
        )
    await world.tell(partner)
    await drain(world)

    during, after = world.receiver.at(path)
    assert len(during.headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        Webhook(secret).verify(during.body, during.headers)
    Webhook(new).verify(after.body, after.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(after.body, after.headers)


async def test_an_hour_away_and_everything_comes_in_order(world: World) -> None:
    partner = await world.partner()
    subscription_id, path, _ = await world.webhook(partner)
    await world.tell(partner)
    await drain(world)
    await world.receiver.stop()

    for failures in range(1, 4):  # within an hour it is tried at once, after 5 s, after 5 min
        await world.tell(partner, times=10)
        await drain(world)
        health = await world.health(partner, subscription_id)
        assert (health["failed_in_a_row"], health["missed"]) == (failures, failures * 10)
        assert "ConnectError" in health["last_error"] and health["next_attempt_at"] is not None
        await world.later(subscription_id)
    await world.receiver.start()
    await drain(world)

    assert world.receiver.positions(path) == list(range(1, 32))
    health = await world.health(partner, subscription_id)
    assert (health["missed"], health["failed_in_a_row"], health["state"]) == (0, 0, "active")


async def test_a_failure_keeps_its_id_and_its_place(world: World) -> None:
    partner = await world.partner()
    subscription_id, path, _ = await world.webhook(partner)
    world.receiver.answers[path] = [(204, ""), (302, "location: http://127.0.0.1:1/\r\n"), (500, "")]
    await world.tell(partner, times=3)

    for _ in range(3):
        await drain(world)
        await world.later(subscription_id)
    await drain(world)

    assert world.receiver.positions(path) == [1, 2, 2, 2, 3]
    ids = [post.headers["webhook-id"] for post in world.receiver.at(path)]
    assert len(set(ids)) == 3 and ids[1] == ids[2] == ids[3]


async def test_gone_switches_off_and_resuming_catches_up(world: World) -> None:
    partner = await world.partner()
    subscription_id, path, _ = await world.webhook(partner)
    world.receiver.answers[path] = [(410, "")]
    await world.tell(partner, times=2)

    await drain(world)
    await world.later(subscription_id)
    await drain(world)

    health = await world.health(partner, subscription_id)
    assert (health["state"], health["missed"]) == ("disabled", 2) and "410" in health["state_reason"]
    assert len(world.receiver.at(path)) == 1
    await world.done("POST", f"/v1/subscriptions/{subscription_id}/resume", partner)
    await drain(world)
    assert world.receiver.positions(path) == [1, 1, 2]


async def test_slow_down_is_obeyed(world: World) -> None:
    partner = await world.partner()
    subscription_id, path, _ = await world.webhook(partner)
    world.receiver.answers[path] = [(429, "retry-after: 900\r\n")]
    await world.tell(partner)

    await drain(world)

    async with world.db.reading() as conn:
        pause = await conn.fetchval(
            "SELECT next_attempt_at - clock_timestamp() FROM subscriptions WHERE subscription_id = $1",
            UUID(subscription_id),
        )
    assert timedelta(seconds=880) < pause <= timedelta(seconds=1080)


async def test_an_endpoint_that_hangs_is_given_up_and_slows_nobody(world: World) -> None:
    partner, other = await world.partner(), await world.partner()
    slow, slow_path, _ = await world.webhook(partner)
    _, path, _ = await world.webhook(other)
    world.receiver.hanging.add(slow_path)
    await world.tell(partner, other)

    stepping = asyncio.create_task(world.webhooks.step())

    async def has_come() -> bool:
        return bool(world.receiver.at(path))

    await eventually(has_come, within_seconds=1, what="the other endpoint's event")
    assert not stepping.done()
    await stepping
    assert "no answer within 2 s" in (await world.health(partner, slow))["last_error"]


async def test_paused_delivers_nothing_and_replay_delivers_again(world: World) -> None:
    partner = await world.partner()
    subscription_id, path, _ = await world.webhook(partner)
    await world.done("POST", f"/v1/subscriptions/{subscription_id}/pause", partner)
    await world.tell(partner, times=4)
    await drain(world)
    assert world.receiver.at(path) == []

    await world.done("POST", f"/v1/subscriptions/{subscription_id}/resume", partner)
    await drain(world)
    replayed = await world.done("POST", f"/v1/subscriptions/{subscription_id}/replay", partner, {"from_position": 3})
    await drain(world)
    beyond = await world.call("POST", f"/v1/subscriptions/{subscription_id}/replay", partner, {"from_position": 9})

    assert replayed["missed"] == 2
    assert world.receiver.positions(path) == [1, 2, 3, 4, 3, 4]
    assert beyond.status_code == 409 and beyond.json()["head_position"] == 4


async def test_two_processes_deliver_everything_once(world: World) -> None:
    partners = [await world.partner() for _ in range(12)]
    paths = [(await world.webhook(partner))[1] for partner in partners]
    poster = Poster(seconds=2, most=32, is_local_allowed=True)
    senders = [Webhooks(world.db, poster, world.news, key=sealing.key_of(KEY), most=8) for _ in range(2)]
    jobs = [asyncio.create_task(sender.run_forever()) for sender in senders]

    await world.tell(*partners, times=30)

    async def is_all_there() -> bool:
        return all(len(world.receiver.at(path)) >= 30 for path in paths)

    await eventually(is_all_there, what="all deliveries")
    for job in jobs:
        job.cancel()
    await asyncio.wait(jobs)
    await poster.close()
    for path in paths:
        assert world.receiver.positions(path) == list(range(1, 31))


async def test_a_process_that_dies_after_posting_posts_again_with_the_same_ids(world: World) -> None:
    partner = await world.partner()
    subscription_id, path, _ = await world.webhook(partner)
    await world.tell(partner, times=3)
    (turn,) = [t for t in await world.webhooks._lease(False, 100) if str(t.subscription_id) == subscription_id]

    await world.webhooks._deliver(turn)  # and dies: nothing is written down
    await drain(world)
    assert world.receiver.positions(path) == [1, 2, 3], "the lease still holds"
    await world.later(subscription_id)
    await drain(world)
    await world.webhooks._record([turn])  # it was not dead after all: its lease counts no more

    assert world.receiver.positions(path) == [1, 2, 3, 1, 2, 3]
    assert len({post.headers["webhook-id"] for post in world.receiver.at(path)}) == 3
    assert (await world.health(partner, subscription_id))["delivered"] == 3


async def test_a_secret_that_does_not_open_stops_nobody_else(world: World) -> None:
    partner, other = await world.partner(), await world.partner()
    broken, broken_path, _ = await world.webhook(partner)
    _, path, _ = await world.webhook(other)
    async with world.db.reading() as conn:
        await conn.execute("UPDATE subscriptions SET secret = 'damaged' WHERE subscription_id = $1", UUID(broken))
    await world.tell(partner, other)

    await drain(world)

    assert world.receiver.positions(path) == [1] and world.receiver.at(broken_path) == []
    assert "does not open" in (await world.health(partner, broken))["last_error"]


async def test_a_process_that_is_stopped_writes_down_how_far_it_came(world: World) -> None:
    partner = await world.partner()
    subscription_id, path, _ = await world.webhook(partner)
    world.receiver.hanging.add(path)
    await world.tell(partner)
    poster = Poster(seconds=20, most=32, is_local_allowed=True)
    sender = Webhooks(world.db, poster, world.news, key=sealing.key_of(KEY), most=8)
    job = asyncio.create_task(sender.run_forever())

    async def is_posting() -> bool:
        async with world.db.reading() as conn:
            return bool(
                await conn.fetchval("SELECT lease FROM subscriptions WHERE subscription_id = $1", UUID(subscription_id))
            )

    await eventually(is_posting, what="the lease")
    job.cancel()
    await asyncio.wait([job])
    world.receiver.hanging.discard(path)
    await drain(world)
    await poster.close()

    assert world.receiver.positions(path) == [1], "its lease is free at once"


async def test_a_suspended_lender_waits(world: World) -> None:
    partner = await world.partner()
    _, path, _ = await world.webhook(partner)
    await world.tell(partner)

    async def set_state(state: str) -> None:
        async with world.db.reading() as conn:
            await conn.execute("UPDATE lenders SET state = $2 WHERE lender_id = $1", partner.id, state)

    await set_state("suspended")
    await drain(world)
    assert world.receiver.at(path) == []
    await set_state("active")
    await drain(world)

    assert world.receiver.positions(path) == [1]
