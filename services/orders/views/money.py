"""What orders answers and is asked about a payee's money: statement, figures, what it declares for tax."""

from datetime import date, datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from services.orders.domain.settlement import Declared
from services.orders.domain.taxes import Taxpayer
from services.orders.views.asked import Asked
from shared.sql import Row


class Made(BaseModel):
    """How a settled parcel's amount is made up: goods and shipping, less commission, tax and cash that the shop has."""

    goods_minor: int
    shipping_minor: int
    commission_minor: int
    tax_minor: int
    cash_kept_minor: int


class StatementLine(BaseModel):
    """One entry. `amount_minor` above zero: the payee gets more. `event_id`: the fact that told of it, once it has."""

    version: int
    kind: str
    amount_minor: int
    balance_minor: int
    booked_at: datetime
    event_at: datetime
    transfer_id: UUID
    event_id: UUID | None
    order_id: UUID | None
    parcel_id: UUID | None
    refund_id: UUID | None
    payout_id: UUID | None
    reason: str | None
    made_of: Made | None

    @classmethod
    def of(cls, row: Row) -> Self:
        """The line of a row."""
        reference: dict[str, Any] = row["reference"]
        ids = {name: reference.get(name) for name in ("order_id", "parcel_id", "refund_id", "payout_id")}
        has_parts = row["goods_minor"] is not None
        return cls(
            version=row["account_version"],
            kind=row["kind"],
            amount_minor=row["amount_minor"],
            balance_minor=row["balance_minor"],
            booked_at=row["booked_at"],
            event_at=row["event_at"],
            transfer_id=row["transfer_id"],
            event_id=row["event_id"],
            **ids,
            reason=row["refund_reason"],
            made_of=Made(**{name: row[name] for name in Made.model_fields}) if has_parts else None,
        )


class StatementView(BaseModel):
    """A period of a payee's account: opening balance, lines, closing balance. Below zero: the payee owes."""

    payee_id: UUID
    currency: str
    from_date: date
    to_date: date
    opening_minor: int
    closing_minor: int
    items: list[StatementLine]
    next_cursor: str | None


class OpenParcel(BaseModel):
    """A parcel that is not completed yet, and what the buyer pays for it."""

    parcel_id: UUID
    order_id: UUID
    status: str
    cost_minor: int


class DashboardView(BaseModel):
    """A shop's figures at one moment. `next_payout_minor`: what a payout made now would begin with.

    `open`, when asked for, are the parcels of `open_parcels` and `open_minor`, of the same moment; the oldest 1,000.
    """

    shop_id: UUID
    as_of: datetime
    currency: str
    orders: dict[str, int]
    parcels: dict[str, int]
    open_parcels: int
    open_minor: int
    turnover_minor: int
    commission_minor: int
    tax_minor: int
    unsettled_minor: int
    balance_minor: int
    next_payout_minor: int
    open: list[OpenParcel] | None


class BookLine(BaseModel):
    """A kind of account; its balance is in one of the two columns."""

    account: str
    kind: str
    currency: str
    debit_minor: int
    credit_minor: int


class BooksView(BaseModel):
    """The market's trial balance at one moment: both columns have one sum."""

    items: list[BookLine]
    debit_minor: int
    credit_minor: int


class Taxpaying(Asked):
    """What a payee declares: it is withheld from an individual who declared nothing, never below the small turnover."""

    kind: Literal["individual", "entity"]
    has_declared_small_turnover: bool = Field(
        default=False, strict=True, description="Turnover of this year within the limit; for individuals, for a year."
    )
    has_exemption_letter: bool = Field(default=False, strict=True, description="An SKB was shown.")

    @model_validator(mode="after")
    def _small_individuals_only(self) -> Self:
        if self.kind == "entity" and self.has_declared_small_turnover:
            raise ValueError("the small turnover is for individuals")
        return self

    def as_declared(self, year: int) -> Declared:
        """As it counts for settlements of that year."""
        return Declared(
            Taxpayer(self.kind),
            has_declared_small_turnover=self.has_declared_small_turnover,
            has_exemption_letter=self.has_exemption_letter,
            year=year,
        )


class TaxpayingView(BaseModel):
    """What counts from now on."""

    payee_id: UUID
    kind: str
    has_declared_small_turnover: bool
    has_exemption_letter: bool
    declared_at: datetime
