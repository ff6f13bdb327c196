"""Find products: a page of a list in one statement, with counts that say how to narrow it down.

The counts beside a plain list may be a few seconds old; those beside a search come with its page.
"""

import time
from typing import Any
from uuid import UUID

from services.catalog.domain.badges import living
from services.catalog.domain.search import COUNT_MAX, Filters, Sort, price_band, start_of
from services.catalog.store import search as search_store
from shared import paging, regions
from shared.db import Connection
from shared.problems import Malformed
from shared.sql import Row

FOUND_ENOUGH = 5  # fewer exact matches than this, and mistyped words are corrected too
FACETS_KEPT_MAX = 512
MEDIA_PATH = "/v1/media/"


class Search:
    """Lists for buyers. Holds the names of categories and recent counts, nothing that must be right."""

    def __init__(self, *, facets_kept_seconds: float) -> None:
        self._kept_seconds = facets_kept_seconds
        self._facets: dict[Filters, tuple[float, dict[str, Any]]] = {}
        self._names: dict[str, str] = {}

    async def page(
        self,
        conn: Connection,
        filters: Filters,
        *,
        sort: Sort,
        limit: int,
        cursor: str | None,
        with_facets: bool,
    ) -> dict[str, Any]:
        """Items, next_cursor, and on the first page facets. Raises Malformed for a cursor of another list."""
        key, last_id = _place(sort, cursor)
        wants_facets = with_facets and cursor is None
        facet_rows: list[tuple[str, str | None, int]] | None = None
        found: list[Row] | None = None
        if filters.words is not None:
            matches = await search_store.matches(
                conn,
                filters,
                sort,
                key=key,
                last_id=last_id,
                limit=limit + 1,
                with_facets=wants_facets,
                enough=FOUND_ENOUGH,
            )
            facet_rows = matches.facets
            # With many matches the cheapest of some are not the cheapest of all; walking an index finds those quickly.
            found = None if matches.is_cut and sort is not Sort.RELEVANCE else matches.rows
        if found is None:
            found = await search_store.sorted_page(conn, filters, sort, key=key, last_id=last_id, limit=limit + 1)
        items = found[:limit]
        now_seconds = time.time()
        return {
            "items": [item_of(row, now_seconds) for row in items],
            "next_cursor": _cursor(sort, items[-1]) if len(found) > limit else None,
            "facets": await self._facets_of(conn, filters, facet_rows) if wants_facets else None,
        }

    async def _facets_of(
        self, conn: Connection, filters: Filters, rows: list[tuple[str, str | None, int]] | None
    ) -> dict[str, Any]:
        if not self._names:
            self._names = await search_store.category_names(conn)
        if rows is not None:
            return _facets(rows, self._names)
        kept = self._facets.get(filters)
        if kept is not None and time.monotonic() - kept[0] < self._kept_seconds:
            return kept[1]
        facets = _facets(await search_store.facet_rows(conn, filters), self._names)
        if len(self._facets) >= FACETS_KEPT_MAX:
            del self._facets[next(iter(self._facets))]
        self._facets[filters] = (time.monotonic(), facets)
        return facets


def _place(sort: Sort, cursor: str | None) -> tuple[Any, UUID]:
    if cursor is None:
        return start_of(sort)
    named, key, last_id = paging.decode(cursor, size=3)
    try:
        if named != sort.value:
            raise ValueError("another order")
        place = paging.moment(key) if sort is Sort.NEWEST else paging.whole(key)
        return place, UUID(last_id)
    except (ValueError, TypeError, AttributeError) as error:
        raise Malformed("the cursor is not one of this list") from error


def _cursor(sort: Sort, row: Row) -> str:
    key = {Sort.RELEVANCE: "score", Sort.NEWEST: "listed_at"}.get(sort, "unit_price_minor")
    return paging.encode(sort.value, row[key], str(row["product_id"]))


def item_of(row: Row, now_seconds: float) -> dict[str, Any]:
    """A product in a list at a moment (Unix time), ready for JSON."""
    photo = row["photo"]
    return {
        "product_id": row["product_id"],
        "shop_id": row["shop_id"],
        "shop_name": row["shop_name"],
        "badges": living(row["badges"], now_seconds) if row["badges"] else [],
        "region_code": row["region_code"],
        "title": row["title"],
        "category": row["category"],
        "unit_price_minor": row["unit_price_minor"],
        "currency": row["currency"],
        "weight_grams": row["weight_grams"],
        "version": row["version"],
        "available": row["available"],
        "photo_url": None if photo is None else f"{MEDIA_PATH}{photo}.webp",
        "listed_at": row["listed_at"],
    }


def _facets(rows: list[tuple[str, str | None, int]], names: dict[str, str]) -> dict[str, Any]:
    """Counts for people; `more` says that there are more than counted."""
    total = next((count for facet, _, count in rows if facet == "total"), 0)
    is_cut = total > COUNT_MAX

    def count_of(count: int) -> dict[str, Any]:
        return {"count": min(count, COUNT_MAX), "more": is_cut or count > COUNT_MAX}

    def named(facet: str) -> list[tuple[str, int]]:
        found = [(value, count) for name, value, count in rows if name == facet and value is not None]
        return sorted(found, key=lambda entry: (-entry[1], entry[0]))

    bands = sorted((int(value), count) for value, count in named("band"))
    return {
        "total": count_of(total),
        "category": [
            {"value": value, "name": names.get(value, value), **count_of(count)} for value, count in named("category")
        ],
        "region": [
            {"value": value, "name": regions.name_of(value) or value, **count_of(count)}
            for value, count in named("region")
        ],
        "price": [
            {"min_price": price_band(band)[0], "max_price": price_band(band)[1], **count_of(count)}
            for band, count in bands
        ],
    }
