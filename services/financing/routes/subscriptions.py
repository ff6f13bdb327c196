"""Subscriptions of a lender's system: made, watched, paused, rotated, filled in again, tested.

They carry no Idempotency-Key: an answer with secrets must not be kept, and one subscription too many harms nobody.
"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from services.financing.domain.partner_problems import (
    BeyondTheLog,
    NoPartnerKey,
    NoSecretHere,
    OneTopic,
    SubscriptionNotFound,
    TooManySubscriptions,
    TopicStays,
)
from services.financing.domain.targets import BadTarget
from services.financing.routes.answers import Settings, json_answer
from services.financing.routes.partner_views import (
    POSITION_MAX,
    NewSubscription,
    SecretsView,
    Subscriber,
    SubscriptionView,
)
from services.financing.store import partner
from services.financing.store.lenders import Lender
from services.financing.use_cases import change_subscription
from services.financing.use_cases.subscribe import Subscribe, subscribe
from shared import paging
from shared.auth import CurrentPerson, require_role
from shared.clock import utc_now
from shared.http import Db
from shared.ids import new_id
from shared.paging import Cursor, Limit
from shared.problems import Forbidden, Malformed, Unauthenticated, documented

router = APIRouter(prefix="/v1", tags=["subscriptions"], responses=documented(Unauthenticated, Forbidden))

PRIVATE = {"Cache-Control": "no-store"}


class Subscriptions(BaseModel):
    """A page of subscriptions."""

    items: list[SubscriptionView]
    next_cursor: str | None


class Replay(BaseModel):
    """From where to deliver again."""

    model_config = ConfigDict(extra="forbid")

    from_position: int = Field(ge=1, le=POSITION_MAX)


class TestSent(BaseModel):
    """Where the test event is in the lender's log."""

    position: int


def _private(view: BaseModel, status: int = 200) -> Response:
    answer = json_answer(view.model_dump(mode="json"), status)
    answer.headers.update(PRIVATE)
    return answer


@router.post(
    "/subscriptions",
    status_code=201,
    response_model=SecretsView,
    responses=documented(BadTarget, BeyondTheLog, NoPartnerKey, OneTopic, TooManySubscriptions),
)
async def create_subscription(body: NewSubscription, lender: Subscriber, db: Db, settings: Settings) -> Response:
    """Subscribe the lender's system to its log. The secrets are told this once."""
    if (body.url is not None) != (body.transport == "webhook"):
        raise Malformed("a webhook has a url, and nothing else has")
    wish = Subscribe(new_id(), body.transport, body.url, tuple(sorted(set(body.types))), body.from_position)
    async with db.transaction() as conn:
        given = await subscribe(conn, lender, wish, now=utc_now())
    return _private(SecretsView.of(wish.subscription_id, body.transport, given, lender, settings), 201)


@router.get("/subscriptions", response_model=Subscriptions)
async def list_subscriptions(lender: Subscriber, db: Db, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """The lender's own, in the order in which they were made."""
    return await _page(db, lender.lender_id, limit, cursor)


@router.get("/lender-subscriptions", response_model=Subscriptions)
async def list_all_subscriptions(person: CurrentPerson, db: Db, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """Those of all lenders, and how they go (operator)."""
    require_role(person, "operator")
    return await _page(db, None, limit, cursor)


async def _page(db: Db, lender_id: UUID | None, limit: int, cursor: str | None) -> Response:
    try:
        after = UUID(str(paging.decode(cursor, size=1)[0])) if cursor else None
    except ValueError as error:
        raise Malformed("the cursor is not one of this list") from error
    async with db.reading() as conn:
        found = await partner.subscriptions(conn, lender_id, after=after, most=limit + 1)
    items = [SubscriptionView.of(one).model_dump(mode="json") for one in found[:limit]]
    more = paging.encode(found[limit - 1].subscription_id) if len(found) > limit else None
    return json_answer({"items": items, "next_cursor": more})


@router.get(
    "/subscriptions/{subscription_id}/health",
    response_model=SubscriptionView,
    responses=documented(SubscriptionNotFound),
)
async def show_health(subscription_id: UUID, lender: Subscriber, db: Db) -> Response:
    """How far it is, what it missed, and what went wrong last."""
    return await _shown(db, lender, subscription_id)


async def _shown(db: Db, lender: Lender, subscription_id: UUID) -> Response:
    async with db.reading() as conn:
        found = await partner.subscription(conn, lender.lender_id, subscription_id)
    return json_answer(SubscriptionView.of(found).model_dump(mode="json"))


@router.delete(
    "/subscriptions/{subscription_id}", status_code=204, responses=documented(SubscriptionNotFound, TopicStays)
)
async def delete_subscription(subscription_id: UUID, lender: Subscriber, db: Db) -> None:
    """End it."""
    async with db.transaction() as conn:
        await partner.delete_subscription(conn, lender.lender_id, subscription_id)


@router.post(
    "/subscriptions/{subscription_id}/pause",
    response_model=SubscriptionView,
    responses=documented(SubscriptionNotFound),
)
async def pause_subscription(subscription_id: UUID, lender: Subscriber, db: Db) -> Response:
    """Deliver nothing until it is resumed. Nothing is lost."""
    async with db.transaction() as conn:
        await change_subscription.pause(conn, lender, subscription_id)
    return await _shown(db, lender, subscription_id)


@router.post(
    "/subscriptions/{subscription_id}/resume",
    response_model=SubscriptionView,
    responses=documented(SubscriptionNotFound),
)
async def resume_subscription(subscription_id: UUID, lender: Subscriber, db: Db) -> Response:
    """Deliver from where it stopped, at once: after a pause, a failure, or when it was disabled."""
    async with db.transaction() as conn:
        await change_subscription.resume(conn, lender, subscription_id)
    return await _shown(db, lender, subscription_id)


@router.post(
    "/subscriptions/{subscription_id}/rotate",
    response_model=SecretsView,
    responses=documented(SubscriptionNotFound, NoSecretHere, NoPartnerKey),
)
async def rotate_secret(subscription_id: UUID, lender: Subscriber, db: Db, settings: Settings) -> Response:
    """A new secret, told this once. A webhook's old one signs beside it for a while; a Kafka password is replaced."""
    async with db.transaction() as conn:
        given = await change_subscription.rotate(conn, lender, subscription_id, now=utc_now())
    transport: Any = "webhook" if given.secret else "kafka"
    return _private(SecretsView.of(subscription_id, transport, given, lender, settings))


@router.post(
    "/subscriptions/{subscription_id}/replay",
    response_model=SubscriptionView,
    responses=documented(SubscriptionNotFound, BeyondTheLog),
)
async def replay_subscription(subscription_id: UUID, body: Replay, lender: Subscriber, db: Db) -> Response:
    """Deliver `from_position` and everything after it again, with the same ids."""
    async with db.transaction() as conn:
        await change_subscription.replay(conn, lender, subscription_id, from_position=body.from_position)
    return await _shown(db, lender, subscription_id)


@router.post(
    "/subscriptions/{subscription_id}/test",
    status_code=202,
    response_model=TestSent,
    responses=documented(SubscriptionNotFound),
)
async def test_subscription(subscription_id: UUID, lender: Subscriber, db: Db) -> Response:
    """Send a test event through the log, like any other: all of the lender's subscriptions get it."""
    async with db.transaction() as conn:
        position = await change_subscription.send_test(conn, lender, subscription_id, now=utc_now())
    return json_answer({"position": position}, 202)
