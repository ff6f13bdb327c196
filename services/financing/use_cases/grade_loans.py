"""Grade loans by the days that they are past due: every day by the clock, and at once when money was counted."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from services.financing.domain.lending_rules import collectability
from services.financing.domain.loan_book import Due, days_past_due
from services.financing.store import loans
from services.financing.store.loans import Loan
from services.financing.store.rules import lending_rules
from services.financing.use_cases.tell_lenders import LenderFact, tell
from shared import outbox
from shared.calendar import day_of
from shared.contracts.financing import CollectabilityChanged
from shared.db import Connection

BATCH = 200


async def grade_loans(conn: Connection, *, as_of: date, now: datetime) -> int:
    """Running loans that were not graded as of this day yet; how many it were. Never goes back to an earlier day."""
    found = await loans.lock_to_grade(conn, as_of=as_of, most=BATCH)
    dues = await loans.dues_of(conn, [loan.loan_id for loan in found])
    await tell(conn, await _grade(conn, found, dues, as_of=as_of, now=now))
    return len(found)


async def regrade(
    conn: Connection, locked: Sequence[Loan], dues: Mapping[UUID, Sequence[Due]], *, now: datetime
) -> list[LenderFact]:
    """After money was counted: as of today, or of the later day that the loan was graded for."""
    facts = []
    for loan in locked:
        as_of = max(day_of(now), loan.graded_on or date.min)
        facts += await _grade(conn, [loan], dues, as_of=as_of, now=now)
    return facts


async def _grade(
    conn: Connection, locked: Sequence[Loan], dues: Mapping[UUID, Sequence[Due]], *, as_of: date, now: datetime
) -> list[LenderFact]:
    if not locked:
        return []
    days = {loan.loan_id: days_past_due(dues[loan.loan_id], as_of=as_of) for loan in locked}
    grades = {id_: (collectability(lending_rules(), late, on=as_of), late) for id_, late in days.items()}
    await loans.grade(conn, grades, as_of=as_of)
    changed = [loan for loan in locked if grades[loan.loan_id][0] != loan.kol]
    for loan in changed:
        outbox.append(conn, _changed(loan, *grades[loan.loan_id], now), traceparent=loan.traceparent)
    return [_fact(loan, *grades[loan.loan_id], as_of, now) for loan in changed]


def _changed(loan: Loan, kol: int, days: int, now: datetime) -> CollectabilityChanged:
    return CollectabilityChanged(
        application_id=loan.application_id,
        loan_id=loan.loan_id,
        lender_id=loan.lender_id,
        shop_id=loan.shop_id,
        before=loan.kol,
        after=kol,
        days_past_due=days,
        changed_at=now,
    )


def _fact(loan: Loan, kol: int, days: int, as_of: date, now: datetime) -> LenderFact:
    return LenderFact(
        loan.lender_id,
        "lending.collectability_changed.v1",
        {
            "loan_id": loan.loan_id,
            "shop_id": loan.shop_id,
            "before": loan.kol,
            "after": kol,
            "days_past_due": days,
            "as_of": as_of,
            "changed_at": now,
        },
        traceparent=loan.traceparent,
        subject={"loan_id": loan.loan_id},
    )
