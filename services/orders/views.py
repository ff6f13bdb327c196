"""What orders is asked with and answers: the shapes of requests and answers over HTTP."""

import re
from collections import defaultdict
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.orders.store import OrderRows, ShipTo
from shared import regions
from shared.contracts.orders import PaymentMethod
from shared.money import AMOUNT_MINOR_MAX
from shared.regions import Level
from shared.sql import Row

LINES_MAX = 100
QUANTITY_MAX = 1000

VERSION_MAX = 2**31 - 1  # as the database counts
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _writable(text: str) -> str:
    if _UNWRITABLE.search(text):
        raise ValueError("holds characters that cannot be written")
    return text


Writable = AfterValidator(_writable)
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), Writable]
Quantity = Annotated[int, Field(ge=1, le=QUANTITY_MAX, strict=True)]
Version = Annotated[int, Field(ge=1, le=VERSION_MAX, strict=True)]
Price = Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX, strict=True)]


def _known_regency(code: str) -> str:
    region = regions.find(code)
    if region is None or region.level < Level.REGENCY:
        raise ValueError("is no code of a regency, city or district")
    return code


RegionCode = Annotated[str, Field(max_length=8, examples=["36.73"]), AfterValidator(_known_regency)]


class Asked(BaseModel):
    """A request body: closed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AskedLine(Asked):
    """So many of one product; version and price as the buyer saw them, if they shall be checked."""

    product_id: UUID
    quantity: Quantity
    version: Version | None = None
    unit_price_minor: Price | None = None


class AskedAddress(Asked):
    """Where the order goes."""

    name: Annotated[Text, Field(max_length=100)]
    phone: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 ()-]{5,24}$")]
    address: Annotated[Text, Field(max_length=500)]
    region_code: RegionCode
    postal_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$")] | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True), Field(max_length=500), Writable] | None = None

    def as_ship_to(self) -> ShipTo:
        """As it is stored."""
        return ShipTo(self.name, self.phone, self.address, self.region_code, self.postal_code, self.note)


class AskedPayment(Asked):
    """How the order is paid."""

    method: PaymentMethod
    cooperative_id: UUID | None = Field(default=None, description="Whose savings pay; only for `savings`.")


class Checkout(Asked):
    """What an order needs besides its lines."""

    ship_to: AskedAddress
    payment: AskedPayment


class NewOrder(Checkout):
    """An order: the same product only once."""

    lines: list[AskedLine] = Field(min_length=1, max_length=LINES_MAX)

    @model_validator(mode="after")
    def _each_product_once(self) -> Self:
        if len({line.product_id for line in self.lines}) != len(self.lines):
            raise ValueError("a product is in the order twice: give its whole quantity in one line")
        return self


class CartItem(Asked):
    """What shall lie in the cart; version and price as the buyer saw them, today's when absent."""

    quantity: Quantity
    version: Version | None = None
    unit_price_minor: Price | None = None


class Cancellation(Asked):
    """Why, in the buyer's own words; it is not kept."""

    reason: str = Field(default="buyer", max_length=200)


class Shipment(Asked):
    """Who brings the parcel."""

    carrier: Annotated[Text, Field(max_length=60)]
    tracking: Annotated[Text, Field(max_length=60)] | None = None


class Delivery(Asked):
    """What was taken at the door."""

    collected_minor: int = Field(default=0, ge=0, le=AMOUNT_MINOR_MAX, strict=True)


class Nothing(Asked):
    """An empty body."""


class Counted(Asked):
    """So many of one product."""

    product_id: UUID
    quantity: Quantity


class Return(Asked):
    """What came back."""

    lines: list[Counted] = Field(min_length=1, max_length=LINES_MAX)


class Manifest(Asked):
    """How many shops the round visits."""

    count: int = Field(ge=1, le=100, strict=True)


class NewRefund(Asked):
    """Money to be given back: for lines at their price of sale, or an amount."""

    lines: list[Counted] | None = Field(default=None, min_length=1, max_length=LINES_MAX)
    amount_minor: int | None = Field(default=None, ge=1, le=AMOUNT_MINOR_MAX, strict=True)
    reason: str = Field(pattern="^[a-z_]{2,40}$", examples=["damaged"])

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.lines is None) == (self.amount_minor is None):
            raise ValueError("give either lines or amount_minor")
        return self


def quantities(lines: list[Counted]) -> dict[UUID, int]:
    """How many of each product."""
    total: dict[UUID, int] = defaultdict(int)
    for line in lines:
        total[line.product_id] += line.quantity
    return dict(total)


class PlacedParcel(BaseModel):
    """One parcel of an order that was just placed."""

    parcel_id: UUID
    shop_id: UUID
    goods_minor: int
    shipping_minor: int
    status: str


class PlacedPayment(BaseModel):
    """How it is paid."""

    method: PaymentMethod


class PlacedOrder(BaseModel):
    """An order that was just placed; it is durable."""

    order_id: UUID
    status: Literal["placed"]
    goods_minor: int
    shipping_minor: int
    total_minor: int
    currency: str
    payment: PlacedPayment
    parcels: list[PlacedParcel]
    placed_at: datetime


class CartLine(BaseModel):
    """What lies in the cart: as it is now, and as the buyer saw it."""

    product_id: UUID
    shop_id: UUID | None
    title: str | None
    category: str | None
    quantity: int
    version: int | None
    unit_price_minor: int | None
    seen_version: int
    seen_unit_price_minor: int
    is_listed: bool
    changed: list[Literal["version", "price", "withdrawn"]]


class CartParcel(BaseModel):
    """What one shop would send; the fee is known once the destination is."""

    shop_id: UUID
    goods_minor: int
    shipping_minor: int | None


class CartView(BaseModel):
    """A cart; what cannot be bought any more is listed and not counted."""

    items: list[CartLine]
    parcels: list[CartParcel]
    goods_minor: int
    shipping_minor: int | None
    total_minor: int
    currency: str


class StatusView(BaseModel):
    """What became of it."""

    status: str


class ReturnView(BaseModel):
    """A return, written down."""

    return_id: UUID
    parcel_id: UUID
    status: str


class RefundView(BaseModel):
    """A refund."""

    refund_id: UUID
    parcel_id: UUID | None
    amount_minor: int
    reason: str
    status: str


class RefundsView(BaseModel):
    """Refunds that were asked for; each is made when the provider has sent the money."""

    refunds: list[RefundView]


class DeliveredParcel(BaseModel):
    """A parcel that the round delivered."""

    parcel_id: UUID
    order_id: UUID
    shop_id: UUID


class ManifestView(BaseModel):
    """What the round delivered."""

    delivered: list[DeliveredParcel]


class PaymentView(BaseModel):
    """How the order is paid, and how that stands."""

    method: PaymentMethod
    status: str
    qr_payload: str | None
    account_number: str | None
    expires_at: datetime | None
    received_minor: int


class LineView(BaseModel):
    """What was bought."""

    product_id: UUID
    parcel_id: UUID
    version: int
    title: str
    category: str
    quantity: int
    unit_price_minor: int


class ParcelView(BaseModel):
    """A parcel."""

    parcel_id: UUID
    shop_id: UUID
    goods_minor: int
    shipping_minor: int
    collected_minor: int
    status: str
    carrier: str | None
    tracking: str | None


class AddressView(BaseModel):
    """Where it goes."""

    name: str
    phone: str
    address: str
    region_code: str
    postal_code: str | None
    note: str | None


class Moment(BaseModel):
    """Something that happened to the order."""

    at: datetime
    what: str
    parcel_id: UUID | None
    amount_minor: int | None


class OrderView(BaseModel):
    """An order. Staff of a shop see their own parcels and lines; amounts of the whole order are the buyer's."""

    order_id: UUID
    buyer_id: UUID
    status: str
    cancel_reason: str | None
    shortages: list[dict[str, Any]]
    total_minor: int
    currency: str
    placed_at: datetime
    parcels: list[ParcelView]
    lines: list[LineView]
    payment: PaymentView
    refunds: list[RefundView]
    ship_to: AddressView | None
    timeline: list[Moment]

    @classmethod
    def of(cls, rows: OrderRows, *, viewer: UUID, is_operator: bool) -> Self:
        """The order as this viewer may see it."""
        order = rows.order
        is_whole = is_operator or order["buyer_id"] == viewer
        staffed = set(order["staffed_shop_ids"])
        parcels = [row for row in rows.parcels if is_whole or row["shop_id"] in staffed]
        seen = {row["parcel_id"] for row in parcels}
        refunds = [row for row in rows.refunds if is_whole or row["parcel_id"] in seen]
        may_send = order["status"] in {"confirmed", "completed"} and bool(staffed)
        return cls(
            **{name: order[name] for name in ("order_id", "buyer_id", "status", "cancel_reason", "currency")},
            shortages=order["shortages"] or [],
            total_minor=order["total_minor"] if is_whole else sum(_cost(row) for row in parcels),
            placed_at=order["placed_at"],
            parcels=[_parcel(row) for row in parcels],
            lines=[LineView(**dict(row)) for row in rows.lines if row["parcel_id"] in seen],
            payment=_payment(rows, is_whole=is_whole),
            refunds=[_refund(row) for row in refunds],
            ship_to=AddressView(**dict(rows.address)) if rows.address and (is_whole or may_send) else None,
            timeline=_timeline(rows, parcels, refunds, is_whole=is_whole),
        )


class OrderInList(BaseModel):
    """An order in a list."""

    order_id: UUID
    status: str
    cancel_reason: str | None
    payment: PlacedPayment
    total_minor: int
    currency: str
    placed_at: datetime
    parcels: list[ParcelView]

    @classmethod
    def of(cls, row: Row, parcels: list[Row], *, is_whole: bool) -> Self:
        """One row of a list, with the parcels that the viewer may see."""
        return cls(
            order_id=row["order_id"],
            status=row["status"],
            cancel_reason=row["cancel_reason"],
            payment=PlacedPayment(method=row["payment_method"]),
            total_minor=row["total_minor"] if is_whole else sum(_cost(parcel) for parcel in parcels),
            currency=row["currency"],
            placed_at=row["placed_at"],
            parcels=[_parcel(parcel) for parcel in parcels],
        )


class OrderList(BaseModel):
    """A page of orders, newest first."""

    items: list[OrderInList]
    next_cursor: str | None


class StuckOrder(BaseModel):
    """An order that waits longer than it should."""

    order_id: UUID
    status: str
    attempt: int
    placed_at: datetime
    deadline_at: datetime


class StuckCall(BaseModel):
    """A call to the payment provider that is not done, or failed for good."""

    purpose: str
    subject: str
    state: str
    attempts: int
    last_error: str | None
    created_at: datetime


class StuckView(BaseModel):
    """What waits for somebody."""

    orders: list[StuckOrder]
    calls: list[StuckCall]


def _cost(parcel: Row) -> int:
    return int(parcel["goods_minor"] + parcel["shipping_minor"])


def _parcel(row: Row) -> ParcelView:
    return ParcelView(**{name: row[name] for name in ParcelView.model_fields})


def _refund(row: Row) -> RefundView:
    return RefundView(**{name: row[name] for name in RefundView.model_fields})


def _payment(rows: OrderRows, *, is_whole: bool) -> PaymentView:
    order, charge = rows.order, rows.charge
    if order["payment_method"] == "cod":
        status = "collected" if order["paid_at"] else "at_delivery"
    else:
        status = charge["status"] if charge is not None else "not_asked_yet"
    is_payable = is_whole and charge is not None and order["status"] == "reserved"
    return PaymentView(
        method=order["payment_method"],
        status=status,
        qr_payload=charge["qr_payload"] if is_payable and charge is not None else None,
        account_number=charge["account_number"] if is_payable and charge is not None else None,
        expires_at=charge["expires_at"] if is_payable and charge is not None else None,
        received_minor=order["received_minor"] if is_whole else 0,
    )


def _timeline(rows: OrderRows, parcels: list[Row], refunds: list[Row], *, is_whole: bool) -> list[Moment]:
    order = rows.order
    found: list[Moment] = []
    for what in ("placed", "reserved", "confirmed", "paid", "cancelled", "completed"):
        if order[f"{what}_at"] is not None:
            found.append(Moment(at=order[f"{what}_at"], what=what, parcel_id=None, amount_minor=None))
    for parcel in parcels:
        for what in ("shipped", "delivered", "completed"):
            if parcel[f"{what}_at"] is not None:
                at = parcel[f"{what}_at"]
                found.append(Moment(at=at, what=f"parcel_{what}", parcel_id=parcel["parcel_id"], amount_minor=None))
        if parcel["status"] in {"cancelled", "returned"} and parcel["ended_at"] is not None:
            what = f"parcel_{parcel['status']}"
            found.append(Moment(at=parcel["ended_at"], what=what, parcel_id=parcel["parcel_id"], amount_minor=None))
    for receipt in rows.receipts if is_whole else ():
        if receipt["verdict"] != "accepted":
            what = f"payment_{receipt['verdict']}"
            at, amount_minor = receipt["received_at"], receipt["amount_minor"]
            found.append(Moment(at=at, what=what, parcel_id=None, amount_minor=amount_minor))
    for refund in refunds:
        at = refund["made_at"] or refund["requested_at"]
        what = f"refund_{refund['status']}"
        found.append(Moment(at=at, what=what, parcel_id=refund["parcel_id"], amount_minor=refund["amount_minor"]))
    return sorted(found, key=lambda moment: moment.at)
