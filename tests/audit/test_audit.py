"""The audit says zero for a clean market, and finds what was planted, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest

from deploy.audit import Findings
from tests.audit.world import World


def _violated(findings: Findings) -> set[str]:
    return {check.name for check in findings.checks if check.violations}


def _differences(findings: Findings) -> dict[str, tuple[int, int]]:
    return {flow.type: (flow.missing, flow.extra) for flow in findings.flows if flow.missing or flow.extra}


async def test_a_clean_market_is_clean(world: World) -> None:
    findings = await world.audit()

    assert _violated(findings) == set()
    assert _differences(findings) == {}
    assert findings.is_clean
    counts = {flow.type: (flow.published, flow.recorded) for flow in findings.flows if flow.published}
    assert counts == {
        "catalog.shop_opened.v1": (1, 1),
        "catalog.shop_staff_changed.v1": (1, 1),
        "catalog.product_listed.v1": (1, 1),
        "catalog.stock_reserved.v1": (2, 2),
        "orders.order_placed.v1": (2, 2),
        "orders.order_confirmed.v1": (2, 2),
    }
    assert len(findings.checks) > 40


async def test_an_event_beyond_the_watermark_is_no_difference(world: World) -> None:
    await world.place_cod_order()

    assert _differences(await world.audit()) == {}


async def test_an_event_that_fills_a_hole_is_no_difference_until_it_was_sent(world: World) -> None:
    await world.place_cod_order()
    async with world.databases["orders"].transaction() as conn:
        await conn.execute(
            "UPDATE outbox_cursor SET last_id = last_id + 1, holes = ARRAY[last_id + 1], hole_xids = ARRAY[0]"
            " WHERE topic = 'lumbung.orders'"
        )

    findings = await world.audit()

    assert _differences(findings) == {}
    assert _violated(findings) == {"relay_holes"}


async def test_a_lost_event_is_found_with_its_id_and_minute(world: World) -> None:
    async with world.databases["catalog"].reading() as conn:
        lost = await conn.fetchrow("SELECT event_id, occurred_at FROM inbox WHERE type = 'orders.order_placed.v1'")
    assert lost is not None
    await world.corrupt("catalog", "DELETE FROM inbox WHERE event_id = $1", lost["event_id"])

    findings = await world.audit()

    assert _differences(findings) == {"orders.order_placed.v1": (1, 0)}
    flow = next(flow for flow in findings.flows if flow.type == "orders.order_placed.v1")
    assert flow.differences[0].missing == (lost["event_id"],)
    assert flow.differences[0].minute == lost["occurred_at"].replace(second=0, microsecond=0)
    assert not findings.is_clean


async def test_an_event_that_nobody_published_is_found(world: World) -> None:
    async with world.databases["catalog"].reading() as conn:
        known = await conn.fetchval("SELECT event_id FROM inbox WHERE type = 'orders.order_placed.v1' LIMIT 1")
    await world.corrupt("catalog", "UPDATE inbox SET event_id = $1 WHERE event_id = $2", uuid4(), known)

    findings = await world.audit()

    assert _differences(findings) == {"orders.order_placed.v1": (1, 1)}


async def test_events_recorded_out_of_order_are_found(world: World) -> None:
    await world.corrupt(
        "catalog",
        "UPDATE inbox SET recorded_at = recorded_at - interval '1 day' WHERE type = 'orders.order_confirmed.v1'",
    )

    assert _violated(await world.audit()) == {"events_in_order_per_key"}


async def test_what_was_only_on_its_way_is_no_violation(world: World) -> None:
    order_id = await world.place_cod_order()
    first = await world.audit()
    assert _violated(first) == {"relay_behind"}

    await world.relay()

    assert (await world.audit()).is_clean
    assert order_id in world.order_ids


@dataclass(frozen=True)
class Corruption:
    """A change that nobody may make, and the checks that must see it."""

    service: str
    sql: str
    found_by: set[str]
    argument: Callable[[World], object] = lambda world: world.product_id
    first: str = "SELECT"  # what must be out of the way, for what the database itself refuses


CORRUPTIONS = {
    "oversold": Corruption(
        "catalog",
        "UPDATE stock SET on_hand = -1 WHERE product_id = $1",
        {"stock_within_bounds", "stock_is_conserved"},
        first="ALTER TABLE stock DROP CONSTRAINT stock_reserved_within_on_hand, DROP CONSTRAINT stock_is_conserved",
    ),
    "stock from nowhere": Corruption(
        "catalog",
        "UPDATE stock SET on_hand = on_hand + 1 WHERE product_id = $1",
        {"stock_is_conserved"},
        first="ALTER TABLE stock DROP CONSTRAINT stock_is_conserved",
    ),
    "reserved for nobody": Corruption(
        "catalog",
        "UPDATE stock SET reserved = reserved + 1 WHERE product_id = $1",
        {"reserved_is_the_sum_of_reservations"},
    ),
    "sold to nobody": Corruption(
        "catalog",
        "UPDATE stock SET sold = sold + 1, received = received + 1 WHERE product_id = $1",
        {"sold_is_the_sum_of_commitments"},
    ),
    "given back without a reason": Corruption(
        "catalog",
        "UPDATE reservation_orders SET restocked = ARRAY[1] WHERE order_id = $1",
        {"restocked_is_the_sum_of_restocks", "sold_is_the_sum_of_commitments"},
        lambda world: world.order_ids[0],
    ),
    "stock of another version": Corruption(
        "catalog", "UPDATE stock SET version = 9 WHERE product_id = $1", {"stock_knows_its_product"}
    ),
    "a gap in a shop's sequence": Corruption(
        "catalog",
        "UPDATE shops SET sequence = sequence + 1 WHERE shop_id = $1",
        {"shop_sequences_have_no_gap"},
        lambda world: world.shop_id,
    ),
    "an orphan reservation": Corruption(
        "catalog",
        "INSERT INTO reservation_orders SELECT $1, 1, 'reserved', '{}', '{}', '{}', now(), now()",
        {"reservations_have_a_live_order"},
        lambda world: uuid4(),
    ),
    "stock that never left": Corruption(
        "catalog",
        "UPDATE reservation_orders SET state = 'released' WHERE order_id = $1",
        {"confirmed_orders_took_their_stock", "sold_is_the_sum_of_commitments"},
        lambda world: world.order_ids[0],
    ),
    "a stale copy": Corruption(
        "orders",
        "UPDATE offers SET unit_price_minor = 1 WHERE product_id = $1",
        {"products_are_known_to_orders", "offers_are_real"},
    ),
    "an offer that is not listed": Corruption(
        "catalog",
        "UPDATE products SET state = 'withdrawn' WHERE product_id = $1",
        {"offers_are_real", "stock_knows_its_product"},
    ),
    "staff that left": Corruption(
        "orders",
        "DELETE FROM shop_staff WHERE shop_id = $1",
        {"shops_are_known_to_orders"},
        lambda world: world.shop_id,
    ),
    "an order in two classes": Corruption(
        "orders",
        "UPDATE orders SET completed_at = now() WHERE order_id = $1",
        {"orders_are_in_one_class"},
        lambda world: world.order_ids[0],
    ),
    "a rupiah that vanished": Corruption(
        "orders",
        "UPDATE orders SET total_minor = total_minor - 1 WHERE order_id = $1",
        {"orders_have_lines_parcels_and_sums"},
        lambda world: world.order_ids[0],
    ),
    "paid without money": Corruption(
        "orders",
        "UPDATE orders SET payment_method = 'qris' WHERE order_id = $1",
        {"paid_orders_have_the_money"},
        lambda world: world.order_ids[0],
    ),
    "money without a receipt": Corruption(
        "orders",
        "UPDATE orders SET received_minor = total_minor WHERE order_id = $1",
        {"received_is_the_sum_of_receipts"},
        lambda world: world.order_ids[0],
    ),
    "money kept silently": Corruption(
        "orders",
        "INSERT INTO receipts (provider, provider_reference, order_id, amount_minor, verdict, received_at)"
        " VALUES ('test', 'x', $1, 5, 'duplicate', now())",
        {"money_that_does_not_count_goes_back"},
        lambda world: world.order_ids[0],
    ),
    "a parcel that left too early": Corruption(
        "orders",
        "UPDATE parcels SET status = 'completed' WHERE order_id = $1",
        {"confirmed_orders_are_under_way"},
        lambda world: world.order_ids[0],
    ),
    "a fact that was never told": Corruption(
        "orders",
        "UPDATE parcels SET status = 'shipped', shipped_at = now() WHERE order_id = $1",
        {"parcels_said_what_they_became"},
        lambda world: world.order_ids[0],
    ),
    "an order that is stuck": Corruption(
        "orders",
        "UPDATE orders SET status = 'reserved', reserved_at = now(), confirmed_at = NULL,"
        " deadline_at = now() - interval '1 hour' WHERE order_id = $1",
        {"orders_are_not_stuck", "reserved_orders_have_their_stock"},
        lambda world: world.order_ids[0],
    ),
    "a telephone number in an event": Corruption(
        "catalog",
        """UPDATE outbox SET data = replace(data::text, 'Keripik Pisang', 'WA 0812-3456-7890')::json
            WHERE ordering_key = $1::text AND type = 'catalog.product_listed.v1'""",
        {"events_without_personal_data"},
        lambda world: str(world.product_id),
    ),
    "an e-mail address in an event": Corruption(
        "catalog",
        """UPDATE outbox SET data = replace(data::text, 'Keripik', 'siti@example.com')::json
            WHERE ordering_key = $1::text AND type = 'catalog.product_listed.v1'""",
        {"events_without_personal_data"},
        lambda world: str(world.product_id),
    ),
    "an identity number in an event": Corruption(
        "catalog",
        """UPDATE outbox SET data = replace(data::text, 'Keripik', '1871014107900003')::json
            WHERE ordering_key = $1::text AND type = 'catalog.product_listed.v1'""",
        {"events_without_personal_data"},
        lambda world: str(world.product_id),
    ),
    "a key that waits for nothing": Corruption(
        "catalog",
        "INSERT INTO parked_keys (handler_group, ordering_key) VALUES ('catalog', $1::text)",
        {"parked_keys_have_their_event"},
        lambda world: str(uuid4()),
    ),
    "a call that hangs": Corruption(
        "orders",
        "INSERT INTO calls_out (id, purpose, subject, request, give_up_at, due_at)"
        " VALUES ($1, 'charge', 'x', '{}', now() - interval '1 hour', now())",
        {"calls_out_that_hang"},
        lambda world: uuid4(),
    ),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
async def test_a_planted_corruption_is_found(world: World, name: str) -> None:
    corruption = CORRUPTIONS[name]
    await world.corrupt(corruption.service, corruption.first)
    done = await world.corrupt(corruption.service, corruption.sql, corruption.argument(world))
    assert not done.endswith(" 0"), "nothing was corrupted"

    findings = await world.audit()

    assert _violated(findings) >= corruption.found_by
    assert not findings.is_clean


async def test_a_dead_letter_is_counted_apart_and_is_not_lost(world: World) -> None:
    await world.corrupt(
        "catalog",
        "INSERT INTO dead_letters (handler_group, ordering_key, state, reason, source, event_id, type, occurred_at,"
        ' topic, partition, "offset", record_key, data)'
        " SELECT handler_group, $1::text, 'dead', 'Reject: why', source, event_id, type, occurred_at,"
        "        'lumbung.orders', 0, 0, '', ''"
        "   FROM inbox WHERE type = 'orders.order_confirmed.v1' LIMIT 1",
        str(world.order_ids[0]),
    )

    findings = await world.audit()

    flow = next(flow for flow in findings.flows if flow.type == "orders.order_confirmed.v1")
    assert (flow.published, flow.recorded, flow.missing, flow.dead) == (2, 2, 0, 1)
    assert {"dead_letters", "waiting_events_park_their_key"} <= _violated(findings)
