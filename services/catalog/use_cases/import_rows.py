"""Turn a chunk of an import's rows into products, in one transaction with the progress that it makes.

A row means the product with its `sku`; without one, the shop's oldest product of that title without a sku. So importing
a file again changes products and doubles none. The stock of a product is counted anew only when the file says another
number than the last import did: the same file sent twice does not bring back what was sold meanwhile.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.catalog import store
from services.catalog.domain.import_row import Fault, ImportRow
from services.catalog.domain.product import Details, Product, payees_of
from services.catalog.domain.shop import Role, Shop
from services.catalog.store import imports as import_store
from services.catalog.store.imports import ImportJob, Known, RowOutcome
from services.catalog.use_cases.require_certificate import certificates_wanting
from shared import outbox
from shared.db import Connection
from shared.ids import new_id


class ImportLost(Exception):
    """The import is somebody else's by now, or finished."""


async def import_rows(
    conn: Connection,
    job: ImportJob,
    rows: list[ImportRow],
    failed: list[RowOutcome],
    *,
    rows_read: int,
    total: int,
    lease_seconds: float,
    now: datetime,
) -> None:
    """List or revise what the rows say, record how each ended, and move the progress on from `rows_read`.

    Locks: import (by its lease), shop, stock, words. Raises ImportLost, ShopNotFound, NotYourTask, ShopClosed.
    """
    shop = await store.lock_shop(conn, job.shop_id, account_id=job.account_id)
    shop.require(Role.OWNER, Role.MANAGER)
    rows, uncertified = await _certified(conn, shop, rows, now)
    known = await _known(conn, shop, rows)
    rows, doubled = _each_product_once(rows, known)
    fresh = [
        (row, Product(new_id(), shop.shop_id, 1, True, _with_payees(row, shop))) for row in rows if row.key not in known
    ]
    outcomes = [
        *failed,
        *uncertified,
        *doubled,
        *(RowOutcome(row.number, "listed", product.product_id) for row, product in fresh),
    ]
    outcomes += await _revise(conn, shop, [(row, known[row.key]) for row in rows if row.key in known], now)
    if fresh:
        await store.insert_products(
            conn,
            shop,
            [product for _, product in fresh],
            stocks=[row.stock or 0 for row, _ in fresh],
            counted=[row.stock for row, _ in fresh],
            now=now,
        )
        outbox.append(conn, *(product.as_listed(shop, now) for _, product in fresh))
    await store.save_sequence(conn, shop)
    if not await import_store.advance(
        conn, job, outcomes, rows_read=rows_read, total=total, lease_seconds=lease_seconds
    ):
        raise ImportLost
    await store.remember_words(conn, [row.details.title for row in rows])


async def _certified(
    conn: Connection, shop: Shop, rows: list[ImportRow], now: datetime
) -> tuple[list[ImportRow], list[RowOutcome]]:
    """The rows in whose categories the shop may sell; the others fail and say what to do."""
    missing = await certificates_wanting(conn, shop.shop_id, {row.details.category for row in rows}, now=now)
    refused = [
        RowOutcome(
            row.number,
            "failed",
            None,
            (
                Fault(
                    "category",
                    f"perlu sertifikat {missing[row.details.category]} yang masih berlaku atas nama pemilik atau"
                    " pegawai toko; ikuti pelatihannya dulu",
                ),
            ),
        )
        for row in rows
        if row.details.category in missing
    ]
    return [row for row in rows if row.details.category not in missing], refused


def _with_payees(row: ImportRow, shop: Shop) -> Details:
    return replace(row.details, payees=payees_of(shop.shop_id, ()))


async def _known(conn: Connection, shop: Shop, rows: list[ImportRow]) -> dict[str, Known]:
    """Which rows mean products that are there, by the row's key."""
    found = await import_store.products_of_rows(conn, shop.shop_id, rows)
    by_sku = {each.product.details.sku: each for each in found if each.product.details.sku}
    by_title = {each.plain_title: each for each in found if not each.product.details.sku}
    titles = await import_store.plain_titles(conn, [row.details.title for row in rows])
    known: dict[str, Known] = {}
    for row, title in zip(rows, titles, strict=True):
        match = by_sku.get(row.details.sku) if row.details.sku else by_title.get(title)
        if match is not None:
            known[row.key] = match
    return known


def _each_product_once(rows: list[ImportRow], known: dict[str, Known]) -> tuple[list[ImportRow], list[RowOutcome]]:
    """The rows without those that mean a product again; titles can differ for us and be one to the database."""
    first: dict[UUID, int] = {}
    doubled: list[RowOutcome] = []
    for row in rows:
        if row.key in known:
            number = first.setdefault(known[row.key].product.product_id, row.number)
            if number != row.number:
                doubled.append(RowOutcome(row.number, "failed", None, (Fault("title", f"sama dengan baris {number}"),)))
    wrong = {outcome.number for outcome in doubled}
    return [row for row in rows if row.number not in wrong], doubled


async def _revise(
    conn: Connection, shop: Shop, pairs: list[tuple[ImportRow, Known]], now: datetime
) -> list[RowOutcome]:
    """New versions of what differs, new counts of what was counted anew."""
    product_ids = sorted(known.product.product_id for _, known in pairs)
    await store.lock_stock(conn, product_ids)
    shelves = (await store.open_book(conn, (), product_ids)).shelves
    outcomes: list[RowOutcome] = []
    changed: list[Product] = []
    counts: list[int | None] = []
    on_hands: dict[UUID, int] = {}
    for row, known in pairs:
        product = known.product
        is_recounted = row.stock is not None and row.stock != known.counted
        if is_recounted and row.stock is not None:
            reserved = shelves[product.product_id].reserved
            if row.stock < reserved:
                fault = Fault("stock", f"kurang dari yang sudah dipesan pembeli ({reserved})")
                outcomes.append(RowOutcome(row.number, "failed", product.product_id, (fault,)))
                continue
            on_hands[product.product_id] = row.stock
        details = replace(row.details, payees=product.details.payees, currency=product.details.currency)
        if details != product.details:
            product = product.revised(details, expected_version=product.version)
            outbox.append(conn, product.as_revised(shop, now))
        elif not is_recounted:
            outcomes.append(RowOutcome(row.number, "unchanged", product.product_id))
            continue
        changed.append(product)
        counts.append(row.stock)
        outcomes.append(RowOutcome(row.number, "revised", product.product_id))
    if changed:
        await import_store.revise_products(conn, changed, counts, now=now)
        await import_store.recount_stock(conn, on_hands)
    return outcomes
