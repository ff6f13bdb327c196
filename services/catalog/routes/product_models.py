"""The shapes of products over HTTP. Answers are built from rows; these models document and test their shape."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from services.catalog.domain.product import STOCK_MAX, WEIGHT_GRAMS_DEFAULT, Details
from shared.contracts.base import Amount
from shared.contracts.catalog import Payee
from shared.money import CURRENCY

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000, pattern=r"^[^\x00]*$")]
Sku = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]+$")]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class ProductForm(BaseModel):
    """What a seller says of a product."""

    title: Title
    description: Description = ""
    category: str = Field(
        min_length=2, max_length=40, pattern=r"^[^\x00]*$", description="A slug of GET /v1/categories."
    )
    unit_price_minor: Amount
    currency: str = Field(default=CURRENCY, pattern="^[A-Z]{3}$")
    weight_grams: int = Field(default=WEIGHT_GRAMS_DEFAULT, ge=1, le=1_000_000)
    payees: list[Payee] = Field(default=[], max_length=50, description="Of a joint listing. Empty: the shop alone.")

    def as_details(self) -> Details:
        """The domain's words for it."""
        return Details(
            title=self.title,
            description=self.description,
            category=self.category,
            unit_price_minor=self.unit_price_minor,
            currency=self.currency,
            weight_grams=self.weight_grams,
            payees=tuple(self.payees),
        )


class NewProduct(ProductForm):
    """A product to offer in a shop."""

    shop_id: UUID
    stock: int = Field(ge=0, le=STOCK_MAX)


class ProductRevision(ProductForm):
    """The product as it shall be; refused when it is not at the expected version any more."""

    expected_version: Version


class Repricing(BaseModel):
    """A new price; refused when the product is not at the expected version any more."""

    unit_price_minor: Amount
    expected_version: Version


class StockChange(BaseModel):
    """How many came in (positive) or went out (negative)."""

    change: int = Field(ge=-STOCK_MAX, le=STOCK_MAX)


class ProductVersionView(BaseModel):
    """Which product, at which version."""

    product_id: UUID
    version: int


class StockView(BaseModel):
    """What can be sold, and what is set aside for orders."""

    available: int
    reserved: int


class PhotoView(BaseModel):
    """A photo in two sizes."""

    large_url: str
    small_url: str
    width: int
    height: int


class PhotosView(BaseModel):
    """All photos of a product."""

    photos: list[PhotoView]


class ProductItemView(BaseModel):
    """A product in a list."""

    product_id: UUID
    shop_id: UUID
    shop_name: str
    badges: list[str] = Field(description="What the shop shows: koperasi, bersertifikat:<scheme>.")
    region_code: str
    title: str
    category: str
    unit_price_minor: int
    currency: str
    weight_grams: int
    version: int
    available: int
    photo_url: str | None
    listed_at: AwareDatetime


class ProductView(BaseModel):
    """A product page. A withdrawn product is still shown, with nothing available."""

    product_id: UUID
    shop_id: UUID
    shop_name: str
    badges: list[str]
    region_code: str
    region_name: str
    cooperative_id: UUID | None
    is_listed: bool
    version: int
    title: str
    description: str
    category: str
    unit_price_minor: int
    currency: str
    weight_grams: int
    payees: list[Payee]
    available: int
    photos: list[PhotoView]
    listed_at: AwareDatetime
    changed_at: AwareDatetime


class CountView(BaseModel):
    """A count up to 500; `more` says that there are, or may be, more."""

    count: int
    more: bool


class FacetView(CountView):
    """How many products have this value."""

    value: str
    name: str


class PriceBandView(CountView):
    """How many products cost between these prices, both inclusive; null is open."""

    min_price: int | None
    max_price: int | None


class FacetsView(BaseModel):
    """How to narrow a list down. Regions are provinces; in a list of one province, its regencies."""

    total: CountView
    category: list[FacetView]
    region: list[FacetView]
    price: list[PriceBandView]


class ProductPage(BaseModel):
    """A page of products; facets come with the first page only."""

    items: list[ProductItemView]
    next_cursor: str | None
    facets: FacetsView | None


class CategoryView(BaseModel):
    """A category."""

    slug: str
    name: str


class Categories(BaseModel):
    """All categories, in the order of pages."""

    items: list[CategoryView]
