"""The queries of certificates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.programmes.domain.officer import Officer
from services.programmes.domain.problems import CertificateNotFound, RevokedAlready
from services.programmes.domain.training import Training
from services.programmes.store.named import queries, rights
from shared.db import Connection
from shared.sql import Row


@dataclass(frozen=True, slots=True)
class NewCertificate:
    """A certificate to be written down."""

    certificate_id: UUID
    number: str
    enrolment_id: UUID
    person_id: UUID


async def insert_certificates(
    conn: Connection,
    training: Training,
    certificates: Sequence[NewCertificate],
    *,
    by: UUID,
    issued_at: datetime,
    expires_at: datetime,
) -> None:
    """All of one training, with one statement."""
    await queries.insert_certificates.run(
        conn,
        training_id=training.training_id,
        scheme=training.scheme,
        region_code=training.region_code,
        issued_by=by,
        issued_at=issued_at,
        expires_at=expires_at,
        certificate_ids=[each.certificate_id for each in certificates],
        numbers=[each.number for each in certificates],
        enrolment_ids=[each.enrolment_id for each in certificates],
        person_ids=[each.person_id for each in certificates],
    )


async def certificates_of(conn: Connection, person_id: UUID, *, after: tuple[datetime, UUID], limit: int) -> list[Row]:
    """A person's own."""
    return await queries.certificates_of_person.rows(
        conn, person_id=person_id, after_at=after[0], after_id=after[1], limit=limit
    )


async def certificate_for(conn: Connection, certificate_id: UUID, *, person_id: UUID, officer: Officer) -> Row:
    """All that its paper shows, for its holder and its region's officers. Raises CertificateNotFound."""
    row = await queries.certificate_for.row(conn, certificate_id=certificate_id, person_id=person_id, **rights(officer))
    if row is None:
        raise CertificateNotFound
    return row


async def by_number(conn: Connection, number: str) -> Row:
    """For whoever holds the paper. Raises CertificateNotFound."""
    row = await queries.certificate_by_number.row(conn, number=number)
    if row is None:
        raise CertificateNotFound
    return row


async def revoke(
    conn: Connection, certificate_id: UUID, officer: Officer, *, by: UUID, reason: str, now: datetime
) -> tuple[UUID, str]:
    """Whose it was, and its scheme. Raises CertificateNotFound, RevokedAlready."""
    row = await queries.revoke_certificate.row(
        conn, certificate_id=certificate_id, now=now, revoked_by=by, reason=reason, **rights(officer)
    )
    if row is not None:
        return row["person_id"], row["scheme"]
    known = await queries.certificate_state_for.row(conn, certificate_id=certificate_id, **rights(officer))
    raise CertificateNotFound if known is None else RevokedAlready
