"""Payout files on their way to the bank, and its answers on their way back: calls outside of any transaction.

Each looks first whether it is still wanted: an officer may have brought the answer by hand. Handing in again is the
same, by the batch's id; asking is repeated until every line is answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from services.orders.domain.bank_file import Answer
from services.orders.store import payouts
from services.orders.upstream import Bank
from services.orders.use_cases.approve_payouts import CALL_DEADLINE_SECONDS, SUBMIT
from services.orders.use_cases.read_bank_file import BankFile, read_bank_file
from services.orders.use_cases.record_bank_answer import Verdict, record_bank_answer
from shared import calls_out
from shared.calls_out import CallOut, Purpose, Refused, TryLater
from shared.clock import utc_now
from shared.db import Connection, Database
from shared.problems import Problem

log = structlog.get_logger()

ASK: Final = "ask_about_payouts"
ASK_AGAIN_SECONDS: Final = 5.0


def bank_purposes(db: Database, bank: Bank | None) -> Mapping[str, Purpose]:
    """How each call is made and recorded."""
    calls = Deliveries(db, bank)
    return {
        SUBMIT: Purpose.alone(calls.hand_in, record_handed_in, give_up_handing_in),
        ASK: Purpose.alone(calls.ask, record_answer, give_up_asking),
    }


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The calls themselves."""

    db: Database
    bank: Bank | None

    @property
    def _bank(self) -> Bank:
        if self.bank is None:
            raise Refused("no bank is configured")
        return self.bank

    async def hand_in(self, call: CallOut) -> bool:
        """Give the bank the file; False when everything is answered already."""
        batch_id = batch_of(call)
        async with self.db.transaction("repeatable_read") as conn:
            if not await payouts.open_lines(conn, batch_id):
                return False
            file = await self._file(conn, batch_id)
        await self._bank.hand_in(batch_id, file.raw)
        return True

    async def ask(self, call: CallOut) -> Answer | None:
        """What the bank says; None when there is nothing left to ask. Raises TryLater while it says nothing."""
        batch_id = batch_of(call)
        async with self.db.reading() as conn:
            if not await payouts.open_lines(conn, batch_id):
                return None
        answer = await self._bank.ask(batch_id)
        if answer is None:
            raise TryLater(
                "the bank has not settled the file yet", seconds=min(ASK_AGAIN_SECONDS, 0.5 * 2**call.attempts)
            )
        return answer

    async def _file(self, conn: Connection, batch_id: UUID) -> BankFile:
        try:
            return await read_bank_file(conn, batch_id)
        except Problem as error:
            raise Refused(f"there is no file to hand in: {error}") from error


def batch_of(call: CallOut) -> UUID:
    """The batch that a call is about; later questions have a number behind it."""
    return UUID(call.subject.partition("/")[0])


async def record_handed_in(conn: Connection, call: CallOut, is_wanted: bool) -> None:
    """The bank has the file: ask for its answer."""
    if is_wanted:
        await payouts.mark_submitted(conn, batch_of(call), now=utc_now())
        await calls_out.request(conn, ASK, call.subject, {}, deadline_seconds=CALL_DEADLINE_SECONDS)


async def give_up_handing_in(conn: Connection, call: CallOut, why: str) -> None:
    """The bank will not take it: an officer has to carry it, or to talk to the bank."""
    await payouts.mark_trouble(conn, batch_of(call), f"the file was not handed in: {why}")


async def record_answer(conn: Connection, call: CallOut, answer: Answer | None) -> None:
    """Take over what the bank says; ask again while lines are open. A contradicting answer is left to people."""
    if answer is None:
        return
    batch_id, now = batch_of(call), utc_now()
    recorded = await record_bank_answer(conn, batch_id, answer, received_by=None, now=now)
    if recorded.verdict is not Verdict.REFUSED and await payouts.open_lines(conn, batch_id):
        number = int(call.subject.partition("/")[2] or 0) + 1
        await calls_out.request(
            conn,
            ASK,
            f"{batch_id}/{number}",
            {},
            deadline_seconds=CALL_DEADLINE_SECONDS,
            delay_seconds=min(300.0, 0.5 * 2.0 ** min(number, 12)),
        )


async def give_up_asking(conn: Connection, call: CallOut, why: str) -> None:
    """No answer in time: an officer brings it."""
    await payouts.mark_trouble(conn, batch_of(call), f"the bank was asked in vain: {why}")
