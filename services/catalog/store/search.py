"""The queries of lists and searches: filters in, rows out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from services.catalog.domain.search import COUNT_MAX, PRICE_BOUNDS_MINOR, Filters, Sort, score_of
from services.catalog.store import queries
from shared import sql
from shared.db import Connection
from shared.sql import Row

searches = sql.load(str(Path(__file__).parent), "search.sql")

MATCHES_MAX = COUNT_MAX + 1  # so many matches are put in order; a query that broad has no single best answer


@dataclass(frozen=True, slots=True)
class Matches:
    """A page of matches; `facets` when they were wanted; `is_cut` when there may be more exact ones."""

    rows: list[Row]
    facets: list[tuple[str, str | None, int]] | None
    is_cut: bool


async def matches(
    conn: Connection,
    filters: Filters,
    sort: Sort,
    *,
    key: Any,
    last_id: UUID,
    limit: int,
    with_facets: bool,
    enough: int,
) -> Matches:
    """The products that match words, in an order, after a place."""
    async with conn.planned_once():
        rows = await searches.products_relevant.rows(
            conn,
            **filters.as_parameters(),
            by=sort.value,
            after_score=score_of(sort, key),
            after_id=last_id,
            limit=limit,
            sample=MATCHES_MAX,
            enough=enough,
            bounds=list(PRICE_BOUNDS_MINOR),
            with_facets=with_facets,
        )
    last = rows.pop()
    facets = [tuple(entry) for entry in last["facets"]] if with_facets else None
    return Matches(rows, facets, is_cut=last["matched"] >= MATCHES_MAX)


async def sorted_page(
    conn: Connection, filters: Filters, sort: Sort, *, key: Any, last_id: UUID, limit: int
) -> list[Row]:
    """A page by age or by price, after a place."""
    parameters = {**filters.as_parameters(), "after_id": last_id, "limit": limit}
    match sort:
        case Sort.PRICE_ASC:
            return await searches.products_cheapest.rows(conn, after_price=key, **parameters)
        case Sort.PRICE_DESC:
            return await searches.products_dearest.rows(conn, after_price=key, **parameters)
        case _:
            return await searches.products_newest.rows(conn, after_at=key, **parameters)


async def facet_rows(conn: Connection, filters: Filters) -> list[tuple[str, str | None, int]]:
    """Counts beside a list: (facet, value, count)."""
    rows = await searches.facets.rows(
        conn, **filters.as_parameters(), bounds=list(PRICE_BOUNDS_MINOR), sample=COUNT_MAX + 1
    )
    return [(row["facet"], row["value"], row["count"]) for row in rows]


async def category_names(conn: Connection) -> dict[str, str]:
    """The categories in the order of pages: slug to name."""
    return {row["slug"]: row["name"] for row in await queries.categories.rows(conn)}


async def products(conn: Connection, product_ids: list[UUID]) -> list[Row]:
    """The rows of product pages, in no order."""
    return await queries.products_shown.rows(conn, product_ids=product_ids)


async def shops(conn: Connection, shop_ids: list[UUID]) -> list[Row]:
    """What anybody may know of shops."""
    return await queries.shops_by_id.rows(conn, shop_ids=shop_ids)


async def shops_of(conn: Connection, account_id: UUID) -> list[Row]:
    """The shops in which somebody works."""
    return await queries.shops_of.rows(conn, account_id=account_id)


async def staff_for(conn: Connection, shop_id: UUID, account_id: UUID) -> list[Row]:
    """The staff of a shop, empty for who does not work there."""
    return await queries.staff_for.rows(conn, shop_id=shop_id, account_id=account_id)


async def stale_reservations(conn: Connection, *, before: Any, after: tuple[Any, UUID], limit: int) -> list[Row]:
    """Reservations made before a moment and still open, oldest first."""
    return await queries.stale_reservations.rows(conn, before=before, after_at=after[0], after_id=after[1], limit=limit)
