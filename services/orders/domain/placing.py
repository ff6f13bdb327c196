"""Placing an order as a calculation: which offers, which parcels, which prices, or why not.

What must stay true: prices are frozen from our copy of catalog's facts; what the buyer saw must be what is true now, or
the buyer is told; one parcel per shop; amounts are whole rupiah and sum up exactly.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter

from services.orders.domain.problems import MixedCurrencies, OfferChanged, OrderTooLarge, UnknownProducts
from services.orders.domain.shipping import ShippingFees
from shared.contracts.catalog import Payee
from shared.contracts.orders import OrderPlaced, PaymentMethod
from shared.money import AMOUNT_MINOR_MAX, CURRENCY

_PAYEES: Final = TypeAdapter(tuple[Payee, ...])


@dataclass(frozen=True, slots=True)
class WantedLine:
    """So many of one product; version and price as the buyer saw them, when the client says so."""

    product_id: UUID
    quantity: int
    version: int | None = None
    unit_price_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A product as catalog last told us. `payees` is the JSON text of its payees."""

    product_id: UUID
    shop_id: UUID
    version: int
    title: str
    category: str
    unit_price_minor: int
    currency: str
    weight_grams: int
    payees: str
    is_listed: bool
    region_code: str
    cooperative_id: UUID | None

    def current(self) -> dict[str, Any]:
        """What a client must know to ask again."""
        return {
            "product_id": str(self.product_id),
            "version": self.version,
            "unit_price_minor": self.unit_price_minor,
            "currency": self.currency,
            "is_listed": self.is_listed,
        }


@dataclass(frozen=True, slots=True)
class NewLine:
    """One line of a new order."""

    offer: Offer
    quantity: int
    parcel_id: UUID


@dataclass(frozen=True, slots=True)
class NewParcel:
    """One parcel of a new order."""

    parcel_id: UUID
    shop_id: UUID
    cooperative_id: UUID | None
    region_code: str
    goods_minor: int
    shipping_minor: int


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A new order, decided."""

    order_id: UUID
    buyer_id: UUID
    method: PaymentMethod
    total_minor: int
    currency: str
    lines: tuple[NewLine, ...]
    parcels: tuple[NewParcel, ...]
    placed_at: datetime

    def as_placed_event(self) -> OrderPlaced:
        """The fact that others hear; validated in one pass, because every order needs it."""
        return OrderPlaced.model_validate(
            {
                "order_id": self.order_id,
                "buyer_id": self.buyer_id,
                "payment_method": self.method,
                "total_minor": self.total_minor,
                "currency": self.currency,
                "lines": [
                    {
                        "product_id": line.offer.product_id,
                        "shop_id": line.offer.shop_id,
                        "parcel_id": line.parcel_id,
                        "version": line.offer.version,
                        "category": line.offer.category,
                        "quantity": line.quantity,
                        "unit_price_minor": line.offer.unit_price_minor,
                        "payees": payees_of(line.offer.payees),
                    }
                    for line in self.lines
                ],
                "parcels": [
                    {
                        "parcel_id": parcel.parcel_id,
                        "shop_id": parcel.shop_id,
                        "cooperative_id": parcel.cooperative_id,
                        "region_code": parcel.region_code,
                        "goods_minor": parcel.goods_minor,
                        "shipping_minor": parcel.shipping_minor,
                    }
                    for parcel in self.parcels
                ],
                "placed_at": self.placed_at,
            }
        )


@lru_cache(maxsize=4096)
def payees_of(text: str) -> tuple[Payee, ...]:
    """The payees in their JSON text; the same few texts come again and again."""
    return _PAYEES.validate_json(text)


def place(
    wanted: Sequence[WantedLine],
    offers: Mapping[UUID, Offer],
    *,
    buyer_id: UUID,
    method: PaymentMethod,
    region_code: str,
    fees: ShippingFees,
    new_id: Callable[[], UUID],
    now: datetime,
) -> NewOrder:
    """The order for these lines. Raises UnknownProducts, OfferChanged, MixedCurrencies, OrderTooLarge."""
    check_offers(wanted, offers)
    order_id = new_id()
    lines: list[NewLine] = []
    parcel_ids: dict[UUID, UUID] = {}
    by_shop: dict[UUID, list[NewLine]] = {}
    for line in wanted:
        offer = offers[line.product_id]
        parcel_id = parcel_ids.get(offer.shop_id)
        if parcel_id is None:
            parcel_id = parcel_ids[offer.shop_id] = new_id()
            by_shop[offer.shop_id] = []
        placed = NewLine(offer, line.quantity, parcel_id)
        lines.append(placed)
        by_shop[offer.shop_id].append(placed)
    parcels = tuple(_parcel(of_shop, region_code, fees) for of_shop in by_shop.values())
    total_minor = sum(parcel.goods_minor + parcel.shipping_minor for parcel in parcels)
    if total_minor > AMOUNT_MINOR_MAX:
        raise OrderTooLarge
    return NewOrder(order_id, buyer_id, method, total_minor, CURRENCY, tuple(lines), parcels, now)


def check_offers(wanted: Sequence[WantedLine], offers: Mapping[UUID, Offer]) -> None:
    """Raise unless every line can be bought as its buyer saw it."""
    unknown = [line.product_id for line in wanted if line.product_id not in offers]
    if unknown:
        raise UnknownProducts(product_ids=[str(product_id) for product_id in unknown])
    changed = [offers[line.product_id] for line in wanted if has_changed(line, offers[line.product_id])]
    if changed:
        raise OfferChanged(offers=[offer.current() for offer in changed])
    if any(offers[line.product_id].currency != CURRENCY for line in wanted):
        raise MixedCurrencies


def has_changed(line: WantedLine, offer: Offer) -> bool:
    """Whether the offer is not what the buyer saw; a withdrawn one never is."""
    return (
        not offer.is_listed
        or (line.version is not None and line.version != offer.version)
        or (line.unit_price_minor is not None and line.unit_price_minor != offer.unit_price_minor)
    )


def shipping_minor_of(lines: Sequence[tuple[Offer, int]], region_code: str, fees: ShippingFees) -> int:
    """The fee of one parcel with these offers and quantities, all of one shop."""
    weight_grams = sum(offer.weight_grams * quantity for offer, quantity in lines)
    return fees.fee_minor(origin=lines[0][0].region_code, destination=region_code, weight_grams=weight_grams)


def _parcel(lines: Sequence[NewLine], region_code: str, fees: ShippingFees) -> NewParcel:
    first = lines[0].offer
    return NewParcel(
        parcel_id=lines[0].parcel_id,
        shop_id=first.shop_id,
        cooperative_id=first.cooperative_id,
        region_code=first.region_code,
        goods_minor=sum(line.offer.unit_price_minor * line.quantity for line in lines),
        shipping_minor=shipping_minor_of([(line.offer, line.quantity) for line in lines], region_code, fees),
    )
