"""A small run in which all is well: two shops, three products, one update, four checkouts of every class."""

from bench.online_marketplace.checks import OVERDRAWN_CHECK
from bench.online_marketplace.facts import (
    ChangeFact,
    EventFact,
    Facts,
    Isolation,
    LineFact,
    OrderFact,
    ParcelFact,
    ReservationFact,
    Run,
    StockFact,
)
from bench.online_marketplace.journal import Checkout, Journal, Look, Outcome, Update
from deploy.local.stack import SERVICES

PLACED, CONFIRMED, PAID, CANCELLED = (
    f"orders.order_{what}.v1" for what in ("placed", "confirmed", "paid", "cancelled")
)
SHIPPED, DELIVERED = "orders.parcel_shipped.v1", "orders.parcel_delivered.v1"


def clean_run() -> Run:
    """Order `done` (two parcels, one delivered), `unpaid`, `sold-out`; and one checkout that was refused at the door.

    Shop `one` sells a (now at version 2) and b, shop `two` sells c.
    """
    facts = Facts(
        orders={
            "done": OrderFact("ani", "confirmed", 250, 250),
            "unpaid": OrderFact("budi", "cancelled", 60, 0, "payment_refused"),
            "sold-out": OrderFact("ani", "cancelled", 60, 0, "out_of_stock"),
        },
        lines=[
            LineFact("done", "a", "p1", 2, 2, 55),
            LineFact("done", "b", "p1", 1, 1, 50),
            LineFact("done", "c", "p2", 1, 1, 70),
            LineFact("unpaid", "b", "p3", 1, 1, 50),
            LineFact("sold-out", "b", "p4", 1, 1, 50),
        ],
        parcels={
            "p1": ParcelFact("done", "one", "delivered", 160, 10),
            "p2": ParcelFact("done", "two", "pending", 70, 10),
            "p3": ParcelFact("unpaid", "one", "pending", 50, 10),
            "p4": ParcelFact("sold-out", "one", "pending", 50, 10),
        },
        charges={"done": ("paid", 250), "unpaid": ("refused", 60)},
        receipts=[("done", "accepted", 250)],
        events=[
            EventFact("done", PLACED, None, "ani"),
            EventFact("done", PAID, None, "ani"),
            EventFact("done", CONFIRMED, None, "ani"),
            EventFact("unpaid", PLACED, None, "budi"),
            EventFact("sold-out", PLACED, None, "ani"),
            EventFact("unpaid", CANCELLED, None, "budi"),
            EventFact("sold-out", CANCELLED, None, "ani"),
            EventFact("done", SHIPPED, "p1", "ani"),
            EventFact("done", DELIVERED, "p1", "ani"),
        ],
        offers={"a": (2, 55), "b": (1, 50), "c": (1, 70)},
        products={"a": ("one", 2, 55), "b": ("one", 1, 50), "c": ("two", 1, 70)},
        stock={
            "a": StockFact(2, 8, 0, 2, 0, 10),
            "b": StockFact(1, 9, 0, 1, 0, 10),
            "c": StockFact(1, 9, 0, 1, 0, 10),
        },
        reservations=[
            ReservationFact("done", "a", 2, "committed"),
            ReservationFact("done", "b", 1, "committed"),
            ReservationFact("done", "c", 1, "committed"),
            ReservationFact("unpaid", "b", 1, "released"),
            ReservationFact("sold-out", "b", 1, "refused"),
        ],
        changes=[
            ChangeFact("a", "one", 2, 1),
            ChangeFact("b", "one", 3, 1),
            ChangeFact("a", "one", 4, 2),
            ChangeFact("c", "two", 2, 1),
        ],
        connectable={(name, name) for name in SERVICES},
        stock_constraints={OVERDRAWN_CHECK},
    )
    journal = Journal(
        checkouts=[
            Checkout(
                1, "ani", 5.0, [("a", 2, 55, 2), ("b", 1, 50, 1), ("c", 1, 70, 1)], "done", Outcome.SUCCESS, "", 6.0
            ),
            Checkout(2, "budi", 5.0, [("b", 1, 50, 1)], "unpaid", Outcome.NOT_ACCEPTED, "payment_refused", 6.0),
            Checkout(3, "ani", 7.0, [("b", 1, 50, 1)], "sold-out", Outcome.NOT_ACCEPTED, "out_of_stock", 8.0),
            Checkout(4, "budi", 7.0, [("a", 1, 50, 1)], "", Outcome.ABORT, "offer-changed"),
        ],
        updates=[Update(5, "one", "a", 1, 2, 55, 4.0)],
        looks=[Look("one", 1, 170, (("p1", 170),))],
        deliveries=[(6, ("p1",))],
        heard={"done": [PLACED, "catalog.stock_reserved.v1", PAID, CONFIRMED, SHIPPED, DELIVERED]},
    )
    return Run(
        journal,
        facts,
        mirror={"a": (2, 55), "b": (1, 50), "c": (1, 70)},
        looks_at_rest=[Look("one", 1, 170, (("p1", 170),)), Look("two", 1, 80, (("p2", 80),))],
        republished=(3, []),
        isolated=Isolation(2.0, 1.9, (2, 1, 1)),
        kills=[("orders", 9.0)],
        kills_meant=("orders",),
        looks_alive=3,
    )
