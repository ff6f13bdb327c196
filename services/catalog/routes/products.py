"""Products: offered, changed, priced, counted, found."""

import time
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.catalog.domain.badges import living
from services.catalog.domain.problems import (
    CertificateNeeded,
    NotYourTask,
    ProductNotFound,
    ProductWithdrawnAlready,
    SharesDoNotSum,
    ShopClosed,
    ShopNotFound,
    StockAboveLimit,
    StockBelowReserved,
    UnknownCategory,
    UnknownCurrency,
)
from services.catalog.domain.search import Filters, Sort, words_of
from services.catalog.routes.answers import OPTIONAL_KEY_DOCUMENTED, OptionalKey, json_answer, once
from services.catalog.routes.product_models import (
    Categories,
    NewProduct,
    ProductPage,
    ProductRevision,
    ProductVersionView,
    ProductView,
    Repricing,
    StockChange,
    StockView,
)
from services.catalog.store import search as store
from services.catalog.use_cases.change_stock import change_stock
from services.catalog.use_cases.list_product import list_product
from services.catalog.use_cases.reprice_product import reprice_product
from services.catalog.use_cases.revise_product import revise_product
from services.catalog.use_cases.search_products import MEDIA_PATH, Search
from services.catalog.use_cases.withdraw_product import withdraw_product
from shared import regions
from shared.auth import CurrentPerson
from shared.clock import utc_now
from shared.contracts.base import RegionCode
from shared.http import Db
from shared.ids import new_id
from shared.money import AMOUNT_MINOR_MAX
from shared.paging import Cursor, Limit
from shared.problems import Malformed, VersionChanged, documented

router = APIRouter(tags=["products"])

Price = Annotated[int | None, Query(ge=0, le=AMOUNT_MINOR_MAX)]


@router.get("/products/{product_id}", response_model=ProductView, responses=documented(ProductNotFound))
async def get_product(product_id: UUID, db: Db) -> Response:
    """A product page."""
    async with db.reading() as conn:
        row = await store.product(conn, product_id)
    if row is None:
        raise ProductNotFound
    return json_answer(_view(row))


@router.get("/products", response_model=ProductPage, responses=documented(Malformed))
async def list_products(
    request: Request,
    db: Db,
    q: Annotated[str | None, Query(max_length=200, description="Words; mistyped ones are corrected.")] = None,
    category: Annotated[str | None, Query(max_length=40, pattern=r"^[^\x00]*$")] = None,
    region: Annotated[RegionCode | None, Query(description="A province finds its regencies too.")] = None,
    shop_id: UUID | None = None,
    min_price: Price = None,
    max_price: Price = None,
    sort: Annotated[Sort | None, Query(description="Default: relevance with `q`, else newest.")] = None,
    badge: Annotated[
        str | None, Query(pattern=r"^[a-z0-9:-]{2,60}$", description="koperasi, or bersertifikat:<scheme>.")
    ] = None,
    limit: Limit = 24,
    cursor: Cursor = None,
    facets: Annotated[bool, Query(description="False leaves the counts out.")] = True,
) -> Response:
    """Listed products, a page at a time."""
    words = words_of(q)
    if sort is None or (sort is Sort.RELEVANCE and words is None):
        sort = Sort.NEWEST if words is None else Sort.RELEVANCE
    filters = Filters(words, category or None, region, shop_id, min_price, max_price, badge)
    search: Search = request.app.state.search
    async with db.reading() as conn:
        page = await search.page(conn, filters, sort=sort, limit=limit, cursor=cursor, with_facets=facets)
    return json_answer(page)


def _view(row: Any) -> dict[str, Any]:
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


@router.post(
    "/products",
    status_code=201,
    response_model=ProductVersionView,
    responses=documented(
        ShopNotFound, NotYourTask, ShopClosed, UnknownCategory, UnknownCurrency, SharesDoNotSum, CertificateNeeded
    ),
    openapi_extra=OPTIONAL_KEY_DOCUMENTED,
)
async def create_product(
    body: NewProduct, key: OptionalKey, person: CurrentPerson, request: Request, db: Db
) -> Response:
    """Offer a product in a shop that you own or manage."""
    product_id = new_id()
    async with db.transaction() as conn:

        async def work() -> ProductVersionView:
            product = await list_product(
                conn,
                product_id=product_id,
                shop_id=body.shop_id,
                details=body.as_details(),
                stock=body.stock,
                by=person.id,
                now=utc_now(),
            )
            return ProductVersionView(product_id=product_id, version=product.version)

        return await once(conn, request, person, key, body, work, status=201)


@router.put(
    "/products/{product_id}",
    response_model=ProductVersionView,
    responses=documented(
        ProductNotFound,
        NotYourTask,
        ShopClosed,
        VersionChanged,
        ProductWithdrawnAlready,
        UnknownCategory,
        UnknownCurrency,
        SharesDoNotSum,
        CertificateNeeded,
    ),
)
async def put_product(product_id: UUID, body: ProductRevision, person: CurrentPerson, db: Db) -> ProductVersionView:
    """Replace the product by a new version; baskets that hold the old one are told."""
    async with db.transaction() as conn:
        product = await revise_product(
            conn,
            product_id=product_id,
            details=body.as_details(),
            expected_version=body.expected_version,
            by=person.id,
            now=utc_now(),
        )
    return ProductVersionView(product_id=product_id, version=product.version)


@router.put(
    "/products/{product_id}/price",
    response_model=ProductVersionView,
    responses=documented(ProductNotFound, NotYourTask, ShopClosed, VersionChanged, ProductWithdrawnAlready),
)
async def put_price(product_id: UUID, body: Repricing, person: CurrentPerson, db: Db) -> ProductVersionView:
    """Change the price; this too is a new version."""
    async with db.transaction() as conn:
        product = await reprice_product(
            conn,
            product_id=product_id,
            unit_price_minor=body.unit_price_minor,
            expected_version=body.expected_version,
            by=person.id,
            now=utc_now(),
        )
    return ProductVersionView(product_id=product_id, version=product.version)


@router.post(
    "/products/{product_id}/stock",
    response_model=StockView,
    responses=documented(ProductNotFound, StockBelowReserved, StockAboveLimit),
    openapi_extra=OPTIONAL_KEY_DOCUMENTED,
)
async def post_stock(
    product_id: UUID, body: StockChange, key: OptionalKey, person: CurrentPerson, request: Request, db: Db
) -> Response:
    """Count stock in or out; never below what is reserved."""
    async with db.transaction() as conn:

        async def work() -> StockView:
            level = await change_stock(conn, product_id=product_id, change=body.change, by=person.id)
            return StockView(available=level.available, reserved=level.reserved)

        return await once(conn, request, person, key, body, work, status=200)


@router.delete(
    "/products/{product_id}", status_code=204, responses=documented(ProductNotFound, NotYourTask, ShopClosed)
)
async def delete_product(product_id: UUID, person: CurrentPerson, db: Db) -> None:
    """Withdraw the product; orders placed before stand."""
    async with db.transaction() as conn:
        await withdraw_product(conn, product_id=product_id, by=person.id, now=utc_now())


@router.get("/categories", response_model=Categories)
async def list_categories(db: Db) -> Response:
    """All categories with their Indonesian names."""
    async with db.reading() as conn:
        names = await store.category_names(conn)
    items = [{"slug": slug, "name": name} for slug, name in names.items()]
    return json_answer({"items": items}, headers={"Cache-Control": "public, max-age=300"})
