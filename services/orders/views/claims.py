"""What cooperatives owe for orders paid from savings, over HTTP."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.orders.views.asked import Asked
from shared.money import AMOUNT_MINOR_MAX, CURRENCY
from shared.sql import Row


class NewClaimPayment(Asked):
    """A transfer of a cooperative that stands in the market's bank account; `reference` as the bank prints it."""

    amount_minor: int = Field(ge=1, le=AMOUNT_MINOR_MAX)
    reference: Annotated[
        str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./_-]{2,59}$")
    ] = Field(examples=["TRF-20261125-0001"])


class ClaimView(BaseModel):
    """What a cooperative owes the market now, in rupiah (below zero the market owes it), and what it has paid."""

    cooperative_id: UUID
    owed_minor: int
    paid_minor: int
    last_paid_at: datetime | None
    currency: str

    @classmethod
    def of(cls, row: Row) -> Self:
        """The claim of a row."""
        return cls(**row, currency=CURRENCY)


class ClaimPaymentView(BaseModel):
    """The payment is booked; what is left of the claim."""

    payment_id: UUID
    claim: ClaimView


class ClaimList(BaseModel):
    """Claims by cooperative."""

    items: list[ClaimView]
    next_cursor: str | None
