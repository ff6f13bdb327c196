"""The bank sandbox: takes payout files, settles their lines after a moment, and answers with a file.

What must stay true: a file is taken once per batch, whatever is repeated, and is on disk when it is accepted; what was
settled never changes, so that asking twice gets the same lines; nothing of a request is believed before its signature
is verified. Some lines come back, by how their account number ends (see README.md). Start: `python -m
deploy.sandbox.bank`.
"""

import csv
import hashlib
import hmac
import io
import re
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import uvicorn
from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response

from deploy.sandbox.settings import BANK_OFFSET, BankSettings, private_folder
from deploy.sandbox.sqlite import Database
from shared import snap
from shared.calendar import WIB

HERE = Path(__file__).parent
NAME: Final = "BANK-SANDBOX"
FILE_BYTES_MAX: Final = 16 * 1024 * 1024
BATCH = re.compile(r"[0-9a-f-]{36}", re.ASCII)
RETURNS: Final = {"99": "account_closed", "98": "account_unknown", "97": "name_differs", "96": "other"}
RETURNED_ONCE: Final = "94"
LATE: Final = "95"
LATE_TIMES: Final = 4  # so many times the usual moment
TRAILER = re.compile(rb"\r\nT,([0-9]+),([0-9]+),([0-9a-f]{64})\r\n\Z")


class Refusal(Exception):
    """The request is refused."""

    def __init__(self, status: int, title: str) -> None:
        super().__init__(title)
        self.status = status
        self.title = title


@dataclass(frozen=True, slots=True)
class Line:
    """One transfer that the file asks for."""

    number: int
    line_id: str
    bank_code: str
    account_number: str
    holder_name: str
    amount_minor: int

    @property
    def reason(self) -> str:
        """Why it will come back; empty when it will be paid."""
        return RETURNS.get(self.account_number[-2:], "")


def read_file(batch_id: str, raw: bytes) -> list[Line]:
    """The lines of a file. Refuses one that its trailer does not prove, or that is of another batch."""
    trailer = TRAILER.search(raw)
    if trailer is None or hashlib.sha256(raw[: trailer.start() + 2]).hexdigest() != trailer[3].decode():
        raise Refusal(422, "The trailer does not prove the file")
    try:
        header, *records = csv.reader(io.StringIO(raw[: trailer.start() + 2].decode(), newline=""), strict=True)
        if header[:2] != ["H", "1"] or header[3] != batch_id or header[5] != "IDR":
            raise Refusal(422, "The header is not of this batch and version")
        lines = [
            Line(int(number), line_id, bank_code, account, name, int(amount))
            for kind, number, line_id, _, bank_code, account, name, amount in records
            if kind == "D"
        ]
    except (ValueError, IndexError, csv.Error) as error:
        raise Refusal(422, "The lines are not of this version") from error
    if not lines or len(lines) != int(trailer[1]) or sum(line.amount_minor for line in lines) != int(trailer[2]):
        raise Refusal(422, "The lines are not what the trailer counts")
    return lines


class Ledger:
    """The files that came, and when their lines settle."""

    def __init__(self, database: Database, *, settle_seconds: float) -> None:
        self._database = database
        self._settle_milliseconds = int(settle_seconds * 1000)

    def take(self, batch_id: str, raw: bytes, *, now: int) -> bool:
        """Take a file; True when it is new. Refuses another file for a batch that is here."""
        lines = read_file(batch_id, raw)
        with self._database.transaction():
            if not self._database.execute("insert_file", batch_id=batch_id, raw=raw, received_at=now):
                known = self._database.row("file", batch_id=batch_id)
                assert known is not None, "only a known batch keeps a file out"
                if bytes(known["raw"]) != raw:
                    raise Refusal(409, "Another file was handed in for this batch")
                return False
            for line in lines:
                wait = self._settle_milliseconds * (LATE_TIMES if line.account_number.endswith(LATE) else 1)
                self._database.execute(
                    "insert_line",
                    batch_id=batch_id,
                    number=line.number,
                    line_id=line.line_id,
                    bank_code=line.bank_code,
                    account_number=line.account_number,
                    holder_name=line.holder_name,
                    amount_minor=line.amount_minor,
                    reason=self._reason(line),
                    settles_at=now + wait,
                )
        return True

    def _reason(self, line: Line) -> str:
        """Why the line will come back; empty when it will be paid, like the second one to an account that slept."""
        sleeps = line.account_number.endswith(RETURNED_ONCE)
        if sleeps and self._database.row("line_to", account_number=line.account_number) is None:
            return "other"
        return line.reason

    def answer(self, batch_id: str, *, now: int) -> bytes | None:
        """What is settled by now, as a file; None when nothing is. Refuses a batch that never came."""
        if self._database.row("file", batch_id=batch_id) is None:
            raise Refusal(404, "No file was handed in for this batch")
        settled = self._database.rows("settled_lines", batch_id=batch_id, now=now)
        if not settled:
            return None
        rows: list[Sequence[object]] = [
            (
                "D",
                place,
                row["line_id"],
                row["amount_minor"],
                "RETURNED" if row["reason"] else "PAID",
                row["reason"],
                _moment(row["settles_at"]),
            )
            for place, row in enumerate(settled, start=1)
        ]
        last = max(row["settles_at"] for row in settled)
        header = ("H", "1", NAME, batch_id, _moment(last), "IDR")
        return sealed([header, *rows], total_minor=sum(row["amount_minor"] for row in settled))

    def lines(self, batch_id: str) -> list[dict[str, Any]]:
        """What was asked for, and what becomes of it."""
        return [dict(row) for row in self._database.rows("lines", batch_id=batch_id)]

    def newest(self, at_most: int) -> list[dict[str, Any]]:
        """The newest files."""
        return [dict(row) for row in self._database.rows("newest_files", at_most=at_most)]


def sealed(records: Iterable[Sequence[object]], *, total_minor: int) -> bytes:
    """The records as CSV with the trailer that proves them."""
    rows = list(records)
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    body = text.getvalue().encode()
    return body + f"T,{len(rows) - 1},{total_minor},{hashlib.sha256(body).hexdigest()}\r\n".encode()


@dataclass(frozen=True, slots=True)
class Gate:
    """Knows the one customer of this bank."""

    token: str
    secret: str
    clock_window_seconds: int

    def check(self, request: Request, raw: bytes) -> None:
        """Refuses whoever did not sign these bytes just now."""
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        timestamp = request.headers.get("x-timestamp", "")
        moment = snap.parse_timestamp(timestamp)
        signature = request.headers.get("x-signature", "")
        if not self.token or not hmac.compare_digest(shown.encode(), self.token.encode()):
            raise Refusal(401, "The token is missing or wrong")
        if moment is None or abs((moment - datetime.now(UTC)).total_seconds()) > self.clock_window_seconds:
            raise Refusal(401, "X-TIMESTAMP is too far from the bank's clock")
        signed = transaction(request.method, request.url.path, raw, timestamp)
        if not snap.verify_symmetric(self.secret, signature, signed, access_token=self.token):
            raise Refusal(401, "The signature does not match")

    def sign(self, path: str, raw: bytes) -> dict[str, str]:
        """The headers by which the customer knows that the answer is the bank's."""
        timestamp = snap.format_timestamp(datetime.now(UTC))
        signed = transaction("ANSWER", path, raw, timestamp)
        signature = snap.sign_symmetric(self.secret, signed, access_token=self.token)
        return {"X-TIMESTAMP": timestamp, "X-SIGNATURE": signature}


def transaction(method: str, path: str, raw: bytes, timestamp: str) -> snap.Transaction:
    """What both sides sign: the SHA-256 stands for the bytes."""
    return snap.Transaction(method, path, hashlib.sha256(raw).hexdigest().encode(), timestamp)


def create_app(settings: BankSettings) -> FastAPI:
    """The sandbox as an application; its file is opened here and closed when it stops."""
    database = Database(private_folder(settings.sandbox_dir) / "bank.sqlite", HERE / "bank.sql")
    ledger = Ledger(database, settle_seconds=settings.bank_settle_seconds)
    gate = Gate(settings.bank_token, settings.bank_secret, settings.sandbox_clock_window_seconds)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        database.close()

    app = FastAPI(title="Lumbung bank sandbox", lifespan=lifespan)

    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> Response:
        body = {"type": "about:blank", "title": refusal.title, "status": refusal.status}
        return JSONResponse(body, refusal.status, media_type="application/problem+json")

    @app.post("/v1/transfer-files/{batch_id}")
    async def take(batch_id: str, request: Request) -> Response:
        """Take a payout file; the same again is 200, another for the same batch 409."""
        raw = await _body(request)
        gate.check(request, raw)
        if not BATCH.fullmatch(batch_id):
            raise Refusal(422, "The batch is no id")
        is_new = ledger.take(batch_id, raw, now=_now())
        return JSONResponse({"batch_id": batch_id}, 202 if is_new else 200)

    @app.get("/v1/transfer-files/{batch_id}/answer")
    async def answer(batch_id: str, request: Request) -> Response:
        """The answer file of the lines that are settled by now; 202 while there are none."""
        gate.check(request, b"")
        raw = ledger.answer(batch_id, now=_now())
        if raw is None:
            return JSONResponse({"batch_id": batch_id}, 202)
        return Response(raw, media_type="text/csv", headers=gate.sign(request.url.path, raw))

    @app.get("/sandbox/files")
    async def files(limit: Annotated[int, Query(ge=1, le=500)] = 50) -> dict[str, Any]:
        """The newest files."""
        return {"items": ledger.newest(limit)}

    @app.get("/sandbox/files/{batch_id}")
    async def file(batch_id: str) -> dict[str, Any]:
        """What one file asks for, and what becomes of it."""
        return {"lines": ledger.lines(batch_id)}

    @app.get("/sandbox/files/{batch_id}/answer")
    async def answer_by_hand(batch_id: str) -> Response:
        """The answer file without signature, as an officer would download it from the bank's pages."""
        raw = ledger.answer(batch_id, now=_now())
        return Response(raw or b"", media_type="text/csv", status_code=200 if raw else 202)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        """The files can be read."""
        ledger.newest(1)
        return {"status": "ok"}

    return app


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > FILE_BYTES_MAX:
            raise Refusal(413, f"More than {FILE_BYTES_MAX} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, WIB).isoformat(timespec="milliseconds")


def main() -> None:
    """Run the sandbox until it is told to stop."""
    settings = BankSettings()
    port = settings.port(BANK_OFFSET)
    uvicorn.run(create_app(settings), host=settings.http_host, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
