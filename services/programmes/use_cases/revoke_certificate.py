"""Say that a certificate counts no more."""

from datetime import datetime
from uuid import UUID

from services.programmes.domain.officer import Officer
from services.programmes.store import certificates
from shared import outbox
from shared.contracts.programmes import CertificateRevoked
from shared.db import Connection


async def revoke_certificate(
    conn: Connection, *, certificate_id: UUID, officer: Officer, by: UUID, reason: str, now: datetime
) -> None:
    """Once, by an officer of its region. Raises CertificateNotFound, RevokedAlready."""
    person_id, scheme = await certificates.revoke(conn, certificate_id, officer, by=by, reason=reason, now=now)
    outbox.append(
        conn, CertificateRevoked(person_id=person_id, certificate_id=certificate_id, scheme=scheme, revoked_at=now)
    )
