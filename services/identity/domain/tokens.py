"""Access tokens (RFC 9068) and the keys that sign them, as calculations."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from cryptography.fernet import Fernet, InvalidToken
from joserfc import jwt
from joserfc.jwk import ECKey

from shared.auth import ALGORITHM, AUDIENCE, ISSUER, TOKEN_TYPE, Kind

LIFETIME_SECONDS = 600
REFRESH_DAYS = 30
RETIRED_KEY_SECONDS = 3600  # published that long after it signed its last token: more than a lifetime and every leeway


class WrongServerKey(Exception):
    """The signing keys in the database were encrypted with another LUMBUNG_IDENTITY_KEY."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A fresh signing key: what is published, and what is stored encrypted."""

    id: str
    public_key: dict[str, Any]
    private_key: bytes


def new_signing_key(vault: Fernet) -> NewKey:
    """A P-256 key, named by its RFC 7638 thumbprint."""
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    assert key.kid is not None, "auto_kid names the key"
    return NewKey(key.kid, key.as_dict(private=False), vault.encrypt(orjson.dumps(key.as_dict(private=True))))


def open_signing_key(vault: Fernet, private_key: bytes) -> ECKey:
    """The key to sign with. Raises WrongServerKey."""
    try:
        return ECKey.import_key(orjson.loads(vault.decrypt(private_key)))
    except InvalidToken as error:
        raise WrongServerKey("LUMBUNG_IDENTITY_KEY is not the one that the signing keys were stored with") from error


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom an access token is for."""

    account_id: UUID
    kind: Kind
    roles: tuple[str, ...]
    scopes: tuple[str, ...] = ()


def access_token(key: ECKey, bearer: Bearer, *, token_id: UUID, now: datetime, lifetime_seconds: int) -> str:
    """A signed access token."""
    issued_at = int(now.timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(bearer.account_id),
        "iat": issued_at,
        "exp": issued_at + lifetime_seconds,
        "jti": str(token_id),
        "kind": bearer.kind,
        "roles": list(bearer.roles),
        "scope": " ".join(bearer.scopes),
    }
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": TOKEN_TYPE}, claims, key)
