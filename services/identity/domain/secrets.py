"""Secrets: the keys that follow from the service's master key, one-time codes, tokens, and their fingerprints.

What is stored never suffices to sign in: tokens and client secrets are stored as hashes, a code's digits follow from
its id under a key that is not in the database, private signing keys are encrypted.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CODE_DIGITS = 6


@dataclass(frozen=True, slots=True, repr=False)
class ServerKeys:
    """What the service knows and its database does not."""

    vault: Fernet
    codes: bytes
    limits: bytes

    @classmethod
    def derive(cls, master: str) -> "ServerKeys":
        """Independent keys from one long random text."""
        return cls(
            vault=Fernet(urlsafe_b64encode(_subkey(master, b"signing keys"))),
            codes=_subkey(master, b"one-time codes"),
            limits=_subkey(master, b"rate limits"),
        )


def _subkey(master: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"lumbung identity: " + purpose).derive(master.encode())


def code_digits(key: bytes, code_id: UUID, contact_id: UUID) -> str:
    """The six digits of a code. 64 bits modulo a million: the bias is below 1e-13."""
    number = int.from_bytes(hmac.digest(key, code_id.bytes + contact_id.bytes, "sha256")[:8], "big")
    return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def is_same_code(given: str, expected: str) -> bool:
    """Compared in constant time; spaces that people type do not count."""
    return hmac.compare_digest("".join(given.split()).encode(), expected.encode())


def new_secret() -> str:
    """256 random bits as text: a refresh token or a client's secret."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> bytes:
    """What is stored of a secret that is random enough to need no salt."""
    return hashlib.sha256(secret.encode()).digest()


def is_secret_of(given: str, stored: bytes) -> bool:
    """Whether `stored` is the fingerprint of `given`."""
    return hmac.compare_digest(fingerprint(given), stored)


def bucket_key(key: bytes, limit: str, subject: str) -> bytes:
    """The name of a rate limit's bucket, from which the contact or network address cannot be read."""
    return hmac.digest(key, f"{limit}:{subject}".encode(), "sha256")
