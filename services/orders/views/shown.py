"""What orders answers over HTTP: nothing is left out, and each viewer sees only what is theirs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self, TypeAlias
from uuid import UUID

from pydantic import BaseModel

from shared.contracts.orders import PaymentMethod
from shared.sql import Row

Fields: TypeAlias = Mapping[str, Any] | Row


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
    def of(cls, order: Row, *, viewer: UUID, is_operator: bool) -> Self:
        """The order as this viewer may see it."""
        is_whole = is_operator or order["buyer_id"] == viewer
        staffed = {str(shop_id) for shop_id in order["staffed_shop_ids"]}
        parcels = [parcel for parcel in order["parcels"] if is_whole or parcel["shop_id"] in staffed]
        seen = {parcel["parcel_id"] for parcel in parcels}
        refunds = [refund for refund in order["refunds"] or [] if is_whole or refund["parcel_id"] in seen]
        may_send = order["status"] in {"confirmed", "completed"} and bool(staffed)
        return cls(
            **{name: order[name] for name in ("order_id", "buyer_id", "status", "cancel_reason", "currency")},
            shortages=order["shortages"] or [],
            total_minor=order["total_minor"] if is_whole else sum(map(_cost, parcels)),
            placed_at=order["placed_at"],
            parcels=[_parcel(parcel) for parcel in parcels],
            lines=[LineView(**line) for line in order["lines"] if line["parcel_id"] in seen],
            payment=_payment(order, is_whole=is_whole),
            refunds=[_refund(refund) for refund in refunds],
            ship_to=AddressView(**order["ship_to"]) if order["ship_to"] and (is_whole or may_send) else None,
            timeline=_timeline(order, parcels, refunds, is_whole=is_whole),
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


def _cost(parcel: Fields) -> int:
    return int(parcel["goods_minor"] + parcel["shipping_minor"])


def _parcel(parcel: Fields) -> ParcelView:
    return ParcelView(**{name: parcel[name] for name in ParcelView.model_fields})


def _refund(refund: Fields) -> RefundView:
    return RefundView(**{name: refund[name] for name in RefundView.model_fields})


def _payment(order: Row, *, is_whole: bool) -> PaymentView:
    charge = order["charge"]
    if order["payment_method"] == "cod":
        status = "collected" if order["paid_at"] else "at_delivery"
    else:
        status = charge["status"] if charge is not None else "not_asked_yet"
    payable = charge if is_whole and charge is not None and order["status"] == "reserved" else {}
    return PaymentView(
        method=order["payment_method"],
        status=status,
        qr_payload=payable.get("qr_payload"),
        account_number=payable.get("account_number"),
        expires_at=payable.get("expires_at"),
        received_minor=order["received_minor"] if is_whole else 0,
    )


def _timeline(order: Row, parcels: list[Fields], refunds: list[Fields], *, is_whole: bool) -> list[Moment]:
    found: list[Moment] = []

    def add(at: Any, what: str, parcel_id: Any = None, amount_minor: Any = None) -> None:
        if at is not None:
            found.append(Moment(at=at, what=what, parcel_id=parcel_id, amount_minor=amount_minor))

    for what in ("placed", "reserved", "confirmed", "paid", "cancelled", "completed"):
        add(order[f"{what}_at"], what)
    for parcel in parcels:
        for what in ("shipped", "delivered", "completed"):
            add(parcel[f"{what}_at"], f"parcel_{what}", parcel["parcel_id"])
        if parcel["status"] in {"cancelled", "returned"}:
            add(parcel["ended_at"], f"parcel_{parcel['status']}", parcel["parcel_id"])
    for receipt in (order["receipts"] or []) if is_whole else []:
        if receipt["verdict"] != "accepted":
            add(receipt["received_at"], f"payment_{receipt['verdict']}", None, receipt["amount_minor"])
    for refund in refunds:
        at = refund["made_at"] or refund["requested_at"]
        add(at, f"refund_{refund['status']}", refund["parcel_id"], refund["amount_minor"])
    return sorted(found, key=lambda moment: moment.at)
