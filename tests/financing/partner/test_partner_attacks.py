"""What one lender can do to the others: nothing. Its names, its waiting and its wishes cost only itself."""

import asyncio
import socket
import threading
from typing import Any
from uuid import uuid4

import pytest

from services.financing.deliveries.posting import RESOLVERS_LEAST, Poster
from services.financing.domain import targets
from services.financing.running import WAITERS_MAX, WAITERS_OF_ONE_MAX, Waiting
from tests.financing.partner.conftest import World
from tests.financing.partner.receiver import Receiver
from tests.financing.test_lending_bodies import ODD


async def test_names_that_never_resolve_hold_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        if host.startswith("slow"):
            released.wait(20)
            raise socket.gaierror("no answer")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr("services.financing.deliveries.posting.socket.getaddrinfo", resolve)
    receiver = Receiver()
    await receiver.start()
    poster = Poster(seconds=3, most=64, is_local_allowed=True)
    slow = [
        asyncio.create_task(poster.post(f"https://slow-{n}.contoh.id/a", b"{}", {})) for n in range(2 * RESOLVERS_LEAST)
    ]
    await asyncio.sleep(0)

    answer = await poster.post(f"http://quick.contoh.id:{receiver.port}/a", b"{}", {})
    released.set()
    await asyncio.gather(*slow)
    await poster.close()
    await receiver.stop()

    assert answer.status == 204, answer.error


async def test_one_lender_does_not_take_all_places_of_those_who_wait(world: World) -> None:
    waiting = Waiting(world.db, world.news)
    greedy, modest = uuid4(), uuid4()
    tasks = [asyncio.create_task(waiting.until_beyond(greedy, 0, seconds=30)) for _ in range(WAITERS_OF_ONE_MAX + 5)]

    done, still = await asyncio.wait(tasks, timeout=0.2)
    other = asyncio.create_task(waiting.until_beyond(modest, 0, seconds=30))
    refused, _ = await asyncio.wait([other], timeout=0.2)

    assert (len(done), {task.result() for task in done}, len(still)) == (5, {False}, WAITERS_OF_ONE_MAX)
    assert not refused and WAITERS_OF_ONE_MAX * 10 <= WAITERS_MAX
    for task in (*still, other):
        task.cancel()
    await asyncio.gather(*still, other, return_exceptions=True)


async def test_who_waits_for_a_rare_type_is_told_how_much_was_passed_over(world: World) -> None:
    partner = await world.partner()
    await world.tell(partner, times=3)
    asking = asyncio.create_task(world.done("GET", "/v1/events?wait=30&types=lending.rare.v1", partner))
    done, _ = await asyncio.wait([asking], timeout=0.3)
    assert not done

    await world.tell(partner, times=2)
    await world.tell(partner, type="lending.rare.v1")
    page = await asyncio.wait_for(asking, 5)

    assert [event["position"] for event in page["events"]] == [6]
    assert (page["missed"], page["next_position"], page["head_position"]) == (6, 6, 6)


@pytest.mark.parametrize("address", ["fec0::1", "3fff::1", "100::1", "::127.0.0.1", "fe80::1%lo", "100.64.0.1"])
def test_addresses_of_no_public_network_are_not_called(address: str) -> None:
    target = targets.parse("https://contoh.id/hook", is_local_allowed=False)

    with pytest.raises(targets.BadTarget):
        targets.check(target, [address], is_local_allowed=False)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.1", "127.1", "[::ffff:127.0.0.1]", "[::127.0.0.1]"])
def test_other_ways_to_write_an_address_lead_nowhere(host: str) -> None:
    try:
        target = targets.parse(f"https://{host}/", is_local_allowed=False)
    except targets.BadTarget:
        return
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)

    with pytest.raises(targets.BadTarget):
        targets.check(target, [str(place[4][0]) for place in found], is_local_allowed=False)


async def test_odd_wishes_are_no_fault_of_ours(world: World) -> None:
    partner = await world.partner()
    await world.tell(partner)
    made = await world.done("POST", "/v1/subscriptions", partner, {"transport": "pull"})
    wish = {"transport": "webhook", "url": "https://contoh.id/", "types": [], "from_position": 0}
    replay = f"/v1/subscriptions/{made['subscription_id']}/replay"

    answers = [
        await world.call("POST", "/v1/subscriptions", partner, wish | {name: odd}) for name in wish for odd in ODD
    ]
    answers += [await world.call("POST", replay, partner, {"from_position": odd}) for odd in ODD]

    assert {answer.status_code for answer in answers} <= {200, 201, 409, 422}
