"""Every invariant of the Online Marketplace benchmark: green on a clean run, red on each planted corruption."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.online_marketplace.checks import CHECKS, verdicts
from bench.online_marketplace.facts import ChangeFact, EventFact, Isolation, OrderFact, Run
from bench.online_marketplace.journal import Checkout, Look, Outcome, Update
from tests.bench.a_clean_run import CONFIRMED, DELIVERED, PAID, PLACED, SHIPPED, clean_run

Plant = Callable[[Run], object]


def drop_event(run: Run, kind: str) -> None:
    run.facts.events = [event for event in run.facts.events if event.type != kind]


def late_shipment(run: Run) -> None:
    events = run.facts.events
    events[-1], events[-2] = events[-2], events[-1]


def older_line(run: Run) -> None:
    run.facts.lines[0].version = 1
    run.journal.checkouts[0].lines[0] = ("a", 1, 50, 2)


def torn_cart(run: Run) -> None:
    """The cart shows b's later update, but a as it was before an earlier one."""
    run.facts.changes.append(ChangeFact("b", "one", 5, 2))
    run.facts.lines[0].version, run.facts.lines[1].version = 1, 2


PLANTED: dict[str, tuple[str, Plant]] = {
    "a login opens another database": ("V1", lambda run: run.facts.connectable.add(("orders", "catalog"))),
    "a login may not open its own": ("V1", lambda run: run.facts.connectable.discard(("orders", "orders"))),
    "orders called catalog": ("V1", lambda run: run.calls.add(("orders", "catalog"))),
    "a paid order without its receipt": ("V2", lambda run: run.facts.receipts.clear()),
    "a done order lost a parcel": ("V2", lambda run: run.facts.parcels.pop("p2")),
    "a done order lost its reservation": ("V2", lambda run: run.facts.reservations.pop(0)),
    "a refused order still holds stock": ("V2", lambda run: setattr(run.facts.reservations[3], "state", "reserved")),
    "a refused order was charged": ("V2", lambda run: run.facts.charges.update({"sold-out": ("open", 60)})),
    "an accepted order is gone": ("V2", lambda run: run.facts.orders.pop("unpaid")),
    "an order that nobody asked for": (
        "V2",
        lambda run: run.facts.orders.update({"x": OrderFact("ani", "cancelled", 0, 0, "out_of_stock")}),
    ),
    "one more than was in the cart": ("V2", lambda run: setattr(run.facts.lines[0], "quantity", 3)),
    "dearer than it was in the cart": ("V2", lambda run: setattr(run.facts.lines[0], "unit_price_minor", 56)),
    "an order hangs": ("V2", lambda run: setattr(run.facts.orders["unpaid"], "status", "reserved")),
    "a mark that lied": ("V2", lambda run: setattr(run.journal.checkouts[1], "outcome", Outcome.SUCCESS)),
    "a unit vanished": ("V3", lambda run: setattr(run.facts.stock["a"], "on_hand", 7)),
    "a unit is still set aside": ("V3", lambda run: setattr(run.facts.stock["b"], "reserved", 1)),
    "the ledger was uneven for an instant": ("V3", lambda run: run.alive.update(V3=["a"])),
    "a total is off by one": ("V4", lambda run: setattr(run.facts.orders["done"], "total_minor", 251)),
    "paid twice": ("V4", lambda run: run.facts.receipts.append(("done", "accepted", 250))),
    "a parcel's goods are off": ("V4", lambda run: setattr(run.facts.parcels["p2"], "goods_minor", 71)),
    "the copy is behind": ("V5", lambda run: run.facts.offers.update(a=(1, 50))),
    "the copy misses a product": ("V5", lambda run: run.facts.offers.pop("c")),
    "the copy went back": ("V6", lambda run: run.alive.update(V6=["a"])),
    "nobody looked": ("V6", lambda run: setattr(run, "looks_alive", 0)),
    "a torn cart": ("V7", torn_cart),
    "a version that never was": ("V7", lambda run: setattr(run.facts.lines[2], "version", 9)),
    "stock at another version": ("V8", lambda run: setattr(run.facts.stock["a"], "version", 1)),
    "stock without product": ("V8", lambda run: run.facts.products.pop("c")),
    "an ended version was sold": ("V8", older_line),
    "an orphan for an instant": ("V8", lambda run: run.alive.update(V8=["a"])),
    "two orders of one checkout": (
        "V9",
        lambda run: run.facts.orders.update(x=OrderFact("ani", "cancelled", 0, 0, "out_of_stock")),
    ),
    "one order of two checkouts": (
        "V9",
        lambda run: run.journal.checkouts.append(replace(run.journal.checkouts[0], tid=9)),
    ),
    "oversold": ("V10", lambda run: setattr(run.facts.stock["a"], "reserved", 9)),
    "the table lost its check": ("V10", lambda run: run.facts.stock_constraints.clear()),
    "oversold for an instant": ("V10", lambda run: run.alive.update(V10=["a"])),
    "a payment was counted twice": (
        "V11",
        lambda run: run.facts.events.append(EventFact("done", PAID, None, "ani")),
    ),
    "a delivery was not counted": ("V11", lambda run: drop_event(run, DELIVERED)),
    "an update was lost": ("V12", lambda run: run.mirror.update(b=(2, 51))),
    "two updates of one version": (
        "V12",
        lambda run: run.journal.updates.append(Update(7, "one", "a", 1, 2, 56, 4.5)),
    ),
    "a parcel was delivered twice": (
        "V13",
        lambda run: run.facts.events.append(EventFact("done", DELIVERED, "p1", "ani")),
    ),
    "two rounds brought one parcel": ("V13", lambda run: run.journal.deliveries.append((9, ("p1",)))),
    "a round's delivery was lost": ("V13", lambda run: run.journal.deliveries.append((9, ("p2",)))),
    "a delivery without its event": ("V13", lambda run: setattr(run.facts.parcels["p2"], "status", "delivered")),
    "a deadlock": ("V14", lambda run: setattr(run, "deadlocks", 1)),
    "confirmed before it was placed": ("V15", lambda run: run.facts.events.insert(0, run.facts.events.pop(2))),
    "delivered before it was shipped": ("V15", late_shipment),
    "confirmed twice": ("V15", lambda run: run.facts.events.append(EventFact("done", CONFIRMED, None, "ani"))),
    "a cancelled order lives on": ("V15", lambda run: run.facts.events.append(EventFact("unpaid", PAID, None, "budi"))),
    "Kafka told it in another order": (
        "V15",
        lambda run: run.journal.heard.update(done=[PLACED, CONFIRMED, DELIVERED, SHIPPED]),
    ),
    "figures without their parcels": ("V16", lambda run: run.journal.looks.append(Look("one", 2, 170, (("p1", 170),)))),
    "a sum that is off": ("V16", lambda run: run.journal.looks.append(Look("one", 1, 171, (("p1", 170),)))),
    "a dashboard that is behind": ("V16", lambda run: run.looks_at_rest.append(Look("two", 0, 0, ()))),
    "a checkout without an end": (
        "V17",
        lambda run: run.journal.checkouts.append(Checkout(9, "ani", 1.0, [], "lost", Outcome.UNDECIDED)),
    ),
    "a repeated event did something": ("V17", lambda run: setattr(run, "republished", (3, ["orders.stock"]))),
    "nothing was told again": ("V17", lambda run: setattr(run, "republished", (0, []))),
    "events that never arrived": ("V17", lambda run: run.unrest.append("7 events of orders are not sent")),
    "all stood still with the consumer": ("V18", lambda run: setattr(run, "isolated", Isolation(2.0, 1.9, (4, 2, 0)))),
    "all was slow without the consumer": ("V18", lambda run: setattr(run, "isolated", Isolation(2.0, 0.9, (1, 1, 1)))),
    "the log misses a payment": ("V19", lambda run: drop_event(run, PAID)),
    "the log misses a delivery": ("V19", lambda run: drop_event(run, DELIVERED)),
    "the log tells an order twice": (
        "V19",
        lambda run: run.facts.events.append(EventFact("done", PLACED, None, "ani")),
    ),
    "an acknowledged order did not survive": ("V20", lambda run: run.facts.orders.pop("done")),
    "one was never killed": ("V20", lambda run: setattr(run, "kills_meant", ("orders", "postgres"))),
    "nothing was at stake": ("V20", lambda run: setattr(run, "kills", [("orders", 1.0)])),
}


def test_a_clean_run_breaks_nothing() -> None:
    assert verdicts(clean_run()) == {check.id: [] for check in CHECKS}


@pytest.mark.parametrize("what", PLANTED)
def test_planted_corruption_is_found(what: str) -> None:
    invariant, plant = PLANTED[what]
    run = clean_run()

    plant(run)

    (check,) = (check for check in CHECKS if check.id == invariant)
    assert check.find(run)


def test_every_invariant_was_seen_to_fail() -> None:
    assert {invariant for invariant, _ in PLANTED.values()} == {check.id for check in CHECKS}
    assert [check.id for check in CHECKS] == [f"V{number}" for number in range(1, 21)]


def test_what_a_profile_does_not_do_is_not_green() -> None:
    run = replace(clean_run(), republished=None, isolated=None, kills=[])

    assert [name for name, findings in verdicts(run).items() if findings is None] == ["V17", "V18", "V20"]
