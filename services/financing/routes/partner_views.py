"""What routes of partner delivery share: who may call, and how a subscription looks."""

from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.financing.domain.partner_names import group_prefix, kafka_user, topic_of
from services.financing.routes.callers import CurrentLender
from services.financing.settings import FinancingSettings
from services.financing.store.lenders import Lender
from services.financing.store.partner import Subscription
from services.financing.use_cases.subscribe import Given
from shared.auth import CurrentPerson, require_scope

SCOPE = "lending.events"
POSITION_MAX = 2**62

EventType = Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z0-9_]+\.v[0-9]{1,3}$", max_length=100)]
Transport = Literal["webhook", "kafka", "pull"]


async def _subscriber(principal: CurrentPerson, lender: CurrentLender) -> Lender:
    require_scope(principal, SCOPE)
    return lender


Subscriber: TypeAlias = Annotated[Lender, Depends(_subscriber)]
Position: TypeAlias = Annotated[int, Query(ge=0, le=POSITION_MAX)]


class NewSubscription(BaseModel):
    """A reader of the lender's log. Without `types`: all; without `from_position`: what is told from now on."""

    model_config = ConfigDict(extra="forbid")

    transport: Transport
    url: str | None = Field(default=None, max_length=500, description="Of a webhook: where to POST to.")
    types: list[EventType] = Field(default=[], max_length=50)
    from_position: int | None = Field(
        default=None, ge=0, le=POSITION_MAX, description="Everything beyond this position is delivered; 0: all."
    )


class KafkaAccessView(BaseModel):
    """How to read the lender's topic. The password is not shown again."""

    bootstrap: str
    mechanism: str
    topic: str
    group_prefix: str
    username: str
    password: str


class SecretsView(BaseModel):
    """What must be written down now: it is not shown again."""

    subscription_id: UUID
    transport: Transport
    secret: str | None = Field(description="Of a webhook: the signing secret, `whsec_...`.")
    kafka: KafkaAccessView | None

    @classmethod
    def of(
        cls, subscription_id: UUID, transport: Transport, given: Given, lender: Lender, settings: FinancingSettings
    ) -> "SecretsView":
        """The secrets of a subscription that was just made, or rotated."""
        kafka = None
        if given.kafka_password is not None:
            kafka = KafkaAccessView(
                bootstrap=settings.kafka_bootstrap,
                mechanism="SCRAM-SHA-512",
                topic=topic_of(lender.slug),
                group_prefix=group_prefix(lender.slug),
                username=kafka_user(lender.slug),
                password=given.kafka_password,
            )
        return cls(subscription_id=subscription_id, transport=transport, secret=given.secret, kafka=kafka)


class SubscriptionView(BaseModel):
    """A subscription and how it goes. `missed`: told and not delivered; `lost`: of these, forgotten by now."""

    subscription_id: UUID
    lender_id: UUID
    transport: Transport
    state: Literal["active", "paused", "disabled"]
    state_reason: str | None
    types: list[str]
    url: str | None
    position: int
    head_position: int
    missed: int
    lost: int
    delivered: int
    failed_in_a_row: int
    next_attempt_at: AwareDatetime | None
    last_attempt_at: AwareDatetime | None
    last_success_at: AwareDatetime | None
    last_error: str | None
    topic_state: str | None = Field(description="Of Kafka: `wanted` until topic and user are made, then `ready`.")
    old_secret_until: AwareDatetime | None
    created_at: AwareDatetime

    @classmethod
    def of(cls, found: Subscription) -> "SubscriptionView":
        """How a lender sees one of its own, and an operator everyone's."""
        is_waiting = found.state == "active" and found.failed_in_a_row > 0
        return cls(
            subscription_id=found.subscription_id,
            lender_id=found.lender_id,
            transport=found.transport,
            state=found.state,
            state_reason=found.state_reason,
            types=list(found.types),
            url=found.url,
            position=found.position,
            head_position=found.head,
            missed=found.missed,
            lost=found.lost,
            delivered=found.delivered,
            failed_in_a_row=found.failed_in_a_row,
            next_attempt_at=found.next_attempt_at if is_waiting else None,
            last_attempt_at=found.last_attempt_at,
            last_success_at=found.last_success_at,
            last_error=found.kafka_error or found.last_error,
            topic_state=found.kafka_state,
            old_secret_until=found.old_secret_until,
            created_at=found.created_at,
        )
