"""Pay a loan out: its lender says when and under which reference. From then on it is owed, and orders may withhold."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

from services.financing.domain.loan_book import Due, dues_of
from services.financing.domain.problems import DateOutOfRange, LoanNotAgreed, LoanNotFound
from services.financing.domain.products import schedule_of
from services.financing.store import loans
from services.financing.store.loans import Accounts, Loan
from shared import ledger, outbox
from shared.calendar import WIB, day_of
from shared.contracts import financing as contract
from shared.db import Connection
from shared.ledger import Kind, NewAccount, Transfer, credit, debit

CLEARING = "clearing:orders"  # what orders withheld and has not passed on; mirrors its account clearing:financing


async def disburse_loan(
    conn: Connection, loan_id: UUID, *, lender_id: UUID, disbursed_on: date, reference: str, now: datetime
) -> Loan:
    """The running loan. Raises LoanNotFound, LoanNotAgreed, DateOutOfRange."""
    if await loans.loan_of(conn, loan_id, lender_id=lender_id) is None:
        raise LoanNotFound
    loan = (await loans.lock(conn, [loan_id]))[loan_id]
    if loan.state != "agreed":
        raise LoanNotAgreed
    if not day_of(loan.agreed_at) <= disbursed_on <= day_of(now):
        raise DateOutOfRange
    schedule = schedule_of(
        loan.scheme,
        amount_minor=loan.amount_minor,
        tenor_months=loan.tenor_months,
        annual_rate_pct=loan.annual_rate_pct,
        margin_minor=loan.margin_minor,
    )
    dues = dues_of(schedule, disbursed_on, first_due_days=loan.first_due_days)
    accounts = await _open_accounts(conn, loan)
    await loans.disburse(conn, loan, accounts, disbursed_on=disbursed_on, disbursed_at=now, reference=reference)
    await loans.insert_dues(conn, loan_id, dues)
    await ledger.post_all(conn, [_owed(loan, accounts, schedule.interest_minor, disbursed_on)])
    outbox.append(conn, _disbursed(loan, schedule.paid_minor, now), _mandate(loan, dues, now))
    return replace(
        loan,
        state="running",
        disbursed_on=disbursed_on,
        disbursed_at=now,
        disbursement_reference=reference,
        mandate_version=1,
        graded_on=disbursed_on,
        accounts=accounts,
    )


async def _open_accounts(conn: Connection, loan: Loan) -> Accounts:
    codes = {
        "principal": f"loan:{loan.loan_id}:principal",
        "cost": f"loan:{loan.loan_id}:cost",
        "lender": f"lender:{loan.lender_id}",
        "clearing": CLEARING,
    }
    kinds = {"principal": Kind.ASSET, "cost": Kind.ASSET, "lender": Kind.LIABILITY, "clearing": Kind.ASSET}
    ids = await ledger.open_accounts(conn, [NewAccount(codes[name], kinds[name], loan.currency) for name in codes])
    return Accounts(**{name: ids[code] for name, code in codes.items()})


def _owed(loan: Loan, accounts: Accounts, cost_minor: int, on: date) -> Transfer:
    """The lender's claim: principal and all cost of the plan. The loan's id, so that it is owed once."""
    legs = [
        debit(accounts.principal, loan.amount_minor),
        credit(accounts.lender, loan.amount_minor + cost_minor),
    ]
    if cost_minor:
        legs.append(debit(accounts.cost, cost_minor))
    return Transfer(
        loan.loan_id,
        tuple(legs),
        "loan_disbursed",
        datetime(on.year, on.month, on.day, tzinfo=WIB).astimezone(UTC),
        {"loan_id": str(loan.loan_id), "application_id": str(loan.application_id)},
    )


def _disbursed(loan: Loan, total_minor: int, now: datetime) -> contract.LoanDisbursed:
    return contract.LoanDisbursed(
        application_id=loan.application_id,
        loan_id=loan.loan_id,
        lender_id=loan.lender_id,
        shop_id=loan.shop_id,
        amount_minor=loan.amount_minor,
        currency=loan.currency,
        scheme=loan.scheme,
        tenor_months=loan.tenor_months,
        total_minor=total_minor,
        region_code=loan.region_code,
        disbursed_at=now,
    )


def _mandate(loan: Loan, dues: tuple[Due, ...], now: datetime) -> contract.RepaymentMandateSet:
    return contract.RepaymentMandateSet(
        application_id=loan.application_id,
        loan_id=loan.loan_id,
        lender_id=loan.lender_id,
        shop_id=loan.shop_id,
        mandate_id=loan.mandate_id,
        payee_id=loan.shop_id,
        version=1,
        dues=tuple(
            contract.Due(number=due.number, due_on=due.due_on, amount_minor=due.amount_minor)
            for due in dues
            if due.amount_minor
        ),
        share_basis_points_max=loan.share_basis_points_max,
        currency=loan.currency,
        set_at=now,
    )
