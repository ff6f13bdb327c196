"""Loan products."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from services.financing.domain.products import Product
from services.financing.store.named import queries
from shared.db import Connection
from shared.sql import Row


@dataclass(frozen=True, slots=True)
class Shown:
    """A product as its lender sees it."""

    product: Product
    state: str
    offered_at: datetime


async def insert_product(conn: Connection, product: Product, *, now: datetime) -> None:
    """A new product."""
    await queries.insert_product.run(
        conn,
        product_id=product.product_id,
        lender_id=product.lender_id,
        name=product.name,
        scheme=product.scheme,
        annual_rate_pct=to_decimal(product.annual_rate_pct),
        annual_margin_pct=to_decimal(product.annual_margin_pct),
        currency=product.currency,
        amount_min_minor=product.amount_min_minor,
        amount_max_minor=product.amount_max_minor,
        tenor_min_months=product.tenor_min_months,
        tenor_max_months=product.tenor_max_months,
        sectors=sorted(product.sectors),
        regions=sorted(product.regions),
        size_classes=sorted(product.size_classes),
        turnover_min_minor=product.turnover_min_minor,
        certificate_scheme=product.certificate_scheme,
        kur_scheme=product.kur_scheme,
        kur_access=product.kur_access,
        share_basis_points_max=product.share_basis_points_max,
        offered_at=now,
    )


async def products_of(conn: Connection, lender_id: UUID) -> list[Shown]:
    """A lender's products, withdrawn ones too."""
    rows = await queries.products_of_lender.rows(conn, lender_id=lender_id)
    return [Shown(_product(row), row["state"], row["offered_at"]) for row in rows]


async def offered(conn: Connection) -> list[tuple[Product, str]]:
    """Everything that can be asked for, each with its lender's name."""
    rows = await queries.products_offered.rows(conn)
    return [(_product(row), row["lender_name"]) for row in rows]


async def product_for_offer(conn: Connection, product_id: UUID, *, lender_id: UUID) -> Product | None:
    """A product of this lender that is still offered; it stays so until the transaction ends."""
    row = await queries.product_for_offer.row(conn, product_id=product_id, lender_id=lender_id)
    return None if row is None else _product(row)


async def withdraw_product(conn: Connection, product_id: UUID, *, lender_id: UUID, now: datetime) -> bool:
    """Nobody can ask for it any more; False when the lender has no such product."""
    touched = await queries.withdraw_product.run(conn, product_id=product_id, lender_id=lender_id, withdrawn_at=now)
    return touched == 1


def to_decimal(rate: Fraction | None) -> Decimal | None:
    """A rate as the database keeps it: four digits behind the point, which is all that a product may have."""
    return None if rate is None else Decimal(rate.numerator) / Decimal(rate.denominator)


def to_fraction(rate: Decimal | None) -> Fraction | None:
    """A rate as we calculate with it."""
    return None if rate is None else Fraction(rate)


def _product(row: Row) -> Product:
    return Product(
        product_id=row["product_id"],
        lender_id=row["lender_id"],
        name=row["name"],
        scheme=row["scheme"],
        annual_rate_pct=to_fraction(row["annual_rate_pct"]),
        annual_margin_pct=to_fraction(row["annual_margin_pct"]),
        currency=row["currency"],
        amount_min_minor=row["amount_min_minor"],
        amount_max_minor=row["amount_max_minor"],
        tenor_min_months=row["tenor_min_months"],
        tenor_max_months=row["tenor_max_months"],
        sectors=frozenset(row["sectors"]),
        regions=frozenset(row["regions"]),
        size_classes=frozenset(row["size_classes"]),
        turnover_min_minor=row["turnover_min_minor"],
        certificate_scheme=row["certificate_scheme"],
        kur_scheme=row["kur_scheme"],
        kur_access=row["kur_access"],
        share_basis_points_max=row["share_basis_points_max"],
    )
