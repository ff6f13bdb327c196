"""Products: offered, changed, priced, counted; product_reads.py shows them."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

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
from services.catalog.routes.answers import OPTIONAL_KEY_DOCUMENTED, OptionalKey, json_answer, once
from services.catalog.routes.product_models import (
    Categories,
    NewProduct,
    ProductRevision,
    ProductVersionView,
    Repricing,
    StockChange,
    StockView,
)
from services.catalog.store import search as store
from services.catalog.use_cases.change_stock import change_stock
from services.catalog.use_cases.list_product import list_product
from services.catalog.use_cases.reprice_product import reprice_product
from services.catalog.use_cases.revise_product import revise_product
from services.catalog.use_cases.withdraw_product import withdraw_product
from shared.auth import CurrentPerson
from shared.clock import utc_now
from shared.http import Db
from shared.ids import new_id
from shared.problems import VersionChanged, documented

router = APIRouter(tags=["products"])


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
