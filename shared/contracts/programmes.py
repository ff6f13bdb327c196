"""Facts of programmes: who was trained and certified, who was helped. Keyed by the person."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Amount, Currency, Event, Moment, RegionCode, event, topic

PROGRAMMES = topic("lumbung.programmes", owner="programmes", keyed_by="person_id")

Scheme = Field(pattern="^[a-z0-9-]{2,40}$", description="What was learnt, e.g. keamanan-pangan.")


@event("programmes.training_completed", version=1, topic=PROGRAMMES, keyed_by="person_id", ordered_by="person_id")
class TrainingCompleted(Event):
    """A person finished a training."""

    person_id: UUID
    training_id: UUID
    enrolment_id: UUID
    scheme: str = Scheme
    region_code: RegionCode
    completed_at: Moment


@event("programmes.certificate_issued", version=1, topic=PROGRAMMES, keyed_by="person_id", ordered_by="person_id")
class CertificateIssued(Event):
    """A person holds a certificate that anyone can verify by its address."""

    person_id: UUID
    certificate_id: UUID
    training_id: UUID
    scheme: str = Scheme
    region_code: RegionCode
    issued_at: Moment
    expires_at: Moment


@event("programmes.certificate_revoked", version=1, topic=PROGRAMMES, keyed_by="person_id", ordered_by="person_id")
class CertificateRevoked(Event):
    """The certificate counts no more."""

    person_id: UUID
    certificate_id: UUID
    scheme: str = Scheme
    revoked_at: Moment


@event("programmes.aid_granted", version=1, topic=PROGRAMMES, keyed_by="person_id", ordered_by="person_id")
class AidGranted(Event):
    """A person, or their shop, got aid of a public programme."""

    person_id: UUID
    aid_id: UUID
    shop_id: UUID | None
    kind: Literal["money", "equipment", "material", "service"]
    amount_minor: Amount = Field(description="Its value.")
    currency: Currency
    region_code: RegionCode
    granted_at: Moment
