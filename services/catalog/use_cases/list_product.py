"""Offer a new product."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.catalog import store
from services.catalog.domain.product import Details, Product, payees_of, require_rupiah
from services.catalog.domain.shop import Role
from services.catalog.use_cases.require_certificate import require_certificate
from shared import outbox
from shared.db import Connection


async def list_product(
    conn: Connection, *, product_id: UUID, shop_id: UUID, details: Details, stock: int, by: UUID, now: datetime
) -> Product:
    """The product at version 1.

    Raises ShopNotFound, NotYourTask, ShopClosed, SharesDoNotSum, UnknownCategory, CertificateNeeded.
    """
    require_rupiah(details.currency)
    details = replace(details, payees=payees_of(shop_id, details.payees))
    shop = await store.lock_shop(conn, shop_id, account_id=by)
    shop.require(Role.OWNER, Role.MANAGER)
    await require_certificate(conn, shop_id, details.category, now=now)
    product = Product(product_id, shop_id, 1, True, details)
    await store.insert_products(conn, shop, [product], stocks=[stock], counted=[None], now=now)
    outbox.append(conn, product.as_listed(shop, now))
    await store.save_sequence(conn, shop)
    await store.remember_words(conn, [details.title])
    return product
