"""What tests of lending start from: lenders with products, shops with sales, consents, applications, loans."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.catalog import Payee, ProductListed, ShopOpened, ShopStaffChanged, StaffMember
from shared.contracts.orders import ParcelCompleted, ParcelLine, RefundMade, RefundPart
from tests.financing.conftest import Caller, Desk

YEAR = timedelta(days=365)


@dataclass
class Bank:
    """A lender with its machine client."""

    lender_id: str
    caller: Caller
    products: list[str] = field(default_factory=list)


@dataclass
class Toko:
    """A shop, as catalog told of it, and its owner."""

    shop_id: UUID
    owner: Caller


@dataclass
class Agreed:
    """A loan that was agreed, with everybody who belongs to it."""

    loan_id: str
    application_id: str
    offer: dict[str, Any]
    bank: Bank
    toko: Toko
    consent_id: str


def product_body(**other: Any) -> dict[str, Any]:
    """What a lender would lend."""
    said: dict[str, Any] = {
        "name": "Modal Usaha",
        "scheme": "annuity",
        "annual_rate": "12",
        "amount_min_minor": 1_000_000,
        "amount_max_minor": 50_000_000,
        "tenor_min_months": 1,
        "tenor_max_months": 36,
    }
    if other.get("scheme") == "murabahah":
        said["annual_rate"] = None
    return said | other


async def open_bank(desk: Desk, *products: dict[str, Any]) -> Bank:
    """A lender with these products (one that fits nearly everybody, when none are given)."""
    caller = desk.person(kind="client", scope="lending")
    body = {"client_id": str(caller.account_id), "slug": f"bank-{uuid4().hex[:10]}", "name": "Bank Uji"}
    lender = await desk.done("/v1/lenders", desk.operator(), body)
    bank = Bank(lender["lender_id"], caller)
    for product in products or (product_body(),):
        made = await desk.done(f"/v1/lenders/{bank.lender_id}/products", caller, product)
        bank.products.append(made["product_id"])
    return bank


async def open_shop(desk: Desk, *, sector: str | None = None, opened_at: datetime | None = None) -> Toko:
    """A shop that catalog told us of. A sector of its own keeps it apart from the products of other tests."""
    toko = Toko(uuid4(), desk.person())
    opened = ShopOpened(
        shop_id=toko.shop_id,
        owner_id=toko.owner.account_id,
        region_code="18.01",
        sequence=1,
        opened_at=opened_at or utc_now() - 2 * YEAR,
    )
    staff = ShopStaffChanged(
        shop_id=toko.shop_id,
        staff=(StaffMember(account_id=toko.owner.account_id, role="owner"),),
        sequence=2,
        changed_at=utc_now(),
    )
    await desk.hear(opened, staff)
    if sector is not None:
        await desk.hear(listed(toko.shop_id, sector))
    return toko


def listed(shop_id: UUID, category: str) -> ProductListed:
    """A product that the shop lists."""
    return ProductListed(
        product_id=uuid4(),
        shop_id=shop_id,
        version=1,
        title="Kopi robusta",
        category=category,
        unit_price_minor=25_000,
        currency="IDR",
        weight_grams=250,
        payees=(Payee(party_id=shop_id, share_basis_points=10_000),),
        sequence=3,
        listed_at=utc_now(),
    )


def completed(shop_id: UUID, goods_minor: int, *, at: datetime | None = None) -> ParcelCompleted:
    """A parcel that a buyer accepted."""
    line = ParcelLine(
        product_id=uuid4(),
        quantity=1,
        amount_minor=goods_minor,
        payees=(Payee(party_id=shop_id, share_basis_points=10_000),),
    )
    return ParcelCompleted(
        order_id=uuid4(),
        parcel_id=uuid4(),
        shop_id=shop_id,
        buyer_id=uuid4(),
        cooperative_id=None,
        lines=(line,),
        goods_minor=goods_minor,
        shipping_minor=9_000,
        currency="IDR",
        region_code="18.01",
        completed_by="buyer",
        completed_at=at or utc_now(),
    )


def refunded(parcel: ParcelCompleted, goods_minor: int) -> RefundMade:
    """Money of a parcel that went back to its buyer."""
    part = RefundPart(
        parcel_id=parcel.parcel_id,
        shop_id=parcel.shop_id,
        cooperative_id=None,
        goods_minor=goods_minor,
        shipping_minor=0,
        lines=(),
    )
    return RefundMade(
        order_id=parcel.order_id,
        refund_id=uuid4(),
        buyer_id=parcel.buyer_id,
        parcel_id=parcel.parcel_id,
        shop_id=parcel.shop_id,
        payment_method="qris",
        amount_minor=goods_minor,
        currency="IDR",
        reason="returned",
        parts=(part,),
        refunded_at=utc_now(),
    )


async def give_consent(
    desk: Desk, toko: Toko, *scopes: str, purpose: str = "credit_assessment", until: datetime | None = None
) -> dict[str, Any]:
    """The owner allows these scopes (all, when none are given)."""
    body = {
        "shop_id": str(toko.shop_id),
        "scope": list(scopes or ("sales", "cooperative", "certificates", "repayment")),
        "purpose": purpose,
        "until": (until or utc_now() + timedelta(days=180)).isoformat(),
    }
    return await desk.done("/v1/consents", toko.owner, body)


def application_body(toko: Toko, consent_id: str, **other: Any) -> dict[str, Any]:
    """What a shop asks for."""
    said: dict[str, Any] = {
        "shop_id": str(toko.shop_id),
        "consent_id": consent_id,
        "amount_minor": 12_000_000,
        "tenor_months": 12,
        "purpose": "working_capital",
    }
    return said | other


def offer_body(bank: Bank, **other: Any) -> dict[str, Any]:
    """What a lender offers."""
    said: dict[str, Any] = {
        "product_id": bank.products[0],
        "amount_minor": 12_000_000,
        "tenor_months": 12,
        "valid_until": (utc_now() + timedelta(days=7)).isoformat(),
    }
    return said | other


async def apply(desk: Desk, toko: Toko, **other: Any) -> dict[str, Any]:
    """A consent and an application under it."""
    consent = await give_consent(desk, toko)
    return await desk.done("/v1/applications", toko.owner, application_body(toko, consent["consent_id"], **other))


async def agree(
    desk: Desk, product: dict[str, Any] | None = None, *, offer: dict[str, Any] | None = None, **asked: Any
) -> Agreed:
    """A loan from nothing to its agreement, in a sector that no other test uses."""
    sector = f"s{uuid4().hex[:12]}"
    bank = await open_bank(desk, (product or product_body()) | {"sectors": [sector]})
    toko = await open_shop(desk, sector=sector)
    application = await apply(desk, toko, **asked)
    wanted = {name: application[name] for name in ("amount_minor", "tenor_months")}
    path = f"/v1/applications/{application['application_id']}/offers"
    made = await desk.done(path, bank.caller, offer_body(bank, **(wanted | (offer or {}))))
    accepted = await desk.done(f"/v1/offers/{made['offer_id']}/accept", toko.owner, {})
    return Agreed(accepted["loan_id"], application["application_id"], made, bank, toko, application["consent_id"])


async def run_loan(
    desk: Desk, product: dict[str, Any] | None = None, *, offer: dict[str, Any] | None = None, **asked: Any
) -> Agreed:
    """A loan that was paid out today."""
    agreed = await agree(desk, product, offer=offer, **asked)
    today = day_of(utc_now()).isoformat()
    body = {"date": today, "reference": f"TRF-{uuid4().hex[:8]}"}
    await desk.done(f"/v1/loans/{agreed.loan_id}/disbursement", agreed.bank.caller, body)
    return agreed


async def told(desk: Desk, bank: Bank, type_: str | None = None) -> list[dict[str, Any]]:
    """What the lender was told, in order."""
    async with desk.db.reading() as conn:
        rows = await conn.fetch(
            "SELECT type, data, traceparent FROM lender_log WHERE lender_id = $1 ORDER BY position",
            UUID(bank.lender_id),
        )
    return [dict(row) for row in rows if type_ in (None, row["type"])]
