"""Settle completed parcels: what they brought becomes the payees', the market's and the state's.

In the transaction in which they are completed, and once: the parcel is the key of its settlement and the id of its
transfer. Prices and commission are those of the sale; what went back before is not settled.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import Order
from services.orders.domain.settlement import Declared, commission_rates, settle, withholding
from services.orders.domain.taxes import is_withholding_switched_on
from services.orders.store import ParcelItems, Settlement, accounts
from services.orders.use_cases.book_money import settled
from services.orders.use_cases.open_money import open_money, rules_of
from shared.calendar import day_of
from shared.db import Connection
from shared.rules import Rules

BATCH = 200


async def settle_parcels(
    conn: Connection, orders: Mapping[UUID, Order], event_ids: Mapping[UUID, UUID], *, now: datetime
) -> None:
    """Settle the completed parcels of these (locked) orders. `event_ids`: the parcel_completed of each parcel."""
    money = await open_money(conn, orders.values(), now=now)
    due = [parcel for items in money.items.values() for parcel in items.parcels if parcel.is_due]
    rules = rules_of(conn.settings.rules_file)
    declared = await _declared(conn, rules, due)
    settlements = [_settlement(parcel, event_ids.get(parcel.parcel_id), rules, declared) for parcel in due]
    if settlements:
        await store.insert_settlements(conn, settlements, now=now)
    await accounts.post(conn, [*money.movements, *(settled(one, now=now) for one in settlements)])


async def book_what_is_behind(conn: Connection, *, now: datetime) -> int:
    """Bring orders from before the ledger into it, a bounded number; how many."""
    orders = await store.lock_free_orders(conn, await store.orders_to_book(conn, most=BATCH))
    if orders:
        await settle_parcels(conn, orders, {}, now=now)
    return len(orders)


async def _declared(conn: Connection, rules: Rules, parcels: Sequence[ParcelItems]) -> Mapping[UUID, Declared]:
    """What the payees declared; not asked for while nothing is withheld."""
    parties = {
        payee.party_id
        for parcel in parcels
        if is_withholding_switched_on(rules, _paid_on(parcel))
        for line in parcel.lines
        for payee in line.payees
    }
    return await store.declared_by(conn, parties) if parties else {}


def _settlement(
    parcel: ParcelItems, event_id: UUID | None, rules: Rules, declared: Mapping[UUID, Declared]
) -> Settlement:
    paid_on = _paid_on(parcel)
    parts = settle(
        parcel.lines,
        parcel.shipping_left_minor,
        parcel.shop_id,
        rate_of=commission_rates(rules, day_of(parcel.placed_at)),
        withheld=withholding(rules, declared, on=paid_on, is_switched_on=is_withholding_switched_on(rules, paid_on)),
    )
    return Settlement(parcel, event_id, tuple(parts))


def _paid_on(parcel: ParcelItems) -> date:
    return day_of(parcel.paid_at)
