"""Count money for loans: allocate it, book it, tell of it, and end what is repaid.

The loans are locked. Whatever way the money came, it is counted here, so that dues, ledger and events agree (I6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.financing.domain.loan_book import Due, outstanding_minor
from services.financing.store import loans
from services.financing.store.loans import Accounts, Loan, Repayment
from services.financing.use_cases.tell_lenders import LenderFact
from shared import ledger, outbox
from shared.calendar import day_of
from shared.contracts.financing import RepaymentMandateEnded, RepaymentReceived
from shared.db import Connection
from shared.ledger import Transfer, credit, debit


@dataclass(frozen=True, slots=True)
class Counted:
    """A repayment, and what is owed after it. `traceparent`: whose trace it continues, None: the loan's."""

    loan: Loan
    repayment: Repayment
    outstanding_minor: int
    traceparent: str | None = None


async def count_money(
    conn: Connection, counted: Sequence[Counted], dues: Mapping[UUID, Sequence[Due]], *, now: datetime
) -> list[LenderFact]:
    """Write it all down; `dues` are as they are afterwards. What lenders are to be told is the caller's to tell."""
    if not counted:
        return []
    await loans.insert_repayments(conn, [each.repayment for each in counted], settled_on=day_of(now))
    await ledger.post_all(conn, [_booked(each) for each in counted])
    for each in counted:
        outbox.append(conn, _received(each), traceparent=each.traceparent or each.loan.traceparent)
    touched = {each.loan.loan_id: each.loan for each in counted}
    repaid = [loan for loan_id, loan in touched.items() if not outstanding_minor(dues[loan_id])]
    await loans.finish(conn, [loan.loan_id for loan in repaid], repaid_at=now)
    for loan in repaid:
        outbox.append(conn, _mandate_ended(loan, now), traceparent=loan.traceparent)
    return [_fact(each) for each in counted]


def accounts_of(loan: Loan) -> Accounts:
    """The accounts of a loan that was paid out."""
    assert loan.accounts is not None, "money counts only for loans that were paid out"
    return loan.accounts


def _booked(counted: Counted) -> Transfer:
    """Out of a payout it is with orders first; paid directly, with the lender. Waived cost is no claim any more."""
    loan, repayment = counted.loan, counted.repayment
    accounts = accounts_of(loan)
    legs = []
    if repayment.instalment_id is not None:
        legs.append(debit(accounts.clearing, repayment.amount_minor))
    else:
        legs.append(debit(accounts.lender, repayment.amount_minor + repayment.waived_minor))
    if repayment.principal_minor:
        legs.append(credit(accounts.principal, repayment.principal_minor))
    if repayment.cost_minor + repayment.waived_minor:
        legs.append(credit(accounts.cost, repayment.cost_minor + repayment.waived_minor))
    return Transfer(
        repayment.repayment_id,
        tuple(legs),
        "instalment_withheld" if repayment.instalment_id is not None else "repayment",
        repayment.received_at,
        _reference(loan, repayment.instalment_id),
    )


def passed_on(loan: Loan, instalment_id: UUID, amount_minor: int, *, at: datetime) -> Transfer:
    """What orders had is in the lender's bank account. The instalment's id, so that it is passed on once."""
    accounts = accounts_of(loan)
    return Transfer(
        instalment_id,
        (debit(accounts.lender, amount_minor), credit(accounts.clearing, amount_minor)),
        "instalment_passed_on",
        at,
        _reference(loan, instalment_id),
    )


def _reference(loan: Loan, instalment_id: UUID | None) -> dict[str, str]:
    reference = {"loan_id": str(loan.loan_id), "application_id": str(loan.application_id)}
    return reference if instalment_id is None else reference | {"instalment_id": str(instalment_id)}


def _received(counted: Counted) -> RepaymentReceived:
    loan, repayment = counted.loan, counted.repayment
    return RepaymentReceived(
        application_id=loan.application_id,
        loan_id=loan.loan_id,
        lender_id=loan.lender_id,
        shop_id=loan.shop_id,
        repayment_id=repayment.repayment_id,
        instalment_id=repayment.instalment_id,
        amount_minor=repayment.amount_minor,
        principal_minor=repayment.principal_minor,
        cost_minor=repayment.cost_minor,
        outstanding_minor=counted.outstanding_minor,
        currency=loan.currency,
        received_at=repayment.received_at,
    )


def _mandate_ended(loan: Loan, now: datetime) -> RepaymentMandateEnded:
    return RepaymentMandateEnded(
        application_id=loan.application_id,
        loan_id=loan.loan_id,
        lender_id=loan.lender_id,
        shop_id=loan.shop_id,
        mandate_id=loan.mandate_id,
        payee_id=loan.shop_id,
        version=loan.mandate_version + 1,
        reason="repaid",
        ended_at=now,
    )


def _fact(counted: Counted) -> LenderFact:
    loan, repayment = counted.loan, counted.repayment
    return LenderFact(
        loan.lender_id,
        "lending.repayment_received.v1",
        {
            "loan_id": loan.loan_id,
            "application_id": loan.application_id,
            "shop_id": loan.shop_id,
            "repayment_id": repayment.repayment_id,
            "instalment_id": repayment.instalment_id,
            "amount_minor": repayment.amount_minor,
            "principal_minor": repayment.principal_minor,
            "cost_minor": repayment.cost_minor,
            "outstanding_minor": counted.outstanding_minor,
            "currency": loan.currency,
            "received_at": repayment.received_at,
        },
        traceparent=counted.traceparent or loan.traceparent,
        subject={"loan_id": loan.loan_id},
    )
