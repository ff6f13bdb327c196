"""Subscribe a lender's system to the lender's log."""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.financing.domain import sealing, targets, webhooks
from services.financing.domain.partner_names import kafka_user
from services.financing.domain.partner_problems import BeyondTheLog, NoPartnerKey, TooManySubscriptions
from services.financing.settings import FinancingSettings
from services.financing.store import partner
from services.financing.store.lenders import Lender
from shared.db import Connection

SUBSCRIPTIONS_MAX = 20
PASSWORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class Subscribe:
    """What is asked for. `from_position`: deliver all beyond it; None: what is told from now on."""

    subscription_id: UUID
    transport: str
    url: str | None = None
    types: Sequence[str] = ()
    from_position: int | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What the lender's people must write down: it is told this once."""

    secret: str | None = field(default=None, repr=False)
    kafka_username: str | None = None
    kafka_password: str | None = field(default=None, repr=False)


async def subscribe(conn: Connection, lender: Lender, wish: Subscribe, *, now: datetime) -> Given:
    """A new subscription of the lender, and the secrets that belong to it.

    Raises BadTarget, BeyondTheLog, NoPartnerKey, OneTopic, TooManySubscriptions.
    """
    settings: FinancingSettings = conn.settings
    await partner.lock_lender(conn, lender.lender_id)
    if await partner.count_subscriptions(conn, lender.lender_id) >= SUBSCRIPTIONS_MAX:
        raise TooManySubscriptions(f"at most {SUBSCRIPTIONS_MAX}")
    if wish.from_position is not None:
        await check_position(conn, lender.lender_id, wish.from_position)
    given, sealed = Given(), None
    if wish.transport == "webhook":
        targets.parse(wish.url or "", is_local_allowed=settings.webhook_local_allowed)
        secret = os.urandom(webhooks.SECRET_BYTES)
        sealed = seal(settings, secret, context=str(wish.subscription_id))
        given = Given(secret=webhooks.shown(secret))
    await partner.insert_subscription(
        conn,
        wish.subscription_id,
        lender.lender_id,
        transport=wish.transport,
        types=wish.types,
        url=wish.url if wish.transport == "webhook" else None,
        secret=sealed,
        position=wish.from_position,
        now=now,
    )
    if wish.transport == "kafka":
        given = await give_kafka(conn, lender, now=now)
    return given


async def give_kafka(conn: Connection, lender: Lender, *, now: datetime) -> Given:
    """A new password for the lender's Kafka user; the provisioning task brings it to Kafka. Raises NoPartnerKey."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    sealed = seal(conn.settings, password.encode(), context=f"kafka:{lender.slug}")
    await partner.want_kafka(conn, lender.lender_id, lender.slug, sealed, now=now)
    return Given(kafka_username=kafka_user(lender.slug), kafka_password=password)


def seal(settings: FinancingSettings, plain: bytes, *, context: str) -> bytes:
    """What may lie in the database. Raises NoPartnerKey."""
    text = settings.partner_key.get_secret_value()
    if not text:
        raise NoPartnerKey
    return sealing.seal(sealing.key_of(text), plain, context=context, nonce=os.urandom(sealing.NONCE_BYTES))


async def check_position(conn: Connection, lender_id: UUID, position: int) -> None:
    """Whether all beyond a position can be delivered. Raises BeyondTheLog."""
    bounds = await partner.bounds(conn, lender_id)
    if not bounds.first_kept - 1 <= position <= bounds.head:
        raise BeyondTheLog(
            f"the log has positions {bounds.first_kept} to {bounds.head}",
            first_position=bounds.first_kept,
            head_position=bounds.head,
        )
