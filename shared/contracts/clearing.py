"""Facts of orders about what cooperatives owe the market for orders paid from savings. Keyed by cooperative."""

from uuid import UUID

from shared.contracts.base import Amount, Currency, Event, Moment, event, topic

CLEARING = topic("lumbung.clearing", owner="orders", keyed_by="cooperative_id")


@event("orders.savings_claim_paid", version=1, topic=CLEARING, keyed_by="cooperative_id", ordered_by="cooperative_id")
class SavingsClaimPaid(Event):
    """The cooperative's money for orders paid from savings is in the market's bank account; so much less is owed."""

    payment_id: UUID
    cooperative_id: UUID
    amount_minor: Amount
    currency: Currency
    paid_at: Moment
