"""The provider's gate: who may call, proven by SNAP signatures, at most once per X-EXTERNAL-ID and day.

What must stay true: nothing of a body is believed before its signature is verified over the bytes that came; tokens
are good for 15 minutes and survive a restart, because they are signed and not stored.
"""

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from fastapi import Request

from deploy.sandbox import refusals
from deploy.sandbox.charges import Book
from deploy.sandbox.keys import SandboxKeys
from shared import snap

TOKEN_SECONDS: Final = 900
BODY_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Gate:
    """Checks calls of the one merchant that this sandbox knows."""

    client_id: str
    client_secret: str
    merchant_key: RSAPublicKey
    token_secret: bytes
    clock_window: timedelta
    book: Book

    @classmethod
    def of(cls, keys: SandboxKeys, book: Book, *, clock_window: timedelta) -> "Gate":
        """A gate that knows the merchant by these keys."""
        return cls(
            client_id=keys.client_id,
            client_secret=keys.client_secret,
            merchant_key=snap.load_public_key(keys.merchant_public_key_file.read_bytes()),
            token_secret=hashlib.sha256(keys.provider_private_key_file.read_bytes()).digest(),
            clock_window=clock_window,
            book=book,
        )

    async def token_for(self, request: Request, *, now: datetime) -> str:
        """A fresh access token for whoever signs with the merchant's private key."""
        timestamp = self._timestamp(request, now=now)
        client_id = _header(request, "X-CLIENT-KEY")
        signature = _header(request, "X-SIGNATURE")
        is_signed = snap.verify_token_request(self.merchant_key, signature, client_id=client_id, timestamp=timestamp)
        if client_id != self.client_id or not is_signed:
            raise refusals.unauthorized("Signature or client is unknown")
        body = _json(await _body(request))
        if body.get("grantType") != "client_credentials":
            raise refusals.invalid_field("grantType", "client_credentials")
        stamp = f"{int(now.timestamp()) + TOKEN_SECONDS}.{secrets.token_hex(8)}"
        return f"{stamp}.{self._seal(stamp)}"

    async def body_of(self, request: Request, *, now: datetime) -> dict[str, Any]:
        """The body of a call whose token, signature, time and X-EXTERNAL-ID are all in order."""
        token = snap.bearer_token(request.headers.get("Authorization", ""))
        if token is None:
            raise refusals.token_not_found()
        if not self._is_live(token, now=now):
            raise refusals.invalid_token()
        timestamp = self._timestamp(request, now=now)
        if _header(request, "X-PARTNER-ID") != self.client_id:
            raise refusals.unauthorized("X-PARTNER-ID is unknown")
        raw = await _body(request)
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        transaction = snap.Transaction(request.method, path, raw, timestamp)
        signature = _header(request, "X-SIGNATURE")
        if not snap.verify_symmetric(self.client_secret, signature, transaction, access_token=token):
            raise refusals.unauthorized("Signature does not match")
        if not re.fullmatch(r"[0-9A-Za-z]{1,5}", _header(request, "CHANNEL-ID")):
            raise refusals.invalid_field("CHANNEL-ID", "1 to 5 letters or digits")
        external_id = _header(request, "X-EXTERNAL-ID")
        if not re.fullmatch(r"[0-9]{1,36}", external_id):
            raise refusals.invalid_field("X-EXTERNAL-ID", "1 to 36 digits")
        self.book.remember_external_id(external_id, now=now)
        return _json(raw)

    def _timestamp(self, request: Request, *, now: datetime) -> str:
        text = _header(request, "X-TIMESTAMP")
        moment = snap.parse_timestamp(text)
        if moment is None:
            raise refusals.invalid_field("X-TIMESTAMP", "ISO 8601 with offset, 2026-01-15T10:20:30+07:00")
        if abs(moment - now) > self.clock_window:
            raise refusals.unauthorized("X-TIMESTAMP is too far from the provider's clock")
        return text

    def _is_live(self, token: str, *, now: datetime) -> bool:
        stamp, _, seal = token.rpartition(".")
        if not hmac.compare_digest(self._seal(stamp).encode(), seal.encode()):
            return False
        return int(stamp.partition(".")[0]) > now.timestamp()

    def _seal(self, stamp: str) -> str:
        return hmac.digest(self.token_secret, stamp.encode(), "sha256").hex()


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise refusals.bad_request(f"more than {BODY_BYTES_MAX} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _header(request: Request, name: str) -> str:
    value = request.headers.get(name)
    if not value:
        raise refusals.missing_field(name)
    return value


def _json(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise refusals.bad_request("The body is no JSON") from error
    if not isinstance(body, dict):
        raise refusals.bad_request("The body is no JSON object")
    return body
