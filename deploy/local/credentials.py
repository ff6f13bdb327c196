"""The passwords of a local stack: made once, at random, kept in a file that only its owner may read.

They are never printed, never committed and never change while the data folder exists, because PostgreSQL and
Kafka keep verifiers derived from them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from deploy.local.files import read_json, write_json
from deploy.local.layout import Layout

PASSWORD_BYTES = 32


@dataclass(frozen=True)
class Credentials:
    """Password by purpose, for example `postgres:orders` or `kafka:admin`."""

    passwords: dict[str, str]

    def password(self, purpose: str) -> str:
        return self.passwords[purpose]


def ensure_credentials(layout: Layout, purposes: Iterable[str]) -> Credentials:
    """Read the passwords and add one for each purpose that has none yet."""
    known: dict[str, str] = read_json(layout.secrets_file) or {}
    missing = [purpose for purpose in purposes if purpose not in known]
    if missing:
        known |= {purpose: secrets.token_urlsafe(PASSWORD_BYTES) for purpose in missing}
        write_json(layout.secrets_file, known, mode=0o600)
    return Credentials(known)
