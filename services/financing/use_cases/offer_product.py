"""Put a loan product on offer."""

from datetime import date, datetime

from services.financing.domain.problems import NoKurLoan
from services.financing.domain.products import Product, kur_fault
from services.financing.store import products
from services.financing.store.rules import lending_rules
from shared.db import Connection


async def offer_product(conn: Connection, product: Product, *, today: date, now: datetime) -> None:
    """It can be asked for from now on. Raises NoKurLoan when it says so and the rules of today do not."""
    require_kur(product, amount_minor=product.amount_max_minor, on=today)
    await products.insert_product(conn, product, now=now)


def require_kur(product: Product, *, amount_minor: int, on: date) -> None:
    """Raise NoKurLoan when the product says that it is KUR, and a loan of this amount on that day is none."""
    if product.kur_scheme is None or product.kur_access is None:
        return
    fault = kur_fault(
        lending_rules(),
        scheme=product.scheme,
        annual_rate_pct=product.annual_rate_pct,
        kur_scheme=product.kur_scheme,
        kur_access=product.kur_access,
        amount_max_minor=amount_minor,
        on=on,
    )
    if fault is not None:
        raise NoKurLoan(fault)
