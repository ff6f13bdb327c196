"""Consents, who read under them, and who knows that they ended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from services.financing.store.named import lending
from shared.db import Connection
from shared.sql import Row

EndReason = Literal["revoked", "expired", "erased"]


@dataclass(frozen=True, slots=True)
class Consent:
    """What decides whether something may be done under it."""

    consent_id: UUID
    person_id: UUID
    shop_id: UUID
    scopes: frozenset[str]
    purpose: str
    until: datetime
    ended_at: datetime | None

    def is_live(self, at: datetime) -> bool:
        """Whether it holds at that moment."""
        return self.ended_at is None and at < self.until


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """What the law wants to be kept of a consent."""

    consent: Consent
    data_items: Sequence[str]
    legal_basis: str
    text_version: str
    text_sha256: str
    language: str
    channel: str
    evidence: str
    given_at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """A consent that has just ended."""

    consent: Consent
    ended_at: datetime
    acknowledge_by: datetime


async def insert_consent(conn: Connection, record: ConsentRecord) -> None:
    """A new consent."""
    consent = record.consent
    await lending.insert_consent.run(
        conn,
        consent_id=consent.consent_id,
        person_id=consent.person_id,
        shop_id=consent.shop_id,
        scopes=sorted(consent.scopes),
        purpose=consent.purpose,
        data_items=list(record.data_items),
        legal_basis=record.legal_basis,
        text_version=record.text_version,
        text_sha256=record.text_sha256,
        language=record.language,
        channel=record.channel,
        actor_id=consent.person_id,
        evidence=record.evidence,
        given_at=record.given_at,
        until=consent.until,
    )


async def record_of(conn: Connection, consent_id: UUID, *, person_id: UUID) -> Row | None:
    """The record for who gave the consent."""
    return await lending.consent_of_person.row(conn, consent_id=consent_id, person_id=person_id)


async def records_of(conn: Connection, person_id: UUID) -> list[Row]:
    """All of a person's, newest first."""
    return await lending.consents_of_person.rows(conn, person_id=person_id)


async def lock_of_person(conn: Connection, consent_id: UUID, *, person_id: UUID) -> Consent | None:
    """The consent, to be ended by who gave it."""
    row = await lending.lock_consent_of_person.row(conn, consent_id=consent_id, person_id=person_id)
    return None if row is None else _consent(row)


async def lock_of_erased(conn: Connection, person_id: UUID) -> list[Consent]:
    """All live consents of a person, locked."""
    return [_consent(row) for row in await lending.lock_consents_of_erased.rows(conn, person_id=person_id)]


async def lock_over(conn: Connection, *, now: datetime, most: int) -> list[Consent]:
    """Consents whose time is over, locked."""
    return [_consent(row) for row in await lending.lock_consents_over.rows(conn, now=now, most=most)]


async def share(conn: Connection, consent_id: UUID) -> Consent:
    """The consent, which cannot be ended until the transaction is."""
    row = await lending.share_consent.row(conn, consent_id=consent_id)
    assert row is not None, "applications name consents that are there"
    return _consent(row)


async def end(
    conn: Connection, consents: Sequence[Consent], reason: EndReason, *, answer_time: timedelta
) -> list[Ended]:
    """End these, which are locked, and erase every profile that was kept under them, and what was said of it."""
    ids = [consent.consent_id for consent in consents]
    by_id = {consent.consent_id: consent for consent in consents}
    rows = await lending.end_consents.rows(conn, consent_ids=ids, reason=reason, answer_time=answer_time)
    await lending.erase_profiles.run(conn, consent_ids=ids)
    await lending.erase_answers.run(conn, consent_ids=ids, person_ids=[consent.person_id for consent in consents])
    ended = [Ended(by_id[row["consent_id"]], row["ended_at"], row["acknowledge_by"]) for row in rows]
    return sorted(ended, key=lambda each: each.consent.consent_id)


async def recipients_of(conn: Connection, consent_ids: Iterable[UUID]) -> list[tuple[UUID, UUID]]:
    """(consent, lender) of everyone who must know, lenders in the order of their ids."""
    rows = await lending.recipients_of_consents.rows(conn, consent_ids=list(consent_ids))
    return [(row["consent_id"], row["lender_id"]) for row in rows]


async def add_recipients(conn: Connection, consent_id: UUID, lender_ids: Iterable[UUID], *, told_at: datetime) -> None:
    """These lenders are told of the consent."""
    await lending.add_recipients.run(conn, consent_id=consent_id, lender_ids=list(lender_ids), told_at=told_at)


async def recipients(conn: Connection, consent_id: UUID) -> list[Row]:
    """Each recipient with its acknowledgement or its lack."""
    return await lending.recipients_of_consent.rows(conn, consent_id=consent_id)


async def reads(conn: Connection, consent_id: UUID, *, after: int, limit: int) -> list[Row]:
    """The access log, in order."""
    return await lending.reads_of_consent.rows(conn, consent_id=consent_id, after=after, limit=limit)


async def log_read(
    conn: Connection,
    consent_id: UUID,
    *,
    application_id: UUID,
    lender_id: UUID,
    refused: str | None,
    items: Sequence[str],
) -> datetime:
    """Log a question for a profile, with the reason if it is refused; when it was asked."""
    asked_at: datetime = await lending.log_read.value(
        conn,
        consent_id=consent_id,
        application_id=application_id,
        lender_id=lender_id,
        outcome="read" if refused is None else "refused",
        reason=refused,
        items=list(items),
    )
    if refused is None:
        await lending.mark_recipient_read.run(conn, consent_id=consent_id, lender_id=lender_id, read_at=asked_at)
    return asked_at


async def acknowledge(conn: Connection, consent_id: UUID, *, lender_id: UUID, now: datetime) -> Row | None:
    """A lender has stopped; None when the consent has not ended, or the lender never was told of it."""
    return await lending.acknowledge.row(conn, consent_id=consent_id, lender_id=lender_id, acknowledged_at=now)


async def is_recipient(conn: Connection, consent_id: UUID, *, lender_id: UUID) -> bool:
    """Whether the lender was told of the consent."""
    return bool(await lending.is_recipient.value(conn, consent_id=consent_id, lender_id=lender_id))


async def insert_profile(
    conn: Connection, application_id: UUID, consent_id: UUID, profile: dict[str, Any], *, now: datetime
) -> None:
    """Keep what may be read while the consent lives."""
    await lending.insert_profile.run(
        conn, application_id=application_id, consent_id=consent_id, profile=profile, computed_at=now
    )


async def profile(conn: Connection, application_id: UUID) -> dict[str, Any] | None:
    """What is kept to be read; None when it was erased."""
    found: dict[str, Any] | None = await lending.profile.value(conn, application_id=application_id)
    return found


def _consent(row: Row) -> Consent:
    return Consent(
        consent_id=row["consent_id"],
        person_id=row["person_id"],
        shop_id=row["shop_id"],
        scopes=frozenset(row["scopes"]),
        purpose=row["purpose"],
        until=row["until"],
        ended_at=row["ended_at"],
    )
