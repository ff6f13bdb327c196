"""Work through uploaded files, one at a time, in chunks; killed anywhere, another runner goes on behind the last."""

import asyncio

import structlog

from services.catalog.domain.import_row import Fault, ImportRow, parse_row
from services.catalog.domain.spreadsheet import Unreadable
from services.catalog.store import imports as import_store
from services.catalog.store import search as search_store
from services.catalog.store.imports import ImportJob, RowOutcome
from services.catalog.use_cases.import_rows import ImportLost, import_rows
from services.catalog.use_cases.read_spreadsheet import Reading, ReadingLimits, reading
from shared.clock import utc_now
from shared.db import TRANSIENT, Database
from shared.ids import new_id
from shared.pace import news_within
from shared.problems import OutcomeUnknown, Overloaded, Problem

log = structlog.get_logger()

CHUNK_ROWS = 500
ATTEMPTS_MAX = 5
BROKEN = "Impor ini gagal berkali-kali karena kesalahan di pihak kami. Hubungi kami."
NOT_ALLOWED = "Anda tidak lagi boleh menambah produk di toko ini."
TRY_AGAIN = (*TRANSIENT, OutcomeUnknown, Overloaded)


class ImportRunner:
    """Imports waiting files. `wake` tells it that one has come; it looks by itself too."""

    def __init__(self, db: Database, limits: ReadingLimits, *, poll_seconds: float, lease_seconds: float) -> None:
        self._db = db
        self._limits = limits
        self._poll_seconds = poll_seconds
        self._lease_seconds = lease_seconds
        self._news = asyncio.Event()

    def wake(self) -> None:
        """A file has come."""
        self._news.set()

    async def run_forever(self) -> None:
        """Run until cancelled. An import that fails by our own fault is tried again when its lease ends."""
        while True:
            try:
                found = await self.run_next()
            except TRY_AGAIN as error:
                log.warning("import_postponed", error=f"{type(error).__name__}: {error}")
                found = False
            except Exception as error:  # a fault of ours in one file must not stop the others
                log.error("import_failed", exc_info=error)
                found = True
            if not found:
                await news_within(self._news, self._poll_seconds)
                self._news.clear()

    async def run_next(self) -> bool:
        """Import the oldest waiting file to its end; False when there is none."""
        async with self._db.transaction() as conn:
            job = await import_store.lease(conn, lease=new_id(), seconds=self._lease_seconds)
        if job is None:
            return False
        if job.attempts > ATTEMPTS_MAX:
            await self._refuse(job, BROKEN)
            return True
        try:
            async with reading(job.content, self._limits) as rows:
                await self._import(job, rows)
        except Unreadable as refusal:
            await self._refuse(job, str(refusal))
        except ImportLost:
            log.info("import_lost", import_id=str(job.import_id))
        except TRY_AGAIN:
            raise
        except Problem as problem:
            log.info("import_not_allowed", import_id=str(job.import_id), slug=problem.slug)
            await self._refuse(job, NOT_ALLOWED)
        return True

    async def _import(self, job: ImportJob, reading: Reading) -> None:
        async with self._db.reading() as conn:
            names = await search_store.category_names(conn)
        categories = {name.lower(): slug for slug, name in names.items()} | {slug: slug for slug in names}
        place = 0
        seen: dict[str, int] = {}
        chunk: list[ImportRow] = []
        failed: list[RowOutcome] = []
        async for number, cells in reading.rows:
            row = _checked(number, parse_row(number, cells, categories), seen)
            place += 1
            if place <= job.rows_read:
                continue
            if isinstance(row, ImportRow):
                chunk.append(row)
            else:
                failed.append(row)
            if len(chunk) + len(failed) == CHUNK_ROWS:
                await self._save(job, chunk, failed, place, reading.total)
                chunk, failed = [], []
        if chunk or failed:
            await self._save(job, chunk, failed, place, reading.total)
        async with self._db.transaction() as conn:
            await import_store.finish(conn, job, state="done", total=reading.total, unknown=reading.unknown)
        log.info("import_done", import_id=str(job.import_id), rows=reading.total)

    async def _save(
        self, job: ImportJob, chunk: list[ImportRow], failed: list[RowOutcome], place: int, total: int
    ) -> None:
        async with self._db.transaction() as conn:
            await import_rows(
                conn,
                job,
                chunk,
                failed,
                rows_read=place - len(chunk) - len(failed),
                total=total,
                lease_seconds=self._lease_seconds,
                now=utc_now(),
            )

    async def _refuse(self, job: ImportJob, reason: str) -> None:
        async with self._db.transaction() as conn:
            await import_store.finish(conn, job, state="refused", reason=reason)


def _checked(number: int, parsed: ImportRow | list[Fault], seen: dict[str, int]) -> ImportRow | RowOutcome:
    """The row, unless it has faults or the file has said the same before."""
    if isinstance(parsed, list):
        return RowOutcome(number, "failed", None, tuple(parsed))
    first = seen.setdefault(parsed.key, number)
    if first != number:
        column = "sku" if parsed.details.sku else "title"
        return RowOutcome(number, "failed", None, (Fault(column, f"sama dengan baris {first}"),))
    return parsed
