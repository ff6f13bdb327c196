"""What orders is asked over HTTP: closed bodies; whatever cannot be stored is refused here."""

import re
from collections import defaultdict
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.orders.store import ShipTo
from shared import regions
from shared.contracts.orders import PaymentMethod
from shared.money import AMOUNT_MINOR_MAX
from shared.regions import Level

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

    @model_validator(mode="after")
    def _whose_savings(self) -> Self:
        if (self.method == "savings") != (self.cooperative_id is not None):
            raise ValueError("cooperative_id says whose savings pay: for savings, and only then")
        return self


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
    """Money to be given back: for lines at their price of sale, an amount, or everything that is left."""

    lines: list[Counted] | None = Field(default=None, min_length=1, max_length=LINES_MAX)
    amount_minor: int | None = Field(default=None, ge=1, le=AMOUNT_MINOR_MAX, strict=True)
    everything: bool = Field(default=False, strict=True)
    reason: str = Field(pattern="^[a-z_]{2,40}$", examples=["damaged"])

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.lines is not None) + (self.amount_minor is not None) + self.everything != 1:
            raise ValueError("give either lines, or amount_minor, or everything")
        return self


def quantities(lines: list[Counted]) -> dict[UUID, int]:
    """How many of each product."""
    total: dict[UUID, int] = defaultdict(int)
    for line in lines:
        total[line.product_id] += line.quantity
    return dict(total)
