"""Show the basket: a guest's from catalog's products, a person's from the cart of orders."""

import asyncio
from typing import Any
from uuid import UUID

from services.storefront.domain.basket import Basket, Line, amount_of, grouped
from services.storefront.domain.session import Session, Wanted
from services.storefront.upstream import Network, Refused
from services.storefront.use_cases.change_basket import keep_count
from shared.db import Database
from shared.money import rupiah

READS_AT_ONCE = 8


async def guest_basket(network: Network, session: Session) -> Basket:
    """The basket of a visitor, at today's prices. Raises Unreachable."""
    turns = asyncio.Semaphore(READS_AT_ONCE)

    async def read(product_id: UUID) -> dict[str, Any] | None:
        async with turns:
            return await product_of(network, product_id)

    products = await asyncio.gather(*(read(product_id) for product_id in session.wanted))
    lines: list[tuple[str, str, Line]] = []
    notices: list[str] = []
    for (product_id, wanted), product in zip(session.wanted.items(), products, strict=True):
        if product is None:
            notices.append("Sebuah produk tidak dijual lagi. Hapus dari keranjang untuk melanjutkan.")
            line = Line(str(product_id), "Produk yang tidak dijual lagi", "", wanted.quantity, 0, available=0)
            lines.append(("", "Tidak tersedia", line))
            continue
        line = _guest_line(product, wanted)
        if line.notice:
            notices.append(f"{line.title}: {line.notice}")
        lines.append((str(product.get("shop_id")), str(product.get("shop_name") or ""), line))
    return Basket(grouped(lines, {}), tuple(dict.fromkeys(notices)))


def _guest_line(product: dict[str, Any], wanted: Wanted) -> Line:
    price, available = int(product["unit_price_minor"]), amount_of(product.get("available"))
    return Line(
        product_id=str(product["product_id"]),
        title=str(product["title"]),
        category=str(product.get("category") or ""),
        quantity=wanted.quantity,
        unit_price_minor=price,
        version=product.get("version"),
        photo_url=photo_of(product),
        available=available,
        notice=_notice(price, wanted.unit_price_minor, wanted.quantity, available),
    )


def _notice(price: int, seen: int | None, quantity: int, available: int | None) -> str | None:
    if available is not None and available <= 0:
        return "stoknya sedang habis."
    if available is not None and available < quantity:
        return f"stoknya tinggal {available}."
    if seen is not None and seen != price:
        return f"harganya berubah dari {rupiah(seen)} menjadi {rupiah(price)}."
    return None


async def cart_basket(
    db: Database, network: Network, session: Session, token: str, *, region_code: str | None = None
) -> Basket:
    """The basket of a person who is signed in; with a destination, its shipping fees too. Raises Unreachable."""
    cart = await network.orders.get("/v1/cart", token=token, params={"region_code": region_code})
    await keep_count(db, session, cart)
    items = cart["items"]
    names = await shop_names(network, {str(item["shop_id"]) for item in items if item["shop_id"]})
    lines = [
        (str(item["shop_id"] or ""), names.get(str(item["shop_id"]), "Tidak tersedia"), _cart_line(item))
        for item in items
    ]
    shipping = {
        str(parcel["shop_id"]): int(parcel["shipping_minor"])
        for parcel in cart["parcels"]
        if parcel["shipping_minor"] is not None
    }
    notices = tuple(f"{line.title}: {line.notice}" for _, _, line in lines if line.notice)
    return Basket(grouped(lines, shipping), notices)


def _cart_line(item: dict[str, Any]) -> Line:
    is_listed = item["is_listed"]
    return Line(
        product_id=str(item["product_id"]),
        title=str(item["title"] or "Produk yang tidak dijual lagi"),
        category=str(item["category"] or ""),
        quantity=int(item["quantity"]),
        unit_price_minor=int(item["unit_price_minor"] or 0) if is_listed else 0,
        version=item["version"],
        notice=_cart_notice(item),
        is_changed=is_listed and bool(item["changed"]),
    )


def _cart_notice(item: dict[str, Any]) -> str | None:
    if not item["is_listed"]:
        return "tidak dijual lagi. Hapus dari keranjang untuk melanjutkan."
    if "price" in item["changed"]:
        return _notice(int(item["unit_price_minor"]), int(item["seen_unit_price_minor"]), 0, None)
    return "keterangannya diperbarui penjual." if item["changed"] else None


async def product_of(network: Network, product_id: UUID) -> dict[str, Any] | None:
    """A product that can be bought; None when it cannot."""
    try:
        product: dict[str, Any] = await network.catalog.get(f"/v1/products/{product_id}")
    except Refused as refusal:
        if refusal.upstream_status in (404, 410):
            return None
        raise
    return product if product["is_listed"] else None


async def shop_names(network: Network, shop_ids: set[str]) -> dict[str, str]:
    """The names of shops by id."""
    if not shop_ids:
        return {}
    answer = await network.catalog.get("/v1/shops", params={"ids": ",".join(sorted(shop_ids))})
    return {str(shop["shop_id"]): str(shop["name"]) for shop in answer["items"]}


def photo_of(product: dict[str, Any]) -> str | None:
    """The address of the small photo of a product, as catalog names it; None when there is none."""
    photos = product.get("photos") or [{"small_url": product.get("photo_url")}]
    address = photos[0].get("small_url")
    return str(address) if address else None
