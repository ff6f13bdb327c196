"""Facts of catalog: shops, products and prices (ordered per shop), and stock (ordered per order).

`sequence` counts the facts of one shop without a gap, taken under the shop's row lock: who sees 7 has seen 1 to 6 or
knows what is missing. `version` counts the changes of one product: a copy keeps the highest it has seen.
"""

from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Amount, Currency, Event, Moment, Part, Quantity, RegionCode, event, topic

CATALOG = topic("lumbung.catalog", owner="catalog", keyed_by="shop_id")
STOCK = topic("lumbung.stock", owner="catalog", keyed_by="order_id")

Sequence = Field(ge=1, description="Counts the facts of this shop, without a gap.")
Version = Field(ge=1, description="Counts the changes of this product.")
ShopRole = Literal["owner", "manager", "packer"]


class StaffMember(Part):
    """Someone who works in a shop."""

    account_id: UUID
    role: ShopRole


class Payee(Part):
    """Who is paid for a product, and which share. The shares of a product sum to 10,000."""

    party_id: UUID = Field(description="The shop, or a member of a joint listing.")
    share_basis_points: int = Field(ge=1, le=10_000)


@event("catalog.shop_opened", version=1, topic=CATALOG, keyed_by="shop_id", ordered_by="shop_id")
class ShopOpened(Event):
    """A seller opened a shop."""

    shop_id: UUID
    owner_id: UUID
    cooperative_id: UUID | None = None
    region_code: RegionCode
    sequence: int = Sequence
    opened_at: Moment


@event("catalog.shop_staff_changed", version=1, topic=CATALOG, keyed_by="shop_id", ordered_by="shop_id")
class ShopStaffChanged(Event):
    """The whole staff of the shop as it is from now on."""

    shop_id: UUID
    staff: tuple[StaffMember, ...]
    sequence: int = Sequence
    changed_at: Moment


class ProductFact(Event):
    """What an order needs to know of a product: the product as it is from this version on."""

    product_id: UUID
    shop_id: UUID
    version: int = Version
    title: str = Field(min_length=1, max_length=200)
    category: str = Field(pattern="^[a-z0-9-]{2,40}$")
    unit_price_minor: Amount
    currency: Currency
    weight_grams: int = Field(ge=1, le=1_000_000)
    payees: tuple[Payee, ...] = Field(min_length=1)
    sequence: int = Sequence


@event("catalog.product_listed", version=1, topic=CATALOG, keyed_by="shop_id", ordered_by="product_id")
class ProductListed(ProductFact):
    """A product can be bought from now on."""

    listed_at: Moment


@event("catalog.product_revised", version=1, topic=CATALOG, keyed_by="shop_id", ordered_by="product_id")
class ProductRevised(ProductFact):
    """The product was replaced by a new version; baskets that hold an older one are told."""

    revised_at: Moment


@event("catalog.product_withdrawn", version=1, topic=CATALOG, keyed_by="shop_id", ordered_by="product_id")
class ProductWithdrawn(Event):
    """The product cannot be bought any more; orders placed before stand."""

    product_id: UUID
    shop_id: UUID
    version: int = Version
    sequence: int = Sequence
    withdrawn_at: Moment


@event("catalog.price_changed", version=1, topic=CATALOG, keyed_by="shop_id", ordered_by="product_id")
class PriceChanged(Event):
    """The price of a product from this version on."""

    product_id: UUID
    shop_id: UUID
    version: int = Version
    unit_price_minor: Amount
    currency: Currency
    sequence: int = Sequence
    changed_at: Moment


class StockLine(Part):
    """So many of one product."""

    product_id: UUID
    quantity: Quantity


class Shortage(Part):
    """Why a line could not be reserved."""

    product_id: UUID
    reason: Literal["sold_out", "withdrawn", "unknown", "changed"]
    available: int = Field(ge=0)


@event("catalog.stock_reserved", version=1, topic=STOCK, keyed_by="order_id", ordered_by="order_id")
class StockReserved(Event):
    """All lines of the order are set aside; they stay so until the order says otherwise."""

    order_id: UUID
    attempt: int = Field(ge=1)
    reserved_at: Moment


@event("catalog.stock_refused", version=1, topic=STOCK, keyed_by="order_id", ordered_by="order_id")
class StockRefused(Event):
    """Not all lines could be set aside, so none was."""

    order_id: UUID
    attempt: int = Field(ge=1)
    shortages: tuple[Shortage, ...] = Field(min_length=1)
    refused_at: Moment


@event("catalog.stock_released", version=1, topic=STOCK, keyed_by="order_id", ordered_by="order_id")
class StockReleased(Event):
    """What was set aside or taken for the order, or for one parcel of it, can be sold again."""

    order_id: UUID
    parcel_id: UUID | None = Field(default=None, description="None: the whole order.")
    lines: tuple[StockLine, ...] = Field(min_length=1)
    released_at: Moment


@event("catalog.stock_committed", version=1, topic=STOCK, keyed_by="order_id", ordered_by="order_id")
class StockCommitted(Event):
    """What was set aside for the order has left the stock for good."""

    order_id: UUID
    committed_at: Moment
