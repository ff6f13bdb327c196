"""Facts of orders about money that leaves the market: payouts to payees, and instalments kept out of them for lenders.

A payee is a shop, or a member of a joint listing. A payout nets what the payee owes first, then the instalment; both
happen when a second person approves its batch. An instalment once passed on is never taken back by a refund.
"""

from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Amount, Currency, Event, Moment, event, topic

PAYOUTS = topic("lumbung.payouts", owner="orders", keyed_by="payee_id")


class PayoutFact(Event):
    """Which payout to whom, and how much goes to the payee's bank account."""

    payout_id: UUID
    batch_id: UUID
    payee_id: UUID
    amount_minor: Amount = Field(description="What goes to the bank: after debts and instalments.")
    currency: Currency


@event("orders.payout_scheduled", version=1, topic=PAYOUTS, keyed_by="payee_id", ordered_by="payee_id")
class PayoutScheduled(PayoutFact):
    """The payout was approved by a second person and stands in a bank file."""

    balance_minor: Amount = Field(description="What the payee had to get before instalments.")
    instalments_minor: Amount = Field(description="What of it was withheld for lenders.")
    scheduled_at: Moment


@event("orders.payout_paid", version=1, topic=PAYOUTS, keyed_by="payee_id", ordered_by="payee_id")
class PayoutPaid(PayoutFact):
    """The bank says that the money is in the payee's account."""

    paid_at: Moment


@event("orders.payout_returned", version=1, topic=PAYOUTS, keyed_by="payee_id", ordered_by="payee_id")
class PayoutReturned(PayoutFact):
    """The bank sent the money back; the payee has it to get again. Instalments stay withheld."""

    reason: Literal["account_closed", "account_unknown", "name_differs", "other"]
    returned_at: Moment


class InstalmentFact(Event):
    """Which part of a payout was withheld for which loan."""

    instalment_id: UUID
    mandate_id: UUID
    loan_id: UUID
    application_id: UUID
    lender_id: UUID
    payee_id: UUID
    amount_minor: Amount
    currency: Currency


@event("orders.instalment_withheld", version=1, topic=PAYOUTS, keyed_by="payee_id", ordered_by="payee_id")
class InstalmentWithheld(InstalmentFact):
    """Money of a payout is kept for a lender. Financing answers with repayment_received or instalment_refused."""

    payout_id: UUID
    withheld_at: Moment


@event("orders.instalment_passed_on", version=1, topic=PAYOUTS, keyed_by="payee_id", ordered_by="payee_id")
class InstalmentPassedOn(InstalmentFact):
    """The bank says that an accepted instalment is in the lender's account."""

    passed_on_at: Moment
