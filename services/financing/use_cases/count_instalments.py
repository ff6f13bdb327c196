"""Instalments that orders keeps out of payouts: counted for their loans, refused, and passed on to the lenders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from services.financing.domain import loan_book
from services.financing.domain.loan_book import Allocation, Due
from services.financing.store import loans
from services.financing.store.loans import Instalment, Loan, Repayment
from services.financing.use_cases.count_money import Counted, count_money, passed_on
from services.financing.use_cases.grade_loans import regrade
from services.financing.use_cases.tell_lenders import LenderFact, tell
from shared import ledger, outbox
from shared.contracts.financing import InstalmentRefused
from shared.contracts.payouts import InstalmentPassedOn, InstalmentWithheld
from shared.db import Connection

REPAYMENTS = UUID("6b0e3d1e-62a9-4c0e-9f0c-6d1c8a1f7a52")  # name space: the repayment of an instalment has one id


class UnknownInstalment(Exception):
    """Orders passed on what we never accepted, or another amount."""


@dataclass
class _Book:
    """The loans of a batch with their dues, as they change from one instalment to the next."""

    loans: dict[UUID, Loan]
    dues: dict[UUID, tuple[Due, ...]]

    def loan_for(self, event: InstalmentWithheld) -> Loan | None:
        """The loan that may take this, None when orders names one that we do not know so."""
        loan = self.loans.get(event.loan_id)
        if loan is None or loan.state == "agreed":
            return None
        is_same = (loan.application_id, loan.lender_id, loan.mandate_id) == (
            event.application_id,
            event.lender_id,
            event.mandate_id,
        )
        return loan if is_same and loan.currency == event.currency else None


async def count_instalments(conn: Connection, events: Sequence[InstalmentWithheld], *, now: datetime) -> None:
    """Accept what the loans need, refuse the rest; orders hears which. The loans are locked."""
    known = await loans.known_instalments(conn, [event.instalment_id for event in events])
    fresh = [event for event in events if event.instalment_id not in known]
    loan_ids = sorted({event.loan_id for event in fresh})
    book = _Book(await loans.lock(conn, loan_ids), await loans.dues_of(conn, loan_ids))
    counted: list[Counted] = []
    instalments: list[Instalment] = []
    for event in fresh:
        trace = conn.traceparents.get(str(event.payee_id))
        loan = book.loan_for(event)
        accepted = _accept(book, loan, event)
        if loan is not None and accepted is not None:
            left = book.dues[loan.loan_id]
            repayment = Repayment(
                uuid5(REPAYMENTS, str(event.instalment_id)),
                loan.loan_id,
                event.instalment_id,
                None,
                accepted.shares,
                event.withheld_at,
            )
            counted.append(Counted(loan, repayment, loan_book.outstanding_minor(left), trace))
        accepted_minor = accepted.paid_minor if accepted else 0
        instalments.append(
            Instalment(
                event.instalment_id,
                event.loan_id,
                event.lender_id,
                event.amount_minor,
                accepted_minor,
                event.withheld_at,
            )
        )
        if refused_minor := event.amount_minor - accepted_minor:
            reason: Literal["repaid", "unknown_loan"] = "unknown_loan" if loan is None else "repaid"
            outbox.append(conn, _refused(event, refused_minor, reason, now), traceparent=trace)
    await loans.insert_instalments(conn, instalments)
    facts = await count_money(conn, counted, book.dues, now=now)
    touched = {each.loan.loan_id: each.loan for each in counted}
    facts += await regrade(conn, list(touched.values()), book.dues, now=now)
    await tell(conn, facts)


def _accept(book: _Book, loan: Loan | None, event: InstalmentWithheld) -> Allocation | None:
    """What of the instalment counts, None when nothing does; the book knows it from now on."""
    if loan is None or not event.amount_minor:
        return None
    dues = book.dues[loan.loan_id]
    allocation = loan_book.allocate(dues, event.amount_minor)
    if not allocation.shares:
        return None
    book.dues[loan.loan_id] = loan_book.after(dues, allocation)
    return allocation


async def pass_on_instalments(conn: Connection, events: Sequence[InstalmentPassedOn]) -> None:
    """The money is with the lenders; a repeat changes nothing. The loans are locked.

    Raises UnknownInstalment for one that was never accepted, or with another amount than was.
    """
    by_id = {event.instalment_id: event for event in events}
    locked = await loans.lock(conn, {event.loan_id for event in events})
    passed = await loans.pass_on(conn, {event.instalment_id: event.passed_on_at for event in events})
    known = await loans.known_instalments(conn, by_id)
    transfers, facts = [], []
    for instalment_id, event in by_id.items():
        if instalment_id not in known:
            raise UnknownInstalment(f"instalment {instalment_id} was never withheld")
        if instalment_id not in passed:
            continue
        if passed[instalment_id] != event.amount_minor:
            raise UnknownInstalment(f"{passed[instalment_id]} of instalment {instalment_id} was accepted")
        loan = locked[event.loan_id]
        transfers.append(passed_on(loan, instalment_id, event.amount_minor, at=event.passed_on_at))
        facts.append(_fact(loan, event, conn.traceparents.get(str(event.payee_id))))
    await ledger.post_all(conn, transfers)
    await tell(conn, facts)


def _refused(
    event: InstalmentWithheld, amount_minor: int, reason: Literal["repaid", "unknown_loan"], now: datetime
) -> InstalmentRefused:
    return InstalmentRefused(
        application_id=event.application_id,
        loan_id=event.loan_id,
        lender_id=event.lender_id,
        shop_id=event.payee_id,
        instalment_id=event.instalment_id,
        mandate_id=event.mandate_id,
        payee_id=event.payee_id,
        amount_minor=amount_minor,
        currency=event.currency,
        reason=reason,
        refused_at=now,
    )


def _fact(loan: Loan, event: InstalmentPassedOn, trace: str | None) -> LenderFact:
    return LenderFact(
        loan.lender_id,
        "lending.instalment_passed_on.v1",
        {
            "loan_id": loan.loan_id,
            "instalment_id": event.instalment_id,
            "shop_id": loan.shop_id,
            "amount_minor": event.amount_minor,
            "currency": event.currency,
            "passed_on_at": event.passed_on_at,
        },
        traceparent=trace,
        subject={"loan_id": loan.loan_id},
    )
