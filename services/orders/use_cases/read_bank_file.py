"""The bank file of an approved batch: made again from its lines, the same bytes every time."""

from dataclasses import dataclass
from uuid import UUID

from services.orders.domain import bank_file
from services.orders.domain.problems import BankFileErased, WrongBatchState
from services.orders.store import payouts
from shared.calendar import day_of
from shared.db import Connection
from shared.problems import NotFound


@dataclass(frozen=True, slots=True)
class BankFile:
    """The bytes for the bank."""

    batch_id: UUID
    raw: bytes
    sha256: str

    @property
    def name(self) -> str:
        """What the file is called."""
        return f"lumbung-{self.batch_id}.csv"


async def read_bank_file(conn: Connection, batch_id: UUID) -> BankFile:
    """The file. Raises NotFound, WrongBatchState before the approval, BankFileErased."""
    rows = await payouts.read_batch(conn, batch_id)
    if rows is None:
        raise NotFound
    batch = rows.batch
    if batch["approved_at"] is None:
        raise WrongBatchState(f"the batch is {batch['status']}: there is a file once it is approved")
    raw = bank_file.write(batch_id, await payouts.file_lines(conn, batch_id), on=day_of(batch["approved_at"]))
    sha256 = bank_file.checksum(raw)
    if sha256 != batch["file_sha256"]:
        raise BankFileErased(sha256=batch["file_sha256"])
    return BankFile(batch_id, raw, sha256)
