"""Give a consent: eligible lenders may read so much of a shop, for one purpose, until a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.financing.domain.consent_text import LEGAL_BASIS, UnknownWords, Words, items_of
from services.financing.domain.problems import ConsentTooLong, ShopNotFound, UnknownConsentWords
from services.financing.store import consents, shops
from services.financing.store.consents import Consent, ConsentRecord
from services.financing.store.rules import consent_texts
from shared import outbox
from shared.contracts.financing import ConsentGiven
from shared.db import Connection


@dataclass(frozen=True, slots=True)
class GiveConsent:
    """Who allows what. `text_version` None: the one that is shown now."""

    consent_id: UUID
    person_id: UUID
    shop_id: UUID
    scopes: frozenset[str]
    purpose: str
    until: datetime
    text_version: str | None
    language: str
    channel: str


async def give_consent(
    conn: Connection, command: GiveConsent, *, days_max: int, trace: str, now: datetime
) -> ConsentRecord:
    """The record that is kept. Raises ShopNotFound, ConsentTooLong, UnknownConsentWords.

    `trace` names the request in which the person said yes: the evidence, beside the hash of the words.
    """
    if not await shops.share_owned(conn, command.shop_id, command.person_id):
        raise ShopNotFound
    if not now < command.until <= now + timedelta(days=days_max):
        raise ConsentTooLong(f"at most {days_max} days from now")
    words = words_of(command)
    consent = Consent(
        consent_id=command.consent_id,
        person_id=command.person_id,
        shop_id=command.shop_id,
        scopes=command.scopes,
        purpose=command.purpose,
        until=command.until,
        ended_at=None,
    )
    record = ConsentRecord(
        consent=consent,
        data_items=items_of(command.scopes),
        legal_basis=LEGAL_BASIS,
        text_version=words.version,
        text_sha256=words.sha256,
        language=words.language,
        channel=command.channel,
        evidence=f"request of trace {trace}, signed in as the shop's owner",
        given_at=now,
    )
    await consents.insert_consent(conn, record)
    outbox.append(
        conn,
        ConsentGiven(
            consent_id=consent.consent_id,
            person_id=consent.person_id,
            shop_id=consent.shop_id,
            scopes=tuple(sorted(consent.scopes)),
            purpose=consent.purpose,
            until=consent.until,
            given_at=now,
        ),
    )
    return record


def words_of(command: GiveConsent) -> Words:
    """The text as the person sees it. Raises UnknownConsentWords."""
    texts = consent_texts()
    try:
        return texts.words(
            command.text_version or texts.current,
            command.language,
            scopes=command.scopes,
            purpose=command.purpose,
            until=command.until,
        )
    except (UnknownWords, OverflowError) as error:  # a year that no calendar reaches in UTC
        raise UnknownConsentWords(str(error)) from error
