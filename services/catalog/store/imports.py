"""The queries of imports: leased, advanced chunk by chunk, finished."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import orjson

from services.catalog.domain.import_row import Fault, ImportRow
from services.catalog.domain.product import Product
from services.catalog.store import product_of
from shared import sql
from shared.db import Connection
from shared.sql import Row

queries = sql.load(str(Path(__file__).parent), "imports.sql")


@dataclass(frozen=True, slots=True)
class ImportJob:
    """An import under our lease."""

    import_id: UUID
    shop_id: UUID
    account_id: UUID
    content: bytes
    rows_read: int
    attempts: int
    lease: UUID


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of a row."""

    number: int
    outcome: str  # listed, revised, unchanged, failed
    product_id: UUID | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """A product that a row may mean, and the stock that the last import counted."""

    product: Product
    counted: int | None
    plain_title: str


async def insert_import(
    conn: Connection,
    *,
    import_id: UUID,
    shop_id: UUID,
    account_id: UUID,
    filename: str,
    content: bytes,
    open_max: int,
    now: datetime,
) -> bool:
    """Keep a file to be imported; False when the shop has too many waiting."""
    count = await queries.insert_import.run(
        conn,
        import_id=import_id,
        shop_id=shop_id,
        account_id=account_id,
        filename=filename,
        content=content,
        open_max=open_max,
        now=now,
    )
    return count == 1


async def import_for(conn: Connection, import_id: UUID, account_id: UUID) -> Row | None:
    """The import, for those who work in its shop."""
    return await queries.import_for.row(conn, import_id=import_id, account_id=account_id)


async def faults(conn: Connection, import_id: UUID, *, after: int, limit: int) -> list[Row]:
    """The rows that failed, from after a row on."""
    return await queries.import_faults.rows(conn, import_id=import_id, after=after, limit=limit)


async def lease(conn: Connection, *, lease: UUID, seconds: float) -> ImportJob | None:
    """The oldest import that nobody works on."""
    row = await queries.lease_import.row(conn, lease=lease, lease_seconds=seconds)
    if row is None:
        return None
    return ImportJob(
        import_id=row["import_id"],
        shop_id=row["shop_id"],
        account_id=row["account_id"],
        content=row["content"],
        rows_read=row["rows_read"],
        attempts=row["attempts"],
        lease=lease,
    )


async def advance(
    conn: Connection,
    job: ImportJob,
    outcomes: Sequence[RowOutcome],
    *,
    rows_read: int,
    total: int,
    lease_seconds: float,
) -> bool:
    """Record a chunk, from `rows_read` on; False when the import is not ours, or not there, any more."""
    failed = sum(outcome.outcome == "failed" for outcome in outcomes)
    row = await queries.advance_import.row(
        conn,
        import_id=job.import_id,
        lease=job.lease,
        rows_read=rows_read,
        done=len(outcomes) - failed,
        failed=failed,
        total=total,
        lease_seconds=lease_seconds,
    )
    if row is None:
        return False
    await queries.insert_import_rows.run(
        conn,
        import_id=job.import_id,
        row_numbers=[outcome.number for outcome in outcomes],
        outcomes=[outcome.outcome for outcome in outcomes],
        product_ids=[outcome.product_id for outcome in outcomes],
        faults=[
            orjson.dumps([{"column": fault.column, "message": fault.message} for fault in outcome.faults]).decode()
            for outcome in outcomes
        ],
    )
    return True


async def finish(
    conn: Connection,
    job: ImportJob,
    *,
    state: str,
    reason: str | None = None,
    total: int | None = None,
    unknown: Sequence[str] = (),
) -> None:
    """The import is done or refused; its file goes."""
    await queries.finish_import.run(
        conn,
        import_id=job.import_id,
        lease=job.lease,
        state=state,
        reason=reason,
        total=total,
        unknown_columns=list(unknown),
    )


async def products_of_rows(conn: Connection, shop_id: UUID, rows: Sequence[ImportRow]) -> list[Known]:
    """The listed products that rows may mean, the oldest last. Their shop is locked."""
    found = await queries.products_of_rows.rows(
        conn,
        shop_id=shop_id,
        skus=[row.details.sku for row in rows if row.details.sku],
        titles=[row.details.title for row in rows if not row.details.sku],
    )
    return [Known(product_of(row), row["counted"], row["plain_title"]) for row in found]


async def plain_titles(conn: Connection, titles: Sequence[str]) -> list[str]:
    """Titles as the database compares them."""
    return [row["plain_title"] for row in await queries.plain_titles.rows(conn, titles=list(titles))]


async def revise_products(
    conn: Connection, products: Sequence[Product], counted: Sequence[int | None], *, now: datetime
) -> None:
    """New versions, or only a new count. Their shop and stock rows are locked."""
    await queries.revise_products.run(
        conn,
        product_ids=[product.product_id for product in products],
        versions=[product.version for product in products],
        titles=[product.details.title for product in products],
        descriptions=[product.details.description for product in products],
        categories=[product.details.category for product in products],
        prices=[product.details.unit_price_minor for product in products],
        weights=[product.details.weight_grams for product in products],
        counted=list(counted),
        now=now,
    )


async def recount_stock(conn: Connection, on_hands: dict[UUID, int]) -> None:
    """What is on the shelf now, counted anew."""
    await queries.recount_stock.run(conn, product_ids=list(on_hands), on_hands=list(on_hands.values()))
