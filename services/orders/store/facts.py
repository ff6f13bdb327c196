"""What catalog told us, our own copy: shops, staff, products; and who was forgotten."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from services.orders.domain.placing import Offer
from services.orders.store.named import queries
from shared.contracts import catalog
from shared.db import Connection


async def offers(conn: Connection, product_ids: Iterable[UUID]) -> dict[UUID, Offer]:
    """Our copy of these products; those that catalog has not told us of wholly are not there."""
    rows = await queries.offers.rows(conn, product_ids=list(product_ids))
    return {row["product_id"]: Offer(*row.values()) for row in rows}


async def open_shops(conn: Connection, events: Sequence[catalog.ShopOpened]) -> None:
    """Take over shops; their owner is the staff until a list comes."""
    await queries.open_shops.run(
        conn,
        shop_ids=[event.shop_id for event in events],
        region_codes=[event.region_code for event in events],
        cooperative_ids=[event.cooperative_id for event in events],
        sequences=[event.sequence for event in events],
    )
    await queries.add_owners.run(
        conn, account_ids=[event.owner_id for event in events], shop_ids=[event.shop_id for event in events]
    )


async def replace_staff(conn: Connection, events: Sequence[catalog.ShopStaffChanged]) -> None:
    """Take over staff lists that are newer than ours."""
    claimed = await queries.claim_staff_lists.rows(
        conn, shop_ids=[event.shop_id for event in events], sequences=[event.sequence for event in events]
    )
    shop_ids = {row["shop_id"] for row in claimed}
    lists = [event for event in events if event.shop_id in shop_ids]
    members = [(member.account_id, event.shop_id, member.role) for event in lists for member in event.staff]
    await queries.clear_staff.run(conn, shop_ids=list(shop_ids))
    await queries.add_staff.run(
        conn,
        account_ids=[account_id for account_id, _, _ in members],
        shop_ids=[shop_id for _, shop_id, _ in members],
        roles=[role for _, _, role in members],
    )


async def upsert_products(conn: Connection, events: Sequence[catalog.ProductFact], payees: Sequence[str]) -> None:
    """Take over products as they are from these versions on; `payees` is the JSON text of each."""
    await queries.upsert_products.run(
        conn,
        product_ids=[event.product_id for event in events],
        shop_ids=[event.shop_id for event in events],
        versions=[event.version for event in events],
        titles=[event.title for event in events],
        categories=[event.category for event in events],
        unit_prices_minor=[event.unit_price_minor for event in events],
        currencies=[event.currency for event in events],
        weights_grams=[event.weight_grams for event in events],
        payees=payees,
    )


async def upsert_prices(conn: Connection, events: Sequence[catalog.PriceChanged]) -> None:
    """Take over prices, also of products that we do not know yet."""
    await queries.upsert_prices.run(
        conn,
        product_ids=[event.product_id for event in events],
        shop_ids=[event.shop_id for event in events],
        versions=[event.version for event in events],
        unit_prices_minor=[event.unit_price_minor for event in events],
        currencies=[event.currency for event in events],
    )


async def withdraw_products(conn: Connection, events: Sequence[catalog.ProductWithdrawn]) -> None:
    """These cannot be bought any more."""
    await queries.withdraw_products.run(
        conn,
        product_ids=[event.product_id for event in events],
        shop_ids=[event.shop_id for event in events],
        versions=[event.version for event in events],
    )


async def role_in_shop(conn: Connection, *, shop_id: UUID, account_id: UUID) -> str | None:
    """What the account is in the shop, None when it does not work there."""
    role: str | None = await queries.role_in_shop.value(conn, shop_id=shop_id, account_id=account_id)
    return role


async def erased_among(conn: Connection, account_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the accounts that asked to be forgotten."""
    return {row["account_id"] for row in await queries.erased_among.rows(conn, account_ids=list(account_ids))}


async def erase_account(conn: Connection, account_id: UUID, *, erased_at: datetime) -> None:
    """The person is forgotten: no more orders, no cart."""
    await queries.erase_account.run(conn, account_id=account_id, erased_at=erased_at)
    await queries.erase_cart.run(conn, account_id=account_id)


async def erase_addresses(conn: Connection, *, most: int) -> int:
    """Erase addresses of ended orders of forgotten people; how many."""
    return await queries.erase_addresses.run(conn, most=most)
