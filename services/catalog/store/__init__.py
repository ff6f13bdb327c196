"""The only caller of catalog.sql for shops, products and stock: values in, domain objects out."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.catalog.domain.problems import (
    ProductNotFound,
    ShopNotFound,
    StockAboveLimit,
    StockBelowReserved,
    UnknownCategory,
)
from services.catalog.domain.product import Details, Product
from services.catalog.domain.shop import Role, Shop
from services.catalog.domain.stock import Hold, Move, RestockKind, Shelf, State, StockBook
from shared import sql
from shared.contracts.catalog import Payee
from shared.db import Connection
from shared.problems import Problem
from shared.sql import Row

queries = sql.load(str(Path(__file__).parent), "catalog.sql")

VIOLATIONS: dict[str, type[Problem]] = {
    "stock_reserved_within_on_hand": StockBelowReserved,
    "stock_counts_are_possible": StockAboveLimit,
    "products_category_fkey": UnknownCategory,
}


def problem_of(error: asyncpg.IntegrityConstraintViolationError) -> Problem | None:
    """The refusal that a violated constraint means, None when none was foreseen."""
    kind = VIOLATIONS.get(error.constraint_name or "")
    return None if kind is None else kind()


async def insert_shop(conn: Connection, shop: Shop, *, name: str, opened_at: datetime) -> None:
    """A new shop with its owner as staff; its sequence as it is now."""
    await queries.insert_shop.run(
        conn,
        shop_id=shop.shop_id,
        owner_id=shop.owner_id,
        name=name,
        region_code=shop.region_code,
        cooperative_id=shop.cooperative_id,
        sequence=shop.sequence,
        opened_at=opened_at,
    )


def _shop(row: Row, role: Role | None) -> Shop:
    return Shop(
        shop_id=row["shop_id"],
        owner_id=row["owner_id"],
        region_code=row["region_code"],
        is_open=row["state"] == "open",
        sequence=row["sequence"],
        role=role,
        cooperative_id=row["cooperative_id"],
    )


async def lock_shop(conn: Connection, shop_id: UUID, *, account_id: UUID) -> Shop:
    """The shop for someone who works there, locked. Raises ShopNotFound for everybody else."""
    row = await queries.lock_shop_as.row(conn, shop_id=shop_id, account_id=account_id)
    if row is None:
        raise ShopNotFound
    return _shop(row, Role(row["role"]))


async def lock_shop_of_product(conn: Connection, product_id: UUID, *, account_id: UUID) -> Shop:
    """The product's shop for someone who works there, locked. Raises ProductNotFound for everybody else."""
    row = await queries.lock_shop_of_product_as.row(conn, product_id=product_id, account_id=account_id)
    if row is None:
        raise ProductNotFound
    return _shop(row, Role(row["role"]))


async def save_sequence(conn: Connection, shop: Shop) -> None:
    """The shop's count of facts, after the last one of the transaction."""
    await queries.save_sequence.run(conn, shop_id=shop.shop_id, sequence=shop.sequence)


async def lock_shops(conn: Connection, shop_ids: list[UUID]) -> None:
    """Lock shops; `shop_ids` come sorted."""
    await queries.lock_shops.run(conn, shop_ids=shop_ids)


async def shops_worked_in(conn: Connection, account_ids: Iterable[UUID]) -> list[UUID]:
    """Where these people own or work."""
    rows = await queries.shops_worked_in.rows(conn, account_ids=list(account_ids))
    return [row["shop_id"] for row in rows]


async def products_listed_by(conn: Connection, account_ids: Iterable[UUID]) -> list[UUID]:
    """What these people's own shops sell."""
    rows = await queries.products_listed_by.rows(conn, account_ids=list(account_ids))
    return [row["product_id"] for row in rows]


async def shops_locked(conn: Connection, account_id: UUID) -> list[Shop]:
    """The shops that somebody works in, under locks taken before."""
    return [_shop(row, None) for row in await queries.shops_locked.rows(conn, account_id=account_id)]


async def close_shop(conn: Connection, shop: Shop, closed_at: datetime) -> list[Product]:
    """Close the shop, and withdraw what it sold; the withdrawn products, of which only ids and versions are told."""
    rows = await queries.withdraw_products_of.rows(conn, shop_id=shop.shop_id, changed_at=closed_at)
    withdrawn = sorted((row["product_id"], row["version"]) for row in rows)
    await lock_stock(conn, [product_id for product_id, _ in withdrawn])
    await queries.close_stock_of.run(
        conn,
        product_ids=[product_id for product_id, _ in withdrawn],
        versions=[version for _, version in withdrawn],
    )
    await queries.close_shop.run(conn, shop_id=shop.shop_id, closed_at=closed_at)
    nothing = Details(title="", description="", category="", unit_price_minor=0)
    return [Product(product_id, shop.shop_id, version, False, nothing) for product_id, version in withdrawn]


async def put_staff(conn: Connection, shop_id: UUID, account_id: UUID, role: Role) -> bool:
    """Give somebody a role; False when it is the owner, who keeps theirs."""
    return await queries.put_staff.run(conn, shop_id=shop_id, account_id=account_id, role=role.value) == 1


async def delete_staff(conn: Connection, shop_id: UUID, account_id: UUID) -> bool:
    """Take somebody off the staff; False when they were not there, or are the owner."""
    return await queries.delete_staff.run(conn, shop_id=shop_id, account_id=account_id) == 1


async def delete_person(conn: Connection, shop: Shop, account_id: UUID) -> None:
    """Take a person off the staff; when it was the owner, everybody."""
    await queries.delete_all_staff.run(
        conn, shop_id=shop.shop_id, account_id=account_id, is_owner=shop.owner_id == account_id
    )


async def staff_of(conn: Connection, shop_id: UUID) -> list[tuple[UUID, Role]]:
    """Who works there."""
    return [(row["account_id"], Role(row["role"])) for row in await queries.staff_of.rows(conn, shop_id=shop_id)]


async def insert_products(
    conn: Connection,
    shop: Shop,
    products: Sequence[Product],
    *,
    stocks: Sequence[int],
    counted: Sequence[int | None],
    now: datetime,
) -> None:
    """New products with their stock. Raises UnknownCategory."""
    details = [product.details for product in products]
    try:
        await queries.insert_products.run(
            conn,
            shop_id=shop.shop_id,
            region_code=shop.region_code,
            now=now,
            product_ids=[product.product_id for product in products],
            titles=[each.title for each in details],
            descriptions=[each.description for each in details],
            categories=[each.category for each in details],
            prices=[each.unit_price_minor for each in details],
            currencies=[each.currency for each in details],
            weights=[each.weight_grams for each in details],
            payees=[orjson.dumps(_plain(each.payees)).decode() for each in details],
            skus=[each.sku for each in details],
            stocks=list(stocks),
            counted=list(counted),
        )
    except asyncpg.ForeignKeyViolationError as error:
        if problem := problem_of(error):
            raise problem from error
        raise


async def remember_words(conn: Connection, titles: Sequence[str]) -> None:
    """Keep the words of titles for correcting what people mistype. The last lock that a transaction takes."""
    await queries.remember_words.run(conn, titles=list(titles))


def _plain(payees: Sequence[Payee]) -> list[dict[str, Any]]:
    return [payee.model_dump(mode="json") for payee in payees]


def product_of(row: Row) -> Product:
    """The product in a row of lock_product or products_of_rows."""
    details = Details(
        title=row["title"],
        description=row["description"],
        category=row["category"],
        unit_price_minor=row["unit_price_minor"],
        currency=row["currency"],
        weight_grams=row["weight_grams"],
        payees=tuple(Payee.model_validate(payee) for payee in row["payees"]),
        sku=row["sku"],
    )
    return Product(row["product_id"], row["shop_id"], row["version"], row["state"] == "listed", details)


async def lock_product(conn: Connection, product_id: UUID) -> Product:
    """The product, locked; its shop is locked before. Raises ProductNotFound."""
    row = await queries.lock_product.row(conn, product_id=product_id)
    if row is None:
        raise ProductNotFound
    return product_of(row)


async def save_product(conn: Connection, product: Product, *, now: datetime) -> None:
    """The product at its new version, and its stock row with it. Raises UnknownCategory."""
    details = product.details
    try:
        await queries.save_product.run(
            conn,
            product_id=product.product_id,
            version=product.version,
            state="listed" if product.is_listed else "withdrawn",
            title=details.title,
            description=details.description,
            category=details.category,
            price=details.unit_price_minor,
            currency=details.currency,
            weight=details.weight_grams,
            payees=_plain(details.payees),
            sku=details.sku,
            now=now,
        )
    except asyncpg.ForeignKeyViolationError as error:
        if problem := problem_of(error):
            raise problem from error
        raise


async def photos_of(conn: Connection, product_id: UUID) -> list[dict[str, Any]]:
    """The photos of a product that is locked."""
    row = await queries.lock_product.row(conn, product_id=product_id)
    if row is None:
        raise ProductNotFound
    photos: list[dict[str, Any]] = row["photos"]
    return photos


async def save_photos(conn: Connection, product_id: UUID, photos: list[dict[str, Any]], *, now: datetime) -> None:
    """All photos of the product, the first one being its face."""
    await queries.save_photos.run(conn, product_id=product_id, photos=photos, now=now)


async def change_stock(conn: Connection, product_id: UUID, change: int, *, account_id: UUID) -> Row:
    """Add or take away; available and reserved afterwards.

    Raises ProductNotFound, StockBelowReserved, StockAboveLimit.
    """
    try:
        row = await queries.change_stock.row(conn, product_id=product_id, change=change, account_id=account_id)
    except asyncpg.CheckViolationError as error:
        if problem := problem_of(error):
            raise problem from error
        raise
    if row is None:
        raise ProductNotFound
    return row


async def lock_stock(conn: Connection, product_ids: list[UUID]) -> None:
    """Lock stock rows; `product_ids` come sorted."""
    await queries.lock_stock.run(conn, product_ids=product_ids)


async def products_held(conn: Connection, order_ids: Iterable[UUID]) -> list[UUID]:
    """The products of which these orders asked for some."""
    rows = await queries.products_held.rows(conn, order_ids=list(order_ids))
    return [row["product_id"] for row in rows]


async def open_book(conn: Connection, order_ids: Iterable[UUID], product_ids: Iterable[UUID] = ()) -> StockBook:
    """The book over these orders and products; their stock rows are locked before."""
    rows = await queries.holds.rows(conn, order_ids=list(order_ids))
    holds = {row["order_id"]: _hold(row) for row in rows}
    wanted = set(product_ids).union(*(hold.lines for hold in holds.values()))
    shelves = await queries.shelves.rows(conn, product_ids=list(wanted))
    return StockBook(
        {
            row["product_id"]: Shelf(row["version"], row["is_listed"], row["on_hand"], row["reserved"])
            for row in shelves
        },
        holds,
    )


def _hold(row: Row) -> Hold:
    products = row["product_ids"]
    return Hold(
        order_id=row["order_id"],
        attempt=row["attempt"],
        state=State(row["state"]),
        lines=dict(zip(products, row["quantities"], strict=True)),
        restocked=dict(zip(products, row["restocked"], strict=True)),
        reserved_at=row["reserved_at"],
        changed_at=row["changed_at"],
    )


async def save_book(conn: Connection, book: StockBook) -> None:
    """Write what the batch changed, by one statement."""
    holds = list(book.changed.values())
    if not holds:
        return
    moves = [(product_id, move) for product_id, move in book.moves.items() if move != Move()]
    await queries.save_book.run(
        conn,
        product_ids=[product_id for product_id, _ in moves],
        on_hands=[move.on_hand for _, move in moves],
        reserveds=[move.reserved for _, move in moves],
        solds=[move.sold for _, move in moves],
        returneds=[move.returned for _, move in moves],
        order_ids=[hold.order_id for hold in holds],
        attempts=[hold.attempt for hold in holds],
        states=[hold.state.value for hold in holds],
        lines=[_array(hold.lines) for hold in holds],
        quantities=[_array(hold.lines.values()) for hold in holds],
        restocked=[_array(hold.restocked[product_id] for product_id in hold.lines) for hold in holds],
        reserved_ats=[hold.reserved_at for hold in holds],
        changed_ats=[hold.changed_at for hold in holds],
    )


def _array(values: Iterable[object]) -> str:
    """A PostgreSQL array of ids or numbers, as text."""
    return "{" + ",".join(map(str, values)) + "}"


async def record_restocks(
    conn: Connection,
    kind: RestockKind,
    restocks: Sequence[tuple[UUID, UUID, Sequence[tuple[UUID, int]]]],
    *,
    now: datetime,
) -> set[UUID]:
    """Which of these (source, order, lines) are new; they are recorded and come back only this once."""
    rows = await queries.record_restocks.rows(
        conn,
        kind=kind.value,
        source_ids=[source_id for source_id, _, _ in restocks],
        order_ids=[order_id for _, order_id, _ in restocks],
        products=[_array(product_id for product_id, _ in lines) for _, _, lines in restocks],
        quantities=[_array(quantity for _, quantity in lines) for _, _, lines in restocks],
        restocked_ats=[now] * len(restocks),
    )
    return {row["source_id"] for row in rows}
