"""The logs of lenders and the subscriptions that read them."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from services.financing.domain.lender_events import LenderEvent
from services.financing.domain.partner_problems import OneTopic, SubscriptionNotFound, TopicStays
from shared import sql
from shared.db import Connection
from shared.sql import Row

queries = sql.load(str(Path(__file__).parent), "partner.sql")


@dataclass(frozen=True, slots=True)
class Telling:
    """What is to be written into a lender's log."""

    lender_id: UUID
    event_id: UUID
    type: str
    subject: str
    occurred_at: datetime
    consent_id: UUID | None
    traceparent: str | None
    data: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a log reaches, and the first position that is still kept."""

    head: int
    first_kept: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """One reader of a log and how it goes."""

    subscription_id: UUID
    lender_id: UUID
    transport: str
    state: str
    state_reason: str | None
    types: tuple[str, ...]
    url: str | None
    position: int
    delivered: int
    failed_in_a_row: int
    next_attempt_at: datetime
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    last_error: str | None
    created_at: datetime
    old_secret_until: datetime | None
    head: int
    first_kept: int
    kafka_state: str | None
    slug: str | None
    kafka_error: str | None

    @property
    def missed(self) -> int:
        """How many positions were told and not delivered."""
        return self.head - self.position

    @property
    def lost(self) -> int:
        """How many of those are forgotten already and will never be delivered."""
        return max(0, self.first_kept - 1 - self.position)


async def share_live_consents(conn: Connection, consent_ids: Iterable[UUID]) -> set[UUID]:
    """Which of the consents are live, held until the commit."""
    rows = await queries.share_live_consents.rows(conn, consent_ids=sorted(consent_ids))
    return {row["consent_id"] for row in rows}


async def write_log(conn: Connection, tellings: Sequence[Telling]) -> list[tuple[UUID, int]]:
    """Write, in this order per lender; lender and position of each."""
    columns = list(zip(*(astuple(telling) for telling in tellings), strict=True))
    names = ("lender_ids", "event_ids", "types", "subjects", "occurred_ats", "consent_ids", "traceparents", "data")
    rows = await queries.write_lender_log.rows(conn, **dict(zip(names, map(list, columns), strict=True)))
    return [(row["lender_id"], row["position"]) for row in rows]


async def read_log(
    conn: Connection, lender_id: UUID, *, after: int, upto: int, types: Sequence[str], most: int
) -> list[LenderEvent]:
    """What lies beyond a position, of these types (of all when there are none)."""
    rows = await queries.read_log.rows(conn, lender_id=lender_id, after=after, upto=upto, types=list(types), most=most)
    return [event_of(row) for row in rows]


async def bounds(conn: Connection, lender_id: UUID) -> Bounds:
    """Of a lender's log, also of one to which nothing was ever told."""
    row = await queries.log_bounds.row(conn, lender_id=lender_id)
    return Bounds(0, 1) if row is None else Bounds(row["head"], row["first_kept"])


async def heads_of(conn: Connection, lender_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How far the logs of these lenders reach."""
    rows = await queries.heads_of.rows(conn, lender_ids=list(lender_ids))
    return {row["lender_id"]: row["head"] for row in rows}


async def insert_subscription(
    conn: Connection,
    subscription_id: UUID,
    lender_id: UUID,
    *,
    transport: str,
    types: Sequence[str],
    url: str | None,
    secret: bytes | None,
    position: int | None,
    now: datetime,
) -> None:
    """A new one; without a position it begins with what is told from now on. Raises OneTopic."""
    try:
        await queries.insert_subscription.run(
            conn,
            subscription_id=subscription_id,
            lender_id=lender_id,
            transport=transport,
            types=list(types),
            url=url,
            secret=secret,
            position=position,
            created_at=now,
        )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "subscriptions_one_kafka":
            raise OneTopic from error
        raise


async def lock_lender(conn: Connection, lender_id: UUID) -> None:
    """Requests of one lender take turns from here on."""
    await queries.lock_lender.run(conn, lender_id=lender_id)


async def count_subscriptions(conn: Connection, lender_id: UUID) -> int:
    """How many a lender has."""
    return int(await queries.count_subscriptions.value(conn, lender_id=lender_id))


async def subscriptions(
    conn: Connection, lender_id: UUID | None, *, after: UUID | None = None, most: int = 100
) -> list[Subscription]:
    """A lender's own; with None those of all lenders, for operators."""
    rows = await queries.subscriptions_of.rows(conn, lender_id=lender_id, subscription_id=None, after=after, most=most)
    return [_subscription(row) for row in rows]


async def subscription(conn: Connection, lender_id: UUID, subscription_id: UUID) -> Subscription:
    """One of the lender's own. Raises SubscriptionNotFound."""
    row = await queries.subscriptions_of.row(
        conn, lender_id=lender_id, subscription_id=subscription_id, after=None, most=1
    )
    if row is None:
        raise SubscriptionNotFound
    return _subscription(row)


async def lock_subscription(conn: Connection, lender_id: UUID, subscription_id: UUID) -> str:
    """Lock one of the lender's own; its transport. Raises SubscriptionNotFound."""
    row = await queries.lock_subscription.row(conn, lender_id=lender_id, subscription_id=subscription_id)
    if row is None:
        raise SubscriptionNotFound
    return str(row["transport"])


async def delete_subscription(conn: Connection, lender_id: UUID, subscription_id: UUID) -> None:
    """One of the lender's own. Raises SubscriptionNotFound, TopicStays."""
    if await lock_subscription(conn, lender_id, subscription_id) == "kafka":
        raise TopicStays
    await queries.delete_subscription.run(conn, subscription_id=subscription_id, lender_id=lender_id)


async def set_state(conn: Connection, subscription_id: UUID, state: str, reason: str | None) -> None:
    """Pause, resume."""
    await queries.set_subscription_state.run(conn, subscription_id=subscription_id, state=state, reason=reason)


async def set_secret(conn: Connection, subscription_id: UUID, secret: bytes, *, old_until: datetime) -> None:
    """A new signing secret, sealed; the old one signs beside it until then."""
    await queries.set_secret.run(conn, subscription_id=subscription_id, secret=secret, old_until=old_until)


async def set_position(conn: Connection, subscription_id: UUID, position: int) -> None:
    """All beyond it is delivered again."""
    await queries.set_position.run(conn, subscription_id=subscription_id, position=position)


async def confirm_pulled(conn: Connection, lender_id: UUID, position: int) -> None:
    """All up to it has arrived by the pull feed."""
    await queries.confirm_pulled.run(conn, lender_id=lender_id, position=position)


async def has_kafka(conn: Connection, lender_id: UUID) -> bool:
    """Whether the lender has a Kafka user."""
    return bool(await queries.has_kafka.value(conn, lender_id=lender_id))


async def want_kafka(conn: Connection, lender_id: UUID, slug: str, sealed_password: bytes, *, now: datetime) -> None:
    """Ask the provisioning task for a topic with its user, or for a new password."""
    await queries.want_kafka.run(conn, lender_id=lender_id, slug=slug, sealed_password=sealed_password, wanted_at=now)


def event_of(row: Row) -> LenderEvent:
    """The entry of the log that a row holds among other columns."""
    return LenderEvent(**{field.name: row[field.name] for field in fields(LenderEvent)})


def _subscription(row: Row) -> Subscription:
    values = dict(row)
    return Subscription(**values | {"types": tuple(values["types"])})
