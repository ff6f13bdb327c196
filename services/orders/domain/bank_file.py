"""The file that tells the bank what to pay, and the file in which it answers: CSV of fixed columns.

What must stay true: the same lines make the same bytes, for ever; the last record counts and sums the lines and carries
the SHA-256 of every byte before it, so that a file that was cut, changed or put together is refused as a whole.

A file to the bank (UTF-8, records end in CR LF, fields quoted only where RFC 4180 asks for it):

    H,1,LUMBUNG,<batch>,<YYYYMMDD>,IDR
    D,<number>,<line>,PAYOUT|REMITTANCE,<bank code>,<account number>,<holder name>,<rupiah>
    T,<lines>,<rupiah in all>,<sha256>

The answer, of all lines or of those that are settled so far:

    H,1,<bank>,<batch>,<moment>,IDR
    D,<number>,<line>,<rupiah>,PAID|RETURNED,<reason when returned>,<moment>
    T,<lines>,<rupiah in all>,<sha256>
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, cast, get_args
from uuid import UUID

from shared.money import AMOUNT_MINOR_MAX, CURRENCY

VERSION: Final = "1"
SENDER: Final = "LUMBUNG"
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
_TRAILER: Final = re.compile(rb"\r\nT,([0-9]{1,6}),([0-9]{1,18}),([0-9a-f]{64})\r\n\Z")

Kind = Literal["PAYOUT", "REMITTANCE"]
Reason = Literal["account_closed", "account_unknown", "name_differs", "other"]


class BadFile(ValueError):
    """The file is not one that can be believed."""


@dataclass(frozen=True, slots=True)
class FileLine:
    """One order to the bank."""

    line_id: UUID
    number: int
    kind: Kind
    holder_id: UUID
    bank_code: str
    account_number: str
    holder_name: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """What became of one line. `reason` is None when it was paid."""

    line_id: UUID
    amount_minor: int
    reason: Reason | None
    settled_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bank says of a batch; `sha256` is of the whole file."""

    batch_id: UUID
    lines: tuple[AnswerLine, ...]
    sha256: str


def write(batch_id: UUID, lines: Iterable[FileLine], *, on: date) -> bytes:
    """The bank file of a batch that was approved on this day."""
    lines = sorted(lines, key=lambda line: line.number)
    records: list[Sequence[object]] = [("H", VERSION, SENDER, batch_id, f"{on:%Y%m%d}", CURRENCY)]
    records += [
        (
            "D",
            line.number,
            line.line_id,
            line.kind,
            line.bank_code,
            line.account_number,
            line.holder_name,
            line.amount_minor,
        )
        for line in lines
    ]
    return sealed(records, count=len(lines), total_minor=sum(line.amount_minor for line in lines))


def checksum(raw: bytes) -> str:
    """SHA-256 of a whole file, as it is kept beside its batch."""
    return hashlib.sha256(raw).hexdigest()


def sealed(records: Iterable[Sequence[object]], *, count: int, total_minor: int) -> bytes:
    """The records as CSV, with the trailer that proves them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(records)
    body = text.getvalue().encode()
    return body + f"T,{count},{total_minor},{hashlib.sha256(body).hexdigest()}\r\n".encode()


def unsealed(raw: bytes) -> tuple[list[str], list[list[str]], int]:
    """Header, lines and the sum that the trailer states. Raises BadFile unless it proves the bytes before it."""
    trailer = _TRAILER.search(raw)
    if len(raw) > ANSWER_BYTES_MAX or trailer is None:
        raise BadFile("the file is too long, or has no trailer")
    body = raw[: trailer.start() + 2]
    if hashlib.sha256(body).hexdigest() != trailer[3].decode():
        raise BadFile("the checksum is not that of the lines")
    try:
        header, *lines = csv.reader(io.StringIO(body.decode(), newline=""), strict=True)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadFile("the file is no CSV") from error
    if len(header) != 6 or header[:2] != ["H", VERSION] or header[5] != CURRENCY:
        raise BadFile("the header is not of this version")
    if len(lines) != int(trailer[1]) or any(line[:1] != ["D"] for line in lines):
        raise BadFile("the number of lines is not what the trailer says")
    if [line[1] for line in lines if len(line) > 1] != [str(number + 1) for number in range(len(lines))]:
        raise BadFile("the lines are not numbered from 1")
    return header, lines, int(trailer[2])


def read_answer(raw: bytes) -> Answer:
    """The bank's answer. Raises BadFile."""
    header, records, total_minor = unsealed(raw)
    lines = tuple(_answer_line(record) for record in records)
    if sum(line.amount_minor for line in lines) != total_minor:
        raise BadFile("the amounts do not sum to what the trailer says")
    if len({line.line_id for line in lines}) != len(lines):
        raise BadFile("a line is answered twice")
    return Answer(_uuid(header[3]), lines, checksum(raw))


def _answer_line(record: list[str]) -> AnswerLine:
    if len(record) != 7:
        raise BadFile("a line has another number of columns")
    _, _, line_id, amount, outcome, reason, moment = record
    if not re.fullmatch("[0-9]{1,16}", amount, re.ASCII) or not 0 < int(amount) <= AMOUNT_MINOR_MAX:
        raise BadFile(f"{amount!r} is no amount in whole rupiah")
    is_known = (outcome, reason) == ("PAID", "") or (outcome == "RETURNED" and reason in get_args(Reason))
    if not is_known:
        raise BadFile(f"{outcome!r} with the reason {reason!r} is no outcome")
    try:
        settled_at = datetime.fromisoformat(moment)
    except ValueError as error:
        raise BadFile(f"{moment!r} is no moment") from error
    if settled_at.tzinfo is None or settled_at.year < 2000:
        raise BadFile(f"{moment!r} is no moment with an offset")
    return AnswerLine(_uuid(line_id), int(amount), cast(Reason, reason) if reason else None, settled_at)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise BadFile(f"{text!r} is no id of ours") from error
