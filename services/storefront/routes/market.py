"""What everybody may see: the front page, search, products, shops."""

import asyncio
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Response

from services.storefront.domain import words
from services.storefront.routes.web import CurrentVisit
from services.storefront.upstream import Refused
from services.storefront.use_cases.view_basket import product_of
from shared import regions
from shared.problems import NotFound

router = APIRouter(include_in_schema=False)

PAGE_SIZE = 24
NEWEST_SHOWN = 12
MORE_SHOWN = 6
QUERY_CHARACTERS_MAX = 100


@router.get("/")
async def home(visit: CurrentVisit) -> Response:
    """Search, categories, what is new."""
    categories, newest = await asyncio.gather(
        visit.shop.categories.all(),
        visit.network.catalog.get("/v1/products", params={"sort": "newest", "limit": NEWEST_SHOWN, "facets": False}),
    )
    return visit.page("home.html", categories=categories, products=newest["items"])


@router.get("/cari")
async def search(
    visit: CurrentVisit,
    q: str = "",
    kategori: str = "",
    wilayah: str = "",
    min: str = "",
    max: str = "",
    urut: str = "",
    hal: str = "",
) -> Response:
    """Products by words, category, region and price."""
    q = q.strip()[:QUERY_CHARACTERS_MAX]
    chosen = {
        "q": q,
        "kategori": kategori if kategori.replace("-", "").isalnum() else "",
        "wilayah": wilayah if regions.find(wilayah) else "",
        "min": min if _is_price(min) else "",
        "max": max if _is_price(max) else "",
        "urut": urut if urut in words.SORTS else "",
    }
    params = {
        "q": chosen["q"],
        "category": chosen["kategori"],
        "region": chosen["wilayah"],
        "min_price": chosen["min"],
        "max_price": chosen["max"],
        "sort": chosen["urut"],
        "limit": PAGE_SIZE,
        "cursor": hal,
    }
    try:
        categories, found = await asyncio.gather(
            visit.shop.categories.all(), visit.network.catalog.get("/v1/products", params=params)
        )
    except Refused as refusal:
        if refusal.upstream_status != 422:
            raise
        return visit.redirect(address_with(chosen))  # a cursor of another list, or one that was typed
    return visit.page(
        "search.html",
        q=q,
        chosen=chosen,
        products=found["items"],
        next_cursor=found.get("next_cursor"),
        facets=found.get("facets"),
        categories={str(item["slug"]): str(item["name"]) for item in categories},
        is_first_page=not hal,
        address=lambda **changes: address_with(chosen, **changes),
    )


def address_with(chosen: dict[str, str], **changes: str | int | None) -> str:
    """The search page with some choices changed; an empty one is taken away."""
    merged = {name: str(value) for name, value in {**chosen, **changes}.items() if value not in (None, "")}
    return "/cari?" + urlencode(merged) if merged else "/cari"


def _is_price(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12


@router.get("/produk/{product_id}")
async def product(visit: CurrentVisit, product_id: UUID) -> Response:
    """One product, with the button that puts it into the basket."""
    found = await product_of(visit.network, product_id)
    if found is None:
        raise NotFound
    categories, more = await asyncio.gather(
        visit.shop.categories.all(),
        visit.network.catalog.get(
            "/v1/products", params={"shop_id": found["shop_id"], "limit": MORE_SHOWN + 1, "facets": False}
        ),
    )
    others = [item for item in more["items"] if item["product_id"] != found["product_id"]][:MORE_SHOWN]
    names = {str(item["slug"]): str(item["name"]) for item in categories}
    return visit.page(
        "product.html",
        product={**found, "photo_url": large_photo_of(found)},
        category=names.get(str(found.get("category")), ""),
        others=others,
    )


def large_photo_of(product: dict[str, Any]) -> str | None:
    """The address of the large photo of a product."""
    photos = product.get("photos") or []
    return str(photos[0]["large_url"]) if photos else None


@router.get("/toko/{shop_id}")
async def shop(visit: CurrentVisit, shop_id: UUID, hal: str = "") -> Response:
    """A shop and what it sells."""
    try:
        found, listed = await asyncio.gather(
            visit.network.catalog.get(f"/v1/shops/{shop_id}"),
            visit.network.catalog.get(
                "/v1/products", params={"shop_id": str(shop_id), "limit": PAGE_SIZE, "cursor": hal, "facets": False}
            ),
        )
    except Refused as refusal:
        if refusal.upstream_status == 422:
            return visit.redirect(f"/toko/{shop_id}")
        raise
    return visit.page(
        "shop.html", shop=found, products=listed["items"], next_cursor=listed.get("next_cursor"), is_first_page=not hal
    )
