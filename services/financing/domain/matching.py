"""Which products fit an application, and why the others do not.

What must stay true: the applicant can be told each reason; criteria that come of the profile never decide alone: who
fails only those may ask that a person looks (UU 27/2022 art. 10).
"""

from dataclasses import dataclass
from enum import StrEnum

from services.financing.domain.products import Product


class Criterion(StrEnum):
    """What a product asks for."""

    AMOUNT = "amount"
    TENOR = "tenor"
    SECTOR = "sector"
    REGION = "region"
    CONSENT = "consent"
    SIZE = "size_class"
    TURNOVER = "turnover"
    CERTIFICATE = "certificate"


OF_THE_PROFILE = frozenset({Criterion.SIZE, Criterion.TURNOVER, Criterion.CERTIFICATE})


@dataclass(frozen=True, slots=True)
class Wish:
    """What a shop asks for, and what is known of it. `year_minor`: net sales of the last twelve months."""

    amount_minor: int
    tenor_months: int
    sector: str
    region_code: str
    size_class: str
    year_minor: int
    certificates: frozenset[str]
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One reason why a product does not fit."""

    criterion: Criterion
    wanted: str
    found: str


def mismatches(product: Product, wish: Wish) -> list[Mismatch]:
    """All reasons why the product does not fit; none: it fits."""
    found: list[Mismatch] = []

    def check(criterion: Criterion, is_fit: bool, wanted: object, is_so: object) -> None:
        if not is_fit:
            found.append(Mismatch(criterion, str(wanted), str(is_so)))

    check(
        Criterion.AMOUNT,
        product.amount_min_minor <= wish.amount_minor <= product.amount_max_minor,
        f"{product.amount_min_minor}..{product.amount_max_minor}",
        wish.amount_minor,
    )
    check(
        Criterion.TENOR,
        product.tenor_min_months <= wish.tenor_months <= product.tenor_max_months,
        f"{product.tenor_min_months}..{product.tenor_max_months}",
        wish.tenor_months,
    )
    check(Criterion.SECTOR, _fits(product.sectors, wish.sector), ", ".join(sorted(product.sectors)), wish.sector)
    is_there = not product.regions or any(_lies_in(wish.region_code, code) for code in product.regions)
    check(Criterion.REGION, is_there, ", ".join(sorted(product.regions)), wish.region_code)
    wanted_scopes = _scopes_for(product)
    check(
        Criterion.CONSENT,
        wanted_scopes <= wish.scopes,
        ", ".join(sorted(wanted_scopes)),
        ", ".join(sorted(wish.scopes)),
    )
    sizes = ", ".join(sorted(product.size_classes))
    check(Criterion.SIZE, _fits(product.size_classes, wish.size_class), sizes, wish.size_class)
    if "sales" in wish.scopes:
        is_enough = wish.year_minor >= product.turnover_min_minor
        check(Criterion.TURNOVER, is_enough, product.turnover_min_minor, wish.year_minor)
    if product.certificate_scheme is not None and "certificates" in wish.scopes:
        is_held = product.certificate_scheme in wish.certificates
        held = ", ".join(sorted(wish.certificates)) or "none"
        check(Criterion.CERTIFICATE, is_held, product.certificate_scheme, held)
    return found


def may_be_reviewed(reasons: list[Mismatch]) -> bool:
    """Whether only the profile stands in the way."""
    return bool(reasons) and all(reason.criterion in OF_THE_PROFILE for reason in reasons)


def _fits(wanted: frozenset[str], found: str) -> bool:
    return not wanted or found in wanted


def _lies_in(code: str, region: str) -> bool:
    return code == region or code.startswith(region + ".")


def _scopes_for(product: Product) -> set[str]:
    """What must be readable so that the product's criteria can be looked at."""
    scopes = set()
    if product.turnover_min_minor:
        scopes.add("sales")
    if product.certificate_scheme is not None:
        scopes.add("certificates")
    return scopes
