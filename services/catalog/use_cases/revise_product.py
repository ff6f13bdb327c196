"""Replace a product by a new version."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.catalog import store
from services.catalog.domain.product import Details, Product, payees_of, require_rupiah
from services.catalog.domain.shop import Role
from services.catalog.use_cases.require_certificate import require_certificate
from shared import outbox
from shared.db import Connection


async def revise_product(
    conn: Connection, *, product_id: UUID, details: Details, expected_version: int, by: UUID, now: datetime
) -> Product:
    """The next version; without payees in `details` they stay as they are.

    Raises ProductNotFound, NotYourTask, ShopClosed, VersionChanged, ProductWithdrawnAlready, SharesDoNotSum,
    UnknownCategory, CertificateNeeded.
    """
    require_rupiah(details.currency)
    shop = await store.lock_shop_of_product(conn, product_id, account_id=by)
    shop.require(Role.OWNER, Role.MANAGER)
    await require_certificate(conn, shop.shop_id, details.category, now=now)
    product = await store.lock_product(conn, product_id)
    payees = payees_of(shop.shop_id, details.payees or product.details.payees)
    details = replace(details, payees=payees, sku=details.sku or product.details.sku)
    product = product.revised(details, expected_version=expected_version)
    await store.save_product(conn, product, now=now)
    outbox.append(conn, product.as_revised(shop, now))
    await store.save_sequence(conn, shop)
    await store.remember_words(conn, [details.title])
    return product
