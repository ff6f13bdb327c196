"""Open a shop for somebody who wants to sell."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.catalog import store
from services.catalog.domain.problems import NotAMember, UnknownRegion
from services.catalog.domain.shop import Role, Shop
from services.catalog.store import standing
from shared import outbox, regions
from shared.db import Connection


@dataclass(frozen=True, slots=True)
class OpenShop:
    """Who opens which shop, where."""

    shop_id: UUID
    owner_id: UUID
    name: str
    region_code: str
    cooperative_id: UUID | None


async def open_shop(conn: Connection, command: OpenShop, *, now: datetime) -> None:
    """ShopOpened is fact 1 of the shop, its staff (the owner) fact 2.

    A shop of a cooperative is opened by its members only. Raises UnknownRegion, NotAMember.
    """
    region = regions.find(command.region_code)
    if region is None or region.level > regions.Level.REGENCY:
        raise UnknownRegion(f"{command.region_code} is no province, regency or city")
    await standing.lock_people(conn, [command.owner_id])
    if command.cooperative_id is not None and not await standing.is_member(
        conn, command.owner_id, command.cooperative_id
    ):
        raise NotAMember
    shop = Shop(
        shop_id=command.shop_id,
        owner_id=command.owner_id,
        region_code=command.region_code,
        is_open=True,
        sequence=0,
        role=Role.OWNER,
        cooperative_id=command.cooperative_id,
    )
    outbox.append(conn, shop.opened(now), shop.staff_changed([(shop.owner_id, Role.OWNER)], now))
    await store.insert_shop(conn, shop, name=command.name, opened_at=now)
    await standing.refresh_badges(conn, [shop.shop_id])
