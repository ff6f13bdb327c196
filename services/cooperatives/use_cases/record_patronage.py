"""Count completed parcels, and what was refunded of them, for those who dealt through the cooperative."""

from uuid import UUID

from services.cooperatives.domain.patronage import entries_of
from services.cooperatives.store import patronage as store
from shared.contracts.catalog import ShopOpened
from shared.contracts.orders import ParcelCompleted, RefundMade
from shared.db import Connection


async def record_owners(conn: Connection, events: list[ShopOpened]) -> None:
    """Remember whose shops these are."""
    await store.record_shops(conn, events)


async def record_completed(conn: Connection, events: list[ParcelCompleted]) -> None:
    """Count completed parcels of cooperatives' shops; refunds that are known already are taken off at once."""
    await _count(conn, set(await store.record_parcels(conn, events)))


async def record_refunded(conn: Connection, events: list[RefundMade]) -> None:
    """Take refunds off parcels that are completed; those of other parcels wait, maybe for ever."""
    await _count(conn, set(await store.record_refunds(conn, events)))


async def _count(conn: Connection, parcel_ids: set[UUID]) -> None:
    parcels = await store.parcels_with_refunds(conn, parcel_ids) if parcel_ids else []
    if parcels:
        await store.save_entries(conn, [entry for parcel, refunds in parcels for entry in entries_of(parcel, refunds)])
