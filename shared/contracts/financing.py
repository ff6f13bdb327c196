"""Facts of financing: consents (keyed by the person), and an application with the loan that comes of it (keyed by the
application for the whole life of the loan).

Ids and non-personal facts only: the credit profile itself is read over HTTP, under a consent, and logged.
"""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Amount, Currency, Event, Moment, Part, RegionCode, event, topic

CONSENTS = topic("lumbung.consents", owner="financing", keyed_by="person_id")
FINANCING = topic("lumbung.financing", owner="financing", keyed_by="application_id")

SizeClass = Literal["micro", "small", "medium", "large"]
Scheme = Literal["annuity", "flat", "sliding", "murabahah"]
Tenor = Field(ge=1, le=360, description="In months.")


class ConsentFact(Event):
    """Which consent of whom."""

    consent_id: UUID
    person_id: UUID
    shop_id: UUID


@event("financing.consent_given", version=1, topic=CONSENTS, keyed_by="person_id", ordered_by="person_id")
class ConsentGiven(ConsentFact):
    """A person allows eligible lenders to read a shop's credit profile for one purpose, until a day."""

    scopes: tuple[str, ...] = Field(min_length=1)
    purpose: str = Field(pattern="^[a-z_]{2,40}$")
    until: Moment
    given_at: Moment


@event("financing.consent_revoked", version=1, topic=CONSENTS, keyed_by="person_id", ordered_by="person_id")
class ConsentRevoked(ConsentFact):
    """Nobody may read any more; who has read acknowledges within three days (UU 27/2022 art. 40)."""

    acknowledge_by: Moment
    revoked_at: Moment


@event(
    "financing.application_published",
    version=1,
    topic=FINANCING,
    keyed_by="application_id",
    ordered_by="application_id",
)
class ApplicationPublished(Event):
    """A shop asks for finance; every lender in `lenders` is told."""

    application_id: UUID
    shop_id: UUID
    consent_id: UUID
    region_code: RegionCode
    sector: str = Field(pattern="^[a-z0-9-]{2,40}$")
    size_class: SizeClass
    amount_minor: Amount
    currency: Currency
    tenor_months: int = Tenor
    purpose: str = Field(pattern="^[a-z_]{2,40}$")
    lenders: tuple[UUID, ...]
    published_at: Moment


@event(
    "financing.application_closed", version=1, topic=FINANCING, keyed_by="application_id", ordered_by="application_id"
)
class ApplicationClosed(Event):
    """No more offers: withdrawn by the applicant, out of time, consent gone, or declined by all."""

    application_id: UUID
    shop_id: UUID
    reason: Literal["withdrawn", "expired", "consent_ended", "declined", "accepted"]
    closed_at: Moment


@event("financing.offer_made", version=1, topic=FINANCING, keyed_by="application_id", ordered_by="application_id")
class OfferMade(Event):
    """A lender offers a loan to an applicant."""

    application_id: UUID
    offer_id: UUID
    lender_id: UUID
    shop_id: UUID
    scheme: Scheme
    amount_minor: Amount
    currency: Currency
    tenor_months: int = Tenor
    instalment_minor: Amount = Field(description="The highest instalment.")
    total_minor: Amount = Field(description="All that is paid back.")
    valid_until: Moment
    made_at: Moment


@event("financing.offer_accepted", version=1, topic=FINANCING, keyed_by="application_id", ordered_by="application_id")
class OfferAccepted(Event):
    """The applicant took one offer; all others of the application end."""

    application_id: UUID
    offer_id: UUID
    lender_id: UUID
    loan_id: UUID
    shop_id: UUID
    accepted_at: Moment


class LoanFact(Event):
    """Which loan of which lender to which shop."""

    application_id: UUID
    loan_id: UUID
    lender_id: UUID
    shop_id: UUID


@event("financing.loan_disbursed", version=1, topic=FINANCING, keyed_by="application_id", ordered_by="application_id")
class LoanDisbursed(LoanFact):
    """The lender paid the loan out; its schedule runs."""

    amount_minor: Amount
    currency: Currency
    scheme: Scheme
    tenor_months: int = Tenor
    total_minor: Amount
    region_code: RegionCode
    disbursed_at: Moment


@event(
    "financing.repayment_received", version=1, topic=FINANCING, keyed_by="application_id", ordered_by="application_id"
)
class RepaymentReceived(LoanFact):
    """Money counts for the loan. With `instalment_id`: the instalment that orders withheld is accepted."""

    repayment_id: UUID
    instalment_id: UUID | None
    amount_minor: Amount
    principal_minor: Amount
    cost_minor: Amount = Field(description="Interest or margin.")
    outstanding_minor: Amount = Field(description="Principal and cost that are still to be paid.")
    currency: Currency
    received_at: Moment


@event(
    "financing.collectability_changed",
    version=1,
    topic=FINANCING,
    keyed_by="application_id",
    ordered_by="application_id",
)
class CollectabilityChanged(LoanFact):
    """The loan moved on the scale of 1 (current) to 5 (loss) (POJK 40/2019)."""

    before: int = Field(ge=1, le=5)
    after: int = Field(ge=1, le=5)
    days_past_due: int = Field(ge=0)
    changed_at: Moment


class Due(Part):
    """One instalment that is still to be paid."""

    number: int = Field(ge=1)
    due_on: date
    amount_minor: Amount


class MandateFact(LoanFact):
    """Which mandate; a higher version replaces a lower one."""

    mandate_id: UUID
    payee_id: UUID = Field(description="Whose payouts: the shop.")
    version: int = Field(ge=1)


@event(
    "financing.repayment_mandate_set",
    version=1,
    topic=FINANCING,
    keyed_by="application_id",
    ordered_by="application_id",
)
class RepaymentMandateSet(MandateFact):
    """Orders withholds what is due from the payee's payouts, at most this share of each.

    `dues` is the whole plan, paid parts included. To be withheld is what the plan has due by then, less what orders
    withheld itself (and was not refused), less what repayment_received without an instalment_id told of.
    """

    dues: tuple[Due, ...] = Field(min_length=1)
    share_basis_points_max: int = Field(ge=1, le=10_000)
    currency: Currency
    set_at: Moment


@event(
    "financing.repayment_mandate_ended",
    version=1,
    topic=FINANCING,
    keyed_by="application_id",
    ordered_by="application_id",
)
class RepaymentMandateEnded(MandateFact):
    """Nothing more is to be withheld."""

    reason: Literal["repaid", "written_off", "lender_ended"]
    ended_at: Moment


@event(
    "financing.instalment_refused", version=1, topic=FINANCING, keyed_by="application_id", ordered_by="application_id"
)
class InstalmentRefused(LoanFact):
    """This much of a withheld instalment does not count for the loan; orders gives it back to the payee."""

    instalment_id: UUID
    mandate_id: UUID
    payee_id: UUID
    amount_minor: Amount
    currency: Currency
    reason: Literal["repaid", "unknown_loan"]
    refused_at: Moment
