"""Lenders, and what they would lend."""

from datetime import datetime
from fractions import Fraction
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from services.financing.domain.problems import LenderNotFound, LenderTaken, NoKurLoan, ProductNotFound
from services.financing.domain.products import Product, Scheme
from services.financing.routes.answers import json_answer, once
from services.financing.routes.callers import CurrentLender
from services.financing.store import lenders as store
from services.financing.store import products
from services.financing.use_cases.offer_product import offer_product
from services.financing.use_cases.register_lender import register_lender
from services.financing.use_cases.suspend_lender import suspend_lender as suspend
from shared import regions
from shared.auth import CurrentPerson, require_role
from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.base import RegionCode
from shared.exact import to_text
from shared.http import Db
from shared.idempotency import IdempotencyKey
from shared.ids import new_id
from shared.money import AMOUNT_MINOR_MAX
from shared.problems import Forbidden, Unauthenticated, documented

router = APIRouter(prefix="/v1", tags=["lenders"], responses=documented(Unauthenticated))

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Percent = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,4})?$")]
Word = Annotated[str, StringConstraints(pattern="^[a-z0-9-]{2,40}$")]
Amount = Annotated[int, Field(ge=1, le=AMOUNT_MINOR_MAX)]
Tenor = Annotated[int, Field(ge=1, le=360)]


class NewLender(BaseModel):
    """A licensed partner, and the machine client of identity that acts for it."""

    client_id: UUID
    slug: Annotated[str, StringConstraints(pattern="^[a-z0-9-]{3,30}$")]
    name: Name


class LenderView(BaseModel):
    """A lender."""

    lender_id: UUID
    client_id: UUID
    slug: str
    name: str
    state: str
    registered_at: AwareDatetime


class Lenders(BaseModel):
    """All lenders."""

    items: list[LenderView]


class NewProduct(BaseModel):
    """What a lender would lend. An empty list fits everybody. Rates are percent of a year, as text."""

    name: Name
    scheme: Scheme
    annual_rate: Percent | None = Field(default=None, description="All but murabahah; flat: of the first principal.")
    annual_margin: Percent | None = Field(default=None, description="Murabahah: of the cost, for each year.")
    currency: Literal["IDR"] = "IDR"
    amount_min_minor: Amount
    amount_max_minor: Amount
    tenor_min_months: Tenor
    tenor_max_months: Tenor
    sectors: list[Word] = Field(default=[], max_length=100)
    regions: list[RegionCode] = Field(default=[], max_length=600, description="A province stands for its regencies.")
    size_classes: list[Literal["micro", "small", "medium", "large"]] = []
    turnover_min_minor: int = Field(default=0, ge=0, le=AMOUNT_MINOR_MAX, description="Net, of the last twelve months.")
    certificate_scheme: Word | None = None
    kur_scheme: Annotated[str, StringConstraints(pattern="^[a-z_]{2,30}$")] | None = None
    kur_access: int | None = Field(default=None, ge=1, le=20, description="The borrower's first, second, ... access.")
    share_basis_points_max: int = Field(
        default=3000, ge=1, le=10_000, description="Of each payout at most this part is withheld as an instalment."
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "NewProduct":
        if (self.scheme == "murabahah") != (self.annual_margin is not None):
            raise ValueError("a murabahah has annual_margin, the others have none")
        if (self.scheme == "murabahah") == (self.annual_rate is not None):
            raise ValueError("a murabahah has no annual_rate, the others have one")
        if self.amount_min_minor > self.amount_max_minor or self.tenor_min_months > self.tenor_max_months:
            raise ValueError("the least is above the most")
        if unknown := [code for code in self.regions if regions.find(code) is None]:
            raise ValueError(f"there is no region {', '.join(unknown)}")
        if (self.kur_scheme is None) != (self.kur_access is None):
            raise ValueError("kur_scheme and kur_access go together")
        return self


class ProductView(BaseModel):
    """A loan product as its lender sees it."""

    product_id: UUID
    lender_id: UUID
    name: str
    scheme: Scheme
    annual_rate: str | None
    annual_margin: str | None
    currency: str
    amount_min_minor: int
    amount_max_minor: int
    tenor_min_months: int
    tenor_max_months: int
    sectors: list[str]
    regions: list[str]
    size_classes: list[str]
    turnover_min_minor: int
    certificate_scheme: str | None
    kur_scheme: str | None
    kur_access: int | None
    share_basis_points_max: int
    state: Literal["offered", "withdrawn"]
    offered_at: AwareDatetime


class Products(BaseModel):
    """A lender's products."""

    items: list[ProductView]


def _product(body: NewProduct, product_id: UUID, lender_id: UUID) -> Product:
    return Product(
        product_id=product_id,
        lender_id=lender_id,
        name=body.name,
        scheme=body.scheme,
        annual_rate_pct=None if body.annual_rate is None else Fraction(body.annual_rate),
        annual_margin_pct=None if body.annual_margin is None else Fraction(body.annual_margin),
        currency=body.currency,
        amount_min_minor=body.amount_min_minor,
        amount_max_minor=body.amount_max_minor,
        tenor_min_months=body.tenor_min_months,
        tenor_max_months=body.tenor_max_months,
        sectors=frozenset(body.sectors),
        regions=frozenset(body.regions),
        size_classes=frozenset(body.size_classes),
        turnover_min_minor=body.turnover_min_minor,
        certificate_scheme=body.certificate_scheme,
        kur_scheme=body.kur_scheme,
        kur_access=body.kur_access,
        share_basis_points_max=body.share_basis_points_max,
    )


def _view(product: Product, state: Any, offered_at: datetime) -> ProductView:
    return ProductView(
        product_id=product.product_id,
        lender_id=product.lender_id,
        name=product.name,
        scheme=product.scheme,
        annual_rate=rate_text(product.annual_rate_pct),
        annual_margin=rate_text(product.annual_margin_pct),
        currency=product.currency,
        amount_min_minor=product.amount_min_minor,
        amount_max_minor=product.amount_max_minor,
        tenor_min_months=product.tenor_min_months,
        tenor_max_months=product.tenor_max_months,
        sectors=sorted(product.sectors),
        regions=sorted(product.regions),
        size_classes=sorted(product.size_classes),
        turnover_min_minor=product.turnover_min_minor,
        certificate_scheme=product.certificate_scheme,
        kur_scheme=product.kur_scheme,
        kur_access=product.kur_access,
        share_basis_points_max=product.share_basis_points_max,
        state=state,
        offered_at=offered_at,
    )


def rate_text(rate: Fraction | None) -> str | None:
    """A rate as it is written."""
    return None if rate is None else to_text(rate, 4)


def _require_own(lender: store.Lender, lender_id: UUID) -> None:
    if lender.lender_id != lender_id:
        raise LenderNotFound


@router.post("/lenders", status_code=201, response_model=LenderView, responses=documented(Forbidden, LenderTaken))
async def create_lender(
    body: NewLender, key: IdempotencyKey, person: CurrentPerson, request: Request, db: Db
) -> Response:
    """Register a lender (operator)."""
    require_role(person, "operator")
    lender_id = new_id()
    async with db.transaction() as conn:

        async def work() -> LenderView:
            lender = await register_lender(
                conn,
                lender_id=lender_id,
                client_id=body.client_id,
                slug=body.slug,
                name=body.name,
                now=utc_now(),
            )
            return LenderView.model_validate(lender, from_attributes=True)

        return await once(conn, request, person, key, body, work)


@router.get("/lenders", response_model=Lenders, responses=documented(Forbidden))
async def list_lenders(person: CurrentPerson, db: Db) -> Response:
    """All lenders (operator)."""
    require_role(person, "operator")
    async with db.reading() as conn:
        found = await store.lenders(conn)
    views = [LenderView.model_validate(lender, from_attributes=True).model_dump(mode="json") for lender in found]
    return json_answer({"items": views})


@router.post("/lenders/{lender_id}/suspend", response_model=LenderView, responses=documented(Forbidden, LenderNotFound))
async def suspend_lender(lender_id: UUID, person: CurrentPerson, db: Db) -> Response:
    """A lender that lost its licence: let in nowhere, its products are not offered, its loans go on (operator)."""
    require_role(person, "operator")
    async with db.transaction() as conn:
        return _one(await suspend(conn, lender_id, now=utc_now()))


@router.post("/lenders/{lender_id}/resume", response_model=LenderView, responses=documented(Forbidden, LenderNotFound))
async def resume_lender(lender_id: UUID, person: CurrentPerson, db: Db) -> Response:
    """The lender may act again (operator); for Kafka it asks for a new password."""
    require_role(person, "operator")
    async with db.transaction() as conn:
        return _one(await store.set_state(conn, lender_id, "active"))


def _one(lender: store.Lender | None) -> Response:
    if lender is None:
        raise LenderNotFound
    return json_answer(LenderView.model_validate(lender, from_attributes=True).model_dump(mode="json"))


@router.get("/lenders/mine", response_model=LenderView, responses=documented(LenderNotFound))
async def get_own_lender(lender: CurrentLender) -> Response:
    """The lender for which the calling machine client acts."""
    return json_answer(LenderView.model_validate(lender, from_attributes=True).model_dump(mode="json"))


@router.post(
    "/lenders/{lender_id}/products",
    status_code=201,
    response_model=ProductView,
    responses=documented(LenderNotFound, NoKurLoan),
)
async def create_product(
    lender_id: UUID,
    body: NewProduct,
    key: IdempotencyKey,
    person: CurrentPerson,
    lender: CurrentLender,
    request: Request,
    db: Db,
) -> Response:
    """Put a loan product on offer."""
    _require_own(lender, lender_id)
    product = _product(body, new_id(), lender_id)
    now = utc_now()
    async with db.transaction() as conn:

        async def work() -> ProductView:
            await offer_product(conn, product, today=day_of(now), now=now)
            return _view(product, "offered", now)

        return await once(conn, request, person, key, body, work)


@router.get("/lenders/{lender_id}/products", response_model=Products, responses=documented(LenderNotFound))
async def list_products(lender_id: UUID, lender: CurrentLender, db: Db) -> Response:
    """The lender's own products, withdrawn ones too."""
    _require_own(lender, lender_id)
    async with db.reading() as conn:
        found = await products.products_of(conn, lender_id)
    views = [_view(shown.product, shown.state, shown.offered_at).model_dump(mode="json") for shown in found]
    return json_answer({"items": views})


@router.delete(
    "/lenders/{lender_id}/products/{product_id}",
    status_code=204,
    responses=documented(LenderNotFound, ProductNotFound),
)
async def withdraw_product(lender_id: UUID, product_id: UUID, lender: CurrentLender, db: Db) -> Response:
    """Nobody can ask for it any more; offers that were made of it stand."""
    _require_own(lender, lender_id)
    async with db.transaction() as conn:
        if not await products.withdraw_product(conn, product_id, lender_id=lender_id, now=utc_now()):
            raise ProductNotFound
    return Response(status_code=204)
