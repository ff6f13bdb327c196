"""Money that was paid to the lender directly: an instalment, or what ends the loan early."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.financing.domain import loan_book
from services.financing.domain.loan_book import Allocation, Due
from services.financing.domain.problems import LoanNotFound, LoanNotRunning, MoreThanIsOwed, NotASettlement
from services.financing.store import loans
from services.financing.store.loans import Loan, Repayment
from services.financing.use_cases.count_money import Counted, count_money
from services.financing.use_cases.grade_loans import regrade
from services.financing.use_cases.tell_lenders import tell
from shared.calendar import day_of
from shared.db import Connection


@dataclass(frozen=True, slots=True)
class Pay:
    """What a lender says that it was paid, under its own reference, which counts once per loan."""

    repayment_id: UUID
    loan_id: UUID
    amount_minor: int
    reference: str


async def repay_loan(conn: Connection, command: Pay, *, lender_id: UUID, now: datetime) -> Counted:
    """Count it for the oldest dues. Raises LoanNotFound, LoanNotRunning, MoreThanIsOwed, ReferenceTaken."""
    loan, dues = await _running(conn, command.loan_id, lender_id)
    allocation = loan_book.allocate(dues, command.amount_minor)
    if allocation.rest_minor:
        raise MoreThanIsOwed(outstanding_minor=loan_book.outstanding_minor(dues))
    return await _count(conn, command, loan, dues, allocation, now)


async def settle_loan(conn: Connection, command: Pay, *, lender_id: UUID, now: datetime) -> Counted:
    """End the loan early: all principal, and the cost of the periods that have begun.

    Raises LoanNotFound, LoanNotRunning, NotASettlement with the amount that would be one today, ReferenceTaken.
    """
    loan, dues = await _running(conn, command.loan_id, lender_id)
    allocation = settlement_of(loan, dues, on=day_of(now))
    if allocation.paid_minor != command.amount_minor:
        raise NotASettlement(amount_minor=allocation.paid_minor, waived_minor=allocation.waived_minor)
    return await _count(conn, command, loan, dues, allocation, now)


def settlement_of(loan: Loan, dues: tuple[Due, ...], *, on: date) -> Allocation:
    """What ends the loan on that day. The price of a murabahah never changes: all of its margin stays due."""
    return loan_book.settle_in_full(dues) if loan.scheme == "murabahah" else loan_book.settle(dues, on=on)


async def _running(conn: Connection, loan_id: UUID, lender_id: UUID) -> tuple[Loan, tuple[Due, ...]]:
    if await loans.loan_of(conn, loan_id, lender_id=lender_id) is None:
        raise LoanNotFound
    loan = (await loans.lock(conn, [loan_id]))[loan_id]
    if loan.state != "running":
        raise LoanNotRunning
    return loan, (await loans.dues_of(conn, [loan_id]))[loan_id]


async def _count(
    conn: Connection, command: Pay, loan: Loan, dues: tuple[Due, ...], allocation: Allocation, now: datetime
) -> Counted:
    repayment = Repayment(command.repayment_id, loan.loan_id, None, command.reference, allocation.shares, now)
    left = loan_book.after(dues, allocation)
    counted = Counted(loan, repayment, loan_book.outstanding_minor(left))
    facts = await count_money(conn, [counted], {loan.loan_id: left}, now=now)
    facts += await regrade(conn, [loan], {loan.loan_id: left}, now=now)
    await tell(conn, facts)
    return counted
