"""Loans, their dues, and the money that counts for them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID

import asyncpg

from services.financing.domain.loan_book import Divided, Due, Share
from services.financing.domain.problems import ReferenceTaken
from services.financing.domain.products import Scheme
from services.financing.store.named import loans
from services.financing.store.products import to_decimal, to_fraction
from shared import ledger
from shared.db import Connection
from shared.sql import Row


@dataclass(frozen=True, slots=True)
class Accounts:
    """The ledger accounts of a loan: what is owed of principal and cost, its lender's claims, what orders still has."""

    principal: UUID
    cost: UUID
    lender: UUID
    clearing: UUID


@dataclass(frozen=True, slots=True)
class Loan:
    """A loan. `accounts` are there once it was paid out."""

    loan_id: UUID
    application_id: UUID
    offer_id: UUID
    lender_id: UUID
    shop_id: UUID
    person_id: UUID
    region_code: str
    scheme: Scheme
    annual_rate_pct: Fraction | None
    margin_minor: int | None
    amount_minor: int
    currency: str
    tenor_months: int
    share_basis_points_max: int
    first_due_days: int | None
    state: Literal["agreed", "running", "repaid"]
    agreed_at: datetime
    mandate_id: UUID
    mandate_version: int = 0
    disbursed_on: date | None = None
    disbursed_at: datetime | None = None
    disbursement_reference: str | None = None
    repaid_at: datetime | None = None
    kol: int = 1
    days_past_due: int = 0
    graded_on: date | None = None
    accounts: Accounts | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Repayment(Divided):
    """Money that counts for a loan: an instalment of orders', or paid to the lender under its reference."""

    repayment_id: UUID
    loan_id: UUID
    instalment_id: UUID | None
    reference: str | None
    shares: Sequence[Share]
    received_at: datetime

    @property
    def amount_minor(self) -> int:
        """What was paid."""
        return self.principal_minor + self.cost_minor


@dataclass(frozen=True, slots=True)
class Instalment:
    """What orders withheld, and how much of it counts."""

    instalment_id: UUID
    loan_id: UUID
    lender_id: UUID
    amount_minor: int
    accepted_minor: int
    withheld_at: datetime


async def insert_loan(conn: Connection, loan: Loan) -> None:
    """A loan that was agreed."""
    await loans.insert_loan.run(
        conn,
        loan_id=loan.loan_id,
        application_id=loan.application_id,
        offer_id=loan.offer_id,
        lender_id=loan.lender_id,
        shop_id=loan.shop_id,
        person_id=loan.person_id,
        region_code=loan.region_code,
        scheme=loan.scheme,
        annual_rate_pct=to_decimal(loan.annual_rate_pct),
        margin_minor=loan.margin_minor,
        amount_minor=loan.amount_minor,
        currency=loan.currency,
        tenor_months=loan.tenor_months,
        share_basis_points_max=loan.share_basis_points_max,
        first_due_days=loan.first_due_days,
        agreed_at=loan.agreed_at,
        mandate_id=loan.mandate_id,
        traceparent=loan.traceparent,
    )


async def loan_of(
    conn: Connection, loan_id: UUID, *, person_id: UUID | None = None, lender_id: UUID | None = None
) -> Loan | None:
    """For its borrower or its lender."""
    row = await loans.loan_of.row(conn, loan_id=loan_id, person_id=person_id, lender_id=lender_id)
    return None if row is None else _loan(conn, row)


async def loans_of(
    conn: Connection, *, person_id: UUID | None, lender_id: UUID | None, before: UUID, limit: int
) -> list[Loan]:
    """A borrower's or a lender's, newest first."""
    rows = await loans.loans_of.rows(conn, person_id=person_id, lender_id=lender_id, before=before, limit=limit)
    return [_loan(conn, row) for row in rows]


async def take_locks(conn: Connection, loan_ids: list[UUID]) -> None:
    """Lock loans; ids come sorted."""
    await loans.lock_loans.run(conn, loan_ids=loan_ids)


async def lock(conn: Connection, loan_ids: Iterable[UUID]) -> dict[UUID, Loan]:
    """The loans, locked; those that are not there are left out."""
    rows = await loans.lock_loans.rows(conn, loan_ids=sorted(set(loan_ids)))
    return {row["loan_id"]: _loan(conn, row) for row in rows}


async def lock_to_grade(conn: Connection, *, as_of: date, most: int) -> list[Loan]:
    """Running loans that were not graded as of this day, locked."""
    return [_loan(conn, row) for row in await loans.lock_loans_to_grade.rows(conn, as_of=as_of, most=most)]


async def disburse(
    conn: Connection, loan: Loan, accounts: Accounts, *, disbursed_on: date, disbursed_at: datetime, reference: str
) -> None:
    """The loan runs. It is locked and agreed."""
    touched = await loans.disburse.run(
        conn,
        loan_id=loan.loan_id,
        disbursed_on=disbursed_on,
        disbursed_at=disbursed_at,
        reference=reference,
        principal_account_id=accounts.principal,
        cost_account_id=accounts.cost,
        lender_account_id=accounts.lender,
        clearing_account_id=accounts.clearing,
    )
    assert touched == 1, "the loan was agreed, under its lock"


async def insert_dues(conn: Connection, loan_id: UUID, dues: Sequence[Due]) -> None:
    """The plan."""
    await loans.insert_dues.run(
        conn,
        loan_id=loan_id,
        numbers=[due.number for due in dues],
        due_ons=[due.due_on for due in dues],
        principals=[due.principal_minor for due in dues],
        costs=[due.cost_minor for due in dues],
    )


async def dues_of(conn: Connection, loan_ids: Iterable[UUID]) -> dict[UUID, tuple[Due, ...]]:
    """The plans of these loans, each in order."""
    found: dict[UUID, tuple[Due, ...]] = {}
    for row in await loans.dues.rows(conn, loan_ids=list(loan_ids)):
        due = Due(
            row["number"],
            row["due_on"],
            row["principal_minor"],
            row["cost_minor"],
            row["principal_paid_minor"],
            row["cost_paid_minor"],
            row["cost_waived_minor"],
        )
        found[row["loan_id"]] = (*found.get(row["loan_id"], ()), due)
    return found


async def known_instalments(conn: Connection, instalment_ids: Iterable[UUID]) -> set[UUID]:
    """Those that were dealt with already."""
    rows = await loans.known_instalments.rows(conn, instalment_ids=list(instalment_ids))
    return {row["instalment_id"] for row in rows}


async def insert_instalments(conn: Connection, instalments: Sequence[Instalment]) -> None:
    """What orders withheld."""
    await loans.insert_instalments.run(
        conn,
        instalment_ids=[each.instalment_id for each in instalments],
        loan_ids=[each.loan_id for each in instalments],
        lender_ids=[each.lender_id for each in instalments],
        amounts=[each.amount_minor for each in instalments],
        accepteds=[each.accepted_minor for each in instalments],
        refuseds=[each.amount_minor - each.accepted_minor for each in instalments],
        withheld_ats=[each.withheld_at for each in instalments],
    )


async def pass_on(conn: Connection, passed: Mapping[UUID, datetime]) -> dict[UUID, int]:
    """These instalments are in their lenders' accounts: what of each counted. Those passed on before are left out."""
    rows = await loans.pass_on_instalments.rows(conn, instalment_ids=list(passed), passed_on_ats=list(passed.values()))
    return {row["instalment_id"]: row["accepted_minor"] for row in rows}


async def insert_repayments(conn: Connection, repayments: Sequence[Repayment], *, settled_on: date) -> None:
    """Money, and the dues for which it counts. Raises ReferenceTaken."""
    try:
        await loans.insert_repayments.run(
            conn,
            repayment_ids=[each.repayment_id for each in repayments],
            loan_ids=[each.loan_id for each in repayments],
            instalment_ids=[each.instalment_id for each in repayments],
            refs=[each.reference for each in repayments],
            amounts=[each.amount_minor for each in repayments],
            principals=[each.principal_minor for each in repayments],
            costs=[each.cost_minor for each in repayments],
            waiveds=[each.waived_minor for each in repayments],
            received_ats=[each.received_at for each in repayments],
        )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "repayments_reference":
            raise ReferenceTaken from error
        raise
    parts = [(each, share) for each in repayments for share in each.shares]
    await loans.insert_repayment_parts.run(
        conn,
        repayment_ids=[each.repayment_id for each, _ in parts],
        loan_ids=[each.loan_id for each, _ in parts],
        numbers=[share.number for _, share in parts],
        principals=[share.principal_minor for _, share in parts],
        costs=[share.cost_minor for _, share in parts],
        waiveds=[share.waived_minor for _, share in parts],
        settled_on=settled_on,
    )


async def finish(conn: Connection, loan_ids: Sequence[UUID], *, repaid_at: datetime) -> None:
    """Nothing more is owed on these."""
    await loans.finish_loans.run(conn, loan_ids=list(loan_ids), repaid_at=repaid_at)


async def grade(conn: Connection, grades: Mapping[UUID, tuple[int, int]], *, as_of: date) -> None:
    """Loan to (kol, days past due) as of a day."""
    await loans.grade_loans.run(
        conn,
        loan_ids=list(grades),
        kols=[kol for kol, _ in grades.values()],
        days=[days for _, days in grades.values()],
        as_of=as_of,
    )


async def repayments_of(conn: Connection, loan_id: UUID) -> list[Row]:
    """What was paid, oldest first."""
    return await loans.repayments_of_loan.rows(conn, loan_id=loan_id)


async def accounts_of(conn: Connection, loan_ids: Iterable[UUID]) -> list[UUID]:
    """The ledger accounts between which money for these loans moves."""
    rows = await loans.accounts_of_loans.rows(conn, loan_ids=list(loan_ids))
    return [row["account_id"] for row in rows]


async def lock_accounts(conn: Connection, account_ids: list[UUID]) -> None:
    """Lock ledger accounts, before anything is posted."""
    await ledger.lock(conn, account_ids)


def _loan(conn: Connection, row: Row) -> Loan:
    """What happens to a loan continues the trace of its application, unless an event of a payout brings its own."""
    if row["traceparent"]:
        conn.traceparents.setdefault(str(row["application_id"]), row["traceparent"])
    accounts = None
    if row["principal_account_id"] is not None:
        accounts = Accounts(
            row["principal_account_id"], row["cost_account_id"], row["lender_account_id"], row["clearing_account_id"]
        )
    said = {name: value for name, value in row.items() if not name.endswith("_account_id")}
    said |= {"annual_rate_pct": to_fraction(row["annual_rate_pct"]), "accounts": accounts}
    return Loan(**said)
