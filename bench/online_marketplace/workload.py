"""What the driver draws: transactions, sellers, products, carts. Section 6 of the specification, as a calculation.

What must stay true: an integer from 0 to 100 *inclusive* is held against the bounds 30/35/38/40/100, which skews all
shares slightly, as the published driver does; a cart holds distinct products; the mirror changes only after an answer.
"""

import itertools
import random
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

CART_LINES_MAX = 10
QUANTITY_MAX = 10
PRICE_CENTS_MAX = 9_999
RUPIAH_PER_CENT = 10


class Kind(StrEnum):
    """The business transactions, and the one query."""

    CHECKOUT = "checkout"
    DASHBOARD = "dashboard"
    PRICE_UPDATE = "price_update"
    PRODUCT_UPDATE = "product_update"
    UPDATE_DELIVERY = "update_delivery"


_BOUNDS = (30, 35, 38, 40, 100)
_KINDS = tuple(Kind)


def draw_kind(rng: random.Random) -> Kind:
    """One transaction of the mix."""
    return _KINDS[bisect_left(_BOUNDS, rng.randint(0, 100))]


@dataclass(slots=True)
class Product:
    """A product as the driver last knew it. `is_busy`: an update of it is under way."""

    product_id: str
    seller: int
    title: str
    unit_price_minor: int
    version: int = 1
    is_busy: bool = False


@dataclass(frozen=True, slots=True)
class CartLine:
    """One line as it is put into a cart: the mirror's version and price at that moment."""

    product: Product
    quantity: int
    version: int
    unit_price_minor: int


@dataclass
class Choice:
    """Picks sellers (uniform or Zipf), products and customers."""

    sellers: list[list[Product]]
    skew: float
    is_single_seller: bool
    rng: random.Random
    idle: deque[int]
    _cumulative: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        weights = [1 / (rank**self.skew) for rank in range(1, len(self.sellers) + 1)]
        self._cumulative = list(itertools.accumulate(weights))

    def seller(self) -> int:
        """A seller's number."""
        if not self.skew:
            return self.rng.randrange(len(self.sellers))
        return bisect_left(self._cumulative, self.rng.random() * self._cumulative[-1])

    def product(self) -> Product:
        """A seller, then one of its products, uniformly."""
        return self.rng.choice(self.sellers[self.seller()])

    def free_product(self) -> Product | None:
        """A product of a drawn seller that nobody is updating; None when all of them are busy."""
        free = [product for product in self.sellers[self.seller()] if not product.is_busy]
        return self.rng.choice(free) if free else None

    def cart(self) -> list[tuple[Product, int]]:
        """1 to 10 distinct products, and how many of each (1 to 10)."""
        wanted = self.rng.randint(1, CART_LINES_MAX)
        if self.is_single_seller:
            products = self.sellers[self.seller()]
            chosen = self.rng.sample(products, min(wanted, len(products)))
        else:
            distinct: dict[str, Product] = {}
            while len(distinct) < wanted:
                product = self.product()
                distinct[product.product_id] = product
            chosen = list(distinct.values())
        return [(product, self.rng.randint(1, QUANTITY_MAX)) for product in chosen]

    def customer(self) -> int | None:
        """The customer who has been idle longest; None when all are busy."""
        return self.idle.popleft() if self.idle else None


def first_price_minor(rng: random.Random) -> int:
    """0.00 to 99.99 of the benchmark's money, ten rupiah a cent."""
    return rng.randint(0, PRICE_CENTS_MAX) * RUPIAH_PER_CENT


def raised(unit_price_minor: int, rng: random.Random) -> int:
    """The price of an update: one to nine per cent more, in whole rupiah."""
    return unit_price_minor + unit_price_minor * rng.randint(1, 9) // 100
