"""A product: what the seller says of it, its versions, and the facts that others hear.

Each change of what a buyer agrees to (title, price, ...) is a new version, one higher than the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.catalog.domain.problems import ProductWithdrawnAlready, SharesDoNotSum, UnknownCurrency
from services.catalog.domain.shop import Shop
from shared.contracts.catalog import Payee, PriceChanged, ProductListed, ProductRevised, ProductWithdrawn
from shared.money import CURRENCY
from shared.problems import VersionChanged

WEIGHT_GRAMS_DEFAULT = 500
STOCK_MAX = 1_000_000
WHOLE_BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Details:
    """What the seller says of a product. `sku` is the seller's own reference."""

    title: str
    description: str
    category: str
    unit_price_minor: int
    currency: str = CURRENCY
    weight_grams: int = WEIGHT_GRAMS_DEFAULT
    payees: tuple[Payee, ...] = ()
    sku: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A product at one version."""

    product_id: UUID
    shop_id: UUID
    version: int
    is_listed: bool
    details: Details

    def revised(self, details: Details, *, expected_version: int) -> "Product":
        """The next version. Raises VersionChanged, ProductWithdrawnAlready."""
        self._require(expected_version)
        return replace(self, version=self.version + 1, details=details)

    def repriced(self, unit_price_minor: int, *, expected_version: int) -> "Product":
        """The next version, at another price. Raises VersionChanged, ProductWithdrawnAlready."""
        return self.revised(replace(self.details, unit_price_minor=unit_price_minor), expected_version=expected_version)

    def withdrawn(self) -> "Product":
        """The last version. Raises ProductWithdrawnAlready."""
        self._require(self.version)
        return replace(self, version=self.version + 1, is_listed=False)

    def _require(self, expected_version: int) -> None:
        if not self.is_listed:
            raise ProductWithdrawnAlready
        if expected_version != self.version:
            raise VersionChanged(f"the product is at version {self.version}", version=self.version)

    def as_listed(self, shop: Shop, listed_at: datetime) -> ProductListed:
        """The fact that it can be bought."""
        return ProductListed(
            product_id=self.product_id,
            shop_id=self.shop_id,
            version=self.version,
            title=self.details.title,
            category=self.details.category,
            unit_price_minor=self.details.unit_price_minor,
            currency=self.details.currency,
            weight_grams=self.details.weight_grams,
            payees=self.details.payees,
            sequence=shop.next_sequence(),
            listed_at=listed_at,
        )

    def as_revised(self, shop: Shop, revised_at: datetime) -> ProductRevised:
        """The fact that a new version replaced it."""
        return ProductRevised(
            product_id=self.product_id,
            shop_id=self.shop_id,
            version=self.version,
            title=self.details.title,
            category=self.details.category,
            unit_price_minor=self.details.unit_price_minor,
            currency=self.details.currency,
            weight_grams=self.details.weight_grams,
            payees=self.details.payees,
            sequence=shop.next_sequence(),
            revised_at=revised_at,
        )

    def as_repriced(self, shop: Shop, changed_at: datetime) -> PriceChanged:
        """The fact of its new price."""
        return PriceChanged(
            product_id=self.product_id,
            shop_id=self.shop_id,
            version=self.version,
            unit_price_minor=self.details.unit_price_minor,
            currency=self.details.currency,
            sequence=shop.next_sequence(),
            changed_at=changed_at,
        )

    def as_withdrawn(self, shop: Shop, withdrawn_at: datetime) -> ProductWithdrawn:
        """The fact that it cannot be bought any more."""
        return ProductWithdrawn(
            product_id=self.product_id,
            shop_id=self.shop_id,
            version=self.version,
            sequence=shop.next_sequence(),
            withdrawn_at=withdrawn_at,
        )


def payees_of(shop_id: UUID, payees: Sequence[Payee]) -> tuple[Payee, ...]:
    """Who is paid: the given parties, or the shop alone. Raises SharesDoNotSum."""
    if not payees:
        return (Payee(party_id=shop_id, share_basis_points=WHOLE_BASIS_POINTS),)
    if sum(payee.share_basis_points for payee in payees) != WHOLE_BASIS_POINTS:
        raise SharesDoNotSum
    if len({payee.party_id for payee in payees}) != len(payees):
        raise SharesDoNotSum
    return tuple(payees)


def require_rupiah(currency: str) -> str:
    """The currency. Raises UnknownCurrency for any other than ours."""
    if currency != CURRENCY:
        raise UnknownCurrency
    return currency
