"""Product pages and lists: what buyers ask for most, so the short way to them and queries that many requests share.

What must stay true: an answer is as fresh as a query of its own would be (see shared/batched_reads.py), and the routes
are described and refuse as all others do.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from services.catalog.domain.badges import living
from services.catalog.domain.problems import ProductNotFound
from services.catalog.domain.search import Filters, Sort, words_of
from services.catalog.routes.answers import as_json
from services.catalog.routes.product_models import ProductPage, ProductView
from services.catalog.store import search as store
from services.catalog.use_cases.search_products import MEDIA_PATH, Search
from shared import regions
from shared.batched_reads import BatchedReads
from shared.contracts.base import RegionCode
from shared.db import Database
from shared.direct import DirectRoute, path_of, query_of
from shared.money import AMOUNT_MINOR_MAX
from shared.paging import Cursor, Limit
from shared.problems import Malformed, documented

PAGES_AT_ONCE = 64  # products in one query
LISTS_AT_ONCE = 6  # half of the pool's connections

Price = Annotated[int | None, Field(ge=0, le=AMOUNT_MINOR_MAX)]


class Asked(BaseModel):
    """Which products to list, and how."""

    q: str | None = Field(default=None, max_length=200, description="Words; mistyped ones are corrected.")
    category: str | None = Field(default=None, max_length=40, pattern=r"^[^\x00]*$")
    region: RegionCode | None = Field(default=None, description="A province finds its regencies too.")
    shop_id: UUID | None = None
    min_price: Price = None
    max_price: Price = None
    sort: Sort | None = Field(default=None, description="Default: relevance with `q`, else newest.")
    badge: str | None = Field(
        default=None, pattern=r"^[a-z0-9:-]{2,60}$", description="koperasi, or bersertifikat:<scheme>."
    )
    limit: Limit = 24
    cursor: Cursor = None
    facets: bool = Field(default=True, description="False leaves the counts out.")

    def as_list(self) -> "ListAsked":
        """The list that this means."""
        words = words_of(self.q)
        sort = self.sort
        if sort is None or (sort is Sort.RELEVANCE and words is None):
            sort = Sort.NEWEST if words is None else Sort.RELEVANCE
        filters = Filters(
            words, self.category or None, self.region, self.shop_id, self.min_price, self.max_price, self.badge
        )
        return ListAsked(filters, sort, self.limit, self.cursor, self.facets)


@dataclass(frozen=True, slots=True)
class ListAsked:
    """A list; requests for the same one at a time share its query."""

    filters: Filters
    sort: Sort
    limit: int
    cursor: str | None
    with_facets: bool


class ProductReads:
    """Answers as JSON, each read and written once for all who ask for it at a time."""

    def __init__(self, db: Database, search: Search) -> None:
        self._db = db
        self._search = search
        self.pages: BatchedReads[UUID, bytes | None] = BatchedReads(self._pages, batch_max=PAGES_AT_ONCE, lanes=2)
        self.lists: BatchedReads[ListAsked, bytes] = BatchedReads(self._list, batch_max=1, lanes=LISTS_AT_ONCE)

    async def _pages(self, product_ids: list[UUID]) -> Mapping[UUID, bytes | None]:
        async with self._db.reading() as conn:
            rows = await store.products(conn, product_ids)
        found = {row["product_id"]: as_json(_page(row)) for row in rows}
        return {product_id: found.get(product_id) for product_id in product_ids}

    async def _list(self, asked: list[ListAsked]) -> Mapping[ListAsked, bytes]:
        (one,) = asked
        async with self._db.reading() as conn:
            page = await self._search.page(
                conn, one.filters, sort=one.sort, limit=one.limit, cursor=one.cursor, with_facets=one.with_facets
            )
        return {one: as_json(page)}


def reads(request: Request) -> ProductReads:
    """The service's."""
    found: ProductReads = request.app.state.product_reads
    return found


class Place(BaseModel):
    """Where a product's page is."""

    product_id: UUID


class PageRoute(DirectRoute):
    """Called with the product's id."""

    async def answer(self, request: Request) -> Response:
        """The page."""
        return await get_product(path_of(request, Place).product_id, request)


class ListRoute(DirectRoute):
    """Called with what is asked."""

    async def answer(self, request: Request) -> Response:
        """The list."""
        return await list_products(query_of(request, Asked), request)


page_router = APIRouter(tags=["products"], route_class=PageRoute)
list_router = APIRouter(tags=["products"], route_class=ListRoute)


@page_router.get("/products/{product_id}", response_model=ProductView, responses=documented(ProductNotFound))
async def get_product(product_id: UUID, request: Request) -> Response:
    """A product page."""
    page = await reads(request).pages.read(product_id)
    if page is None:
        raise ProductNotFound
    return Response(page, media_type="application/json")


@list_router.get("/products", response_model=ProductPage, responses=documented(Malformed))
async def list_products(asked: Annotated[Asked, Query()], request: Request) -> Response:
    """Listed products, a page at a time."""
    return Response(await reads(request).lists.read(asked.as_list()), media_type="application/json")


def _page(row: Any) -> dict[str, Any]:
    is_listed = row["state"] == "listed"
    return {
        "product_id": row["product_id"],
        "shop_id": row["shop_id"],
        "shop_name": row["shop_name"],
        "badges": living(row["badges"], time.time()),
        "region_code": row["region_code"],
        "region_name": regions.full_name_of(row["region_code"]) or row["region_code"],
        "cooperative_id": row["cooperative_id"],
        "is_listed": is_listed,
        "version": row["version"],
        "title": row["title"],
        "description": row["description"],
        "category": row["category"],
        "unit_price_minor": row["unit_price_minor"],
        "currency": row["currency"],
        "weight_grams": row["weight_grams"],
        "payees": row["payees"],
        "available": row["available"] if is_listed else 0,
        "photos": [photo_view(photo) for photo in row["photos"]],
        "listed_at": row["listed_at"],
        "changed_at": row["changed_at"],
    }


def photo_view(photo: dict[str, Any]) -> dict[str, Any]:
    """A stored photo with the addresses of its two sizes."""
    return {
        "large_url": f"{MEDIA_PATH}{photo['large']}.webp",
        "small_url": f"{MEDIA_PATH}{photo['small']}.webp",
        "width": photo["width"],
        "height": photo["height"],
    }
