"""Pause, resume, rotate, fill in again, test: what a lender's people do with a subscription."""

import os
from datetime import datetime, timedelta
from uuid import UUID

from services.financing.domain import webhooks
from services.financing.domain.lender_events import TEST_TYPE
from services.financing.domain.partner_problems import NoSecretHere
from services.financing.settings import FinancingSettings
from services.financing.store import partner
from services.financing.store.lenders import Lender
from services.financing.use_cases.subscribe import Given, check_position, give_kafka, seal
from services.financing.use_cases.tell_lenders import LENDER_NEWS, LenderFact, tell_now
from shared.db import Connection


async def pause(conn: Connection, lender: Lender, subscription_id: UUID) -> None:
    """Nothing is delivered until it is resumed; nothing is lost. Raises SubscriptionNotFound."""
    await partner.lock_subscription(conn, lender.lender_id, subscription_id)
    await partner.set_state(conn, subscription_id, "paused", "paused by the lender")


async def resume(conn: Connection, lender: Lender, subscription_id: UUID) -> None:
    """Deliver from where it stopped, at once, also after it was disabled. Raises SubscriptionNotFound."""
    await partner.lock_subscription(conn, lender.lender_id, subscription_id)
    await partner.set_state(conn, subscription_id, "active", None)
    conn.wakes.add(LENDER_NEWS)


async def rotate(conn: Connection, lender: Lender, subscription_id: UUID, *, now: datetime) -> Given:
    """A new secret. Of a webhook, the old one signs beside it for a day; a Kafka password is replaced at once.

    Raises SubscriptionNotFound, NoSecretHere, NoPartnerKey.
    """
    settings: FinancingSettings = conn.settings
    transport = await partner.lock_subscription(conn, lender.lender_id, subscription_id)
    if transport == "kafka":
        return await give_kafka(conn, lender, now=now)
    if transport != "webhook":
        raise NoSecretHere
    secret = os.urandom(webhooks.SECRET_BYTES)
    await partner.set_secret(
        conn,
        subscription_id,
        seal(settings, secret, context=str(subscription_id)),
        old_until=now + timedelta(seconds=settings.webhook_overlap_seconds),
    )
    return Given(secret=webhooks.shown(secret))


async def replay(conn: Connection, lender: Lender, subscription_id: UUID, *, from_position: int) -> None:
    """Deliver `from_position` and all after it again, with the same ids. Raises SubscriptionNotFound, BeyondTheLog."""
    await partner.lock_subscription(conn, lender.lender_id, subscription_id)
    await check_position(conn, lender.lender_id, from_position - 1)
    await partner.set_position(conn, subscription_id, from_position - 1)
    conn.wakes.add(LENDER_NEWS)


async def send_test(conn: Connection, lender: Lender, subscription_id: UUID, *, now: datetime) -> int:
    """Tell the lender something without meaning, through its log like everything else; the position.

    All subscriptions of the lender get it. Raises SubscriptionNotFound.
    """
    await partner.subscription(conn, lender.lender_id, subscription_id)
    fact = LenderFact(
        lender.lender_id,
        TEST_TYPE,
        {"subscription_id": subscription_id, "asked_at": now},
        subject={"subscription_id": subscription_id},
    )
    ((_, position),) = await tell_now(conn, [fact])
    return position
