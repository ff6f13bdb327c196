"""Bank accounts and payouts over HTTP. Account numbers are shown by their last digits only, to their owner too."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.orders.domain.payouts import Holder
from services.orders.store.bank_accounts import BankAccount
from services.orders.store.payouts import BatchRows
from services.orders.use_cases.record_bank_answer import Recorded
from services.orders.views.asked import Asked
from shared.money import CURRENCY
from shared.sql import Row

SHOWN_DIGITS = 3


class NewBankAccount(Asked):
    """Where money shall go."""

    bank_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{3}$")] = Field(
        description="Three digits of Bank Indonesia.", examples=["002"]
    )
    account_number: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{5,20}$")]
    holder_name: Annotated[
        str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z][A-Za-z0-9 .,'/()&-]{1,69}$")
    ] = Field(description="As the bank knows it: letters of the bank's alphabet.", examples=["SITI AMINAH"])

    def as_account(self, holder_id: UUID, kind: Holder) -> BankAccount:
        """As it is stored."""
        return BankAccount(holder_id, kind, self.bank_code, self.account_number, self.holder_name)


class BankAccountChange(BaseModel):
    """That the account was changed."""

    what: str
    changed_by: UUID | None
    changed_at: datetime
    held_until: datetime | None


class BankAccountView(BaseModel):
    """Where money goes, and who changed that."""

    bank_code: str
    account_number: str
    holder_name: str
    set_at: datetime
    held_until: datetime
    changes: list[BankAccountChange]

    @classmethod
    def of(cls, row: Row, changes: list[Row]) -> Self:
        """As its owner sees it."""
        number: str = row["account_number"]
        return cls(
            bank_code=row["bank_code"],
            account_number="*" * (len(number) - SHOWN_DIGITS) + number[-SHOWN_DIGITS:],
            holder_name=row["holder_name"],
            set_at=row["set_at"],
            held_until=row["held_until"],
            changes=[BankAccountChange(**change) for change in changes],
        )


class NewBatch(Asked):
    """Up to which day payees are paid what came in."""

    up_to_date: date = Field(description="In western Indonesian time; not after today.")


class InstalmentView(BaseModel):
    """What of a payout was kept for a loan, and how far it is answered and passed on."""

    instalment_id: UUID
    mandate_id: UUID
    loan_id: UUID
    lender_id: UUID
    amount_minor: int
    accepted_minor: int
    refused_minor: int
    withheld_at: datetime
    passed_on_at: datetime | None


class PayoutView(BaseModel):
    """One payee in one batch."""

    payout_id: UUID
    batch_id: UUID
    payee_id: UUID
    status: str
    draft_minor: int
    balance_minor: int
    instalments_minor: int
    amount_minor: int
    currency: str
    left_out_reason: str | None
    returned_reason: str | None
    scheduled_at: datetime | None
    settled_at: datetime | None
    instalments: list[InstalmentView]

    @classmethod
    def of(cls, row: Row, instalments: list[Row]) -> Self:
        """With what was kept of it."""
        said = {name: row[name] for name in cls.model_fields if name not in ("currency", "instalments")}
        return cls(**said, currency=CURRENCY, instalments=[_instalment(one) for one in instalments])


def _instalment(row: Row) -> InstalmentView:
    return InstalmentView(**{name: row[name] for name in InstalmentView.model_fields})


class RemittanceView(BaseModel):
    """Instalments of one lender in one batch."""

    remittance_id: UUID
    lender_id: UUID
    amount_minor: int
    currency: str
    status: str
    returned_reason: str | None
    scheduled_at: datetime
    settled_at: datetime | None


class WaitingRemittance(BaseModel):
    """What a lender has to get and no batch holds yet."""

    lender_id: UUID
    amount_minor: int
    currency: str
    has_bank_account: bool


class AnswerView(BaseModel):
    """An answer of the bank as it was taken."""

    answer_id: UUID
    sha256: str
    received_by: UUID | None
    received_at: datetime
    verdict: str
    detail: str


class BatchInList(BaseModel):
    """A batch. `created_by` is null when the clock drafted it."""

    batch_id: UUID
    status: str
    up_to_date: date
    created_by: UUID | None
    created_at: datetime
    approved_by: UUID | None
    approved_at: datetime | None
    cancelled_by: UUID | None
    cancelled_at: datetime | None
    submitted_at: datetime | None
    closed_at: datetime | None
    file_lines: int | None
    file_total_minor: int | None
    file_sha256: str | None
    currency: str
    trouble: str | None

    @classmethod
    def of(cls, row: Row) -> Self:
        """As officers see it in a list."""
        said = {name: row[name] for name in BatchInList.model_fields if name != "currency"}
        return cls(**said, currency=CURRENCY)


class BatchList(BaseModel):
    """Batches, the newest first."""

    items: list[BatchInList]
    next_cursor: str | None


class BatchView(BaseModel):
    """A batch with its lines, those left out included, and what the bank said."""

    batch: BatchInList
    payouts: list[PayoutView]
    remittances: list[RemittanceView]
    waiting_remittances: list[WaitingRemittance]
    answers: list[AnswerView]

    @classmethod
    def of(cls, rows: BatchRows, waiting: list[Row]) -> Self:
        """As officers see it."""
        return cls(
            batch=BatchInList.of(rows.batch),
            payouts=[PayoutView.of(row, rows.instalments.get(row["payout_id"], [])) for row in rows.payouts],
            remittances=[RemittanceView(**row, currency=CURRENCY) for row in rows.remittances],
            waiting_remittances=[WaitingRemittance(**row, currency=CURRENCY) for row in waiting],
            answers=[AnswerView(**row) for row in rows.answers],
        )


class PayoutList(BaseModel):
    """Payouts of a payee, the newest first."""

    items: list[PayoutView]
    next_cursor: str | None


class RecordedAnswer(BaseModel):
    """What was made of an answer."""

    verdict: str
    paid: int
    returned: int

    @classmethod
    def of(cls, recorded: Recorded) -> Self:
        """As it was recorded."""
        return cls(verdict=recorded.verdict.value, paid=recorded.paid, returned=recorded.returned)
