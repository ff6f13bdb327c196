"""A person's web session: the cookie, what it opens, and how its tokens are sealed.

What must stay true: the cookie's secret is never stored, only its hash; tokens are stored encrypted and bound to their
row; a form token proves that the form came from this site and this session, and differs on every page, so that a
compressed page does not leak it.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

REFRESH_EARLY = timedelta(seconds=30)
NONCE_BYTES = 12
FORM_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Tokens:
    """What identity gave for this person, with the name to greet them by; or for a lender's machine client.

    A client's tokens cannot be refreshed: its secret is not kept, so its session ends with the token.
    """

    access: str
    refresh: str
    expires_at: datetime
    name: str = ""
    is_client: bool = False

    def is_fresh(self, now: datetime) -> bool:
        """Whether the access token can still be used for a request that starts now."""
        return self.expires_at - REFRESH_EARLY > now


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many of a product somebody wants, at the version and price they saw (rupiah for one)."""

    quantity: int
    version: int | None
    unit_price_minor: int | None


@dataclass(frozen=True, slots=True)
class Session:
    """What a cookie opens. A visitor without a row has the empty one."""

    session_id: bytes
    tokens: Tokens | None = None
    account_id: UUID | None = None
    basket: dict[UUID, Wanted] | None = None
    basket_count: int = 0

    @property
    def is_signed_in(self) -> bool:
        """Whether a person is behind it."""
        return self.tokens is not None and not self.tokens.is_client

    @property
    def is_lender(self) -> bool:
        """Whether it is a lender's desk."""
        return self.tokens is not None and self.tokens.is_client

    @property
    def wanted(self) -> dict[UUID, Wanted]:
        """The basket that was filled before signing in."""
        return self.basket or {}


def new_secret() -> str:
    """A fresh cookie value: 256 random bits."""
    return secrets.token_urlsafe(32)


def session_id_of(secret: str) -> bytes:
    """What a cookie is stored under."""
    return hashlib.sha256(secret.encode()).digest()


class Vault:
    """Seals tokens for one session row and makes form tokens, with keys derived from the one in the settings."""

    def __init__(self, key: str) -> None:
        self._seal = AESGCM(_derived(key, b"lumbung session tokens"))
        self._form_key = _derived(key, b"lumbung form tokens")

    def seal(self, session_id: bytes, tokens: Tokens) -> bytes:
        """The tokens, encrypted for this row only."""
        plain = orjson.dumps(
            {
                "access": tokens.access,
                "refresh": tokens.refresh,
                "expires_at": tokens.expires_at,
                "name": tokens.name,
                "is_client": tokens.is_client,
            }
        )
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._seal.encrypt(nonce, plain, session_id)

    def open(self, session_id: bytes, sealed: bytes) -> Tokens | None:
        """The tokens again; None when they were sealed with another key or for another row."""
        try:
            plain = self._seal.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], session_id)
        except InvalidTag:
            return None
        fields = orjson.loads(plain)
        return Tokens(
            access=fields["access"],
            refresh=fields["refresh"],
            expires_at=datetime.fromisoformat(fields["expires_at"]),
            name=fields["name"],
            is_client=fields.get("is_client", False),  # sessions from before there were desks have none
        )

    def form_token(self, secret: str) -> str:
        """A token for the forms of one page: the session's own, masked anew each time."""
        own = self._own_token(secret)
        mask = secrets.token_bytes(FORM_TOKEN_BYTES)
        return urlsafe_b64encode(mask + _xor(mask, own)).decode()

    def is_form_token(self, secret: str, token: str) -> bool:
        """Whether a form token belongs to this session."""
        try:
            raw = urlsafe_b64decode(token.encode())
        except ValueError:
            return False
        if len(raw) != 2 * FORM_TOKEN_BYTES:
            return False
        return hmac.compare_digest(_xor(raw[:FORM_TOKEN_BYTES], raw[FORM_TOKEN_BYTES:]), self._own_token(secret))

    def _own_token(self, secret: str) -> bytes:
        return hmac.digest(self._form_key, secret.encode(), "sha256")


def _derived(key: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key.encode())


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
