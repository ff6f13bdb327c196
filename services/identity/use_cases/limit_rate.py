"""Count what could be guessing or flooding, per contact and per network address.

An attempt is counted before it is judged, so that attempts made at the same time cannot slip through; who was right
gets it back.
"""

from collections.abc import Sequence

from services.identity import store
from services.identity.domain.contacts import Contact
from services.identity.domain.limits import Limit, Limits
from services.identity.domain.problems import TooManyAttempts, TooManyCodes
from services.identity.domain.secrets import bucket_key
from shared.db import Connection

Bucket = tuple[bytes, Limit]


def _buckets(
    key: bytes, per_contact: Limit, per_address: Limit, contact: Contact, network_address: str
) -> Sequence[Bucket]:
    return (
        (bucket_key(key, per_contact.name, contact.value), per_contact),
        (bucket_key(key, per_address.name, network_address), per_address),
    )


async def count_code(conn: Connection, key: bytes, limits: Limits, contact: Contact, network_address: str) -> None:
    """Count a code that is asked for. Raises TooManyCodes."""
    buckets = _buckets(key, limits.codes_per_contact, limits.codes_per_address, contact, network_address)
    for bucket, limit in buckets:
        if not await store.take_from_limit(conn, bucket, limit):
            raise TooManyCodes


async def count_attempt(conn: Connection, key: bytes, limits: Limits, contact: Contact, network_address: str) -> None:
    """Count an attempt to sign in. Raises TooManyAttempts."""
    buckets = _buckets(key, limits.attempts_per_contact, limits.attempts_per_address, contact, network_address)
    for bucket, limit in buckets:
        if not await store.take_from_limit(conn, bucket, limit):
            raise TooManyAttempts


async def forgive_attempt(conn: Connection, key: bytes, limits: Limits, contact: Contact, network_address: str) -> None:
    """The attempt was right."""
    buckets = _buckets(key, limits.attempts_per_contact, limits.attempts_per_address, contact, network_address)
    for bucket, limit in buckets:
        await store.give_back_to_limit(conn, bucket, limit)
