"""SNAP BI signatures and response codes, the payment interface standard of Bank Indonesia.

What must stay true: a body is hashed as it was sent, only insignificant whitespace removed, never parsed and written
again (`10000.00`, `\\/`, key order and null must survive); the timestamp that is signed is the header's text byte for
byte; the access token is signed without "Bearer ". Verifiers answer False for anything malformed and never raise.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from shared.calendar import WIB

# A string (also one that never ends, so that a hostile body costs linear time) or whitespace between tokens.
_STRING_OR_SPACE: Final = re.compile(rb'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))|[ \t\r\n]+', re.DOTALL)
_BEARER: Final = "Bearer "


@dataclass(frozen=True, slots=True)
class Transaction:
    """The parts of one HTTP request that a transaction signature covers.

    `path` is as on the request line without host (query included when there is one), `timestamp` the exact text of
    X-TIMESTAMP, `method` in upper case.
    """

    method: str
    path: str
    body: bytes
    timestamp: str


def minify(body: bytes) -> bytes:
    """Drop whitespace between JSON tokens and nothing else; an empty body stays empty."""
    return _STRING_OR_SPACE.sub(lambda match: match[1] or b"", body)


def body_hash(body: bytes) -> str:
    """Lower-case hex SHA-256 of the minified body; for no body, the hash of the empty string."""
    return hashlib.sha256(minify(body)).hexdigest()


def token_string_to_sign(client_id: str, timestamp: str) -> str:
    """What the access-token request signs."""
    return f"{client_id}|{timestamp}"


def transaction_string_to_sign(transaction: Transaction, access_token: str | None = None) -> str:
    """What a transaction signs: with the token (symmetric) or without (asymmetric, notifications)."""
    assert access_token is None or not access_token.startswith(_BEARER), "sign the token without 'Bearer '"
    parts = [transaction.method, transaction.path]
    if access_token is not None:
        parts.append(access_token)
    return ":".join([*parts, body_hash(transaction.body), transaction.timestamp])


def sign_token_request(key: RSAPrivateKey, *, client_id: str, timestamp: str) -> str:
    """X-SIGNATURE of `/v1.0/access-token/b2b`: base64 of SHA256withRSA over `client_id|timestamp`."""
    return _rsa_sign(key, token_string_to_sign(client_id, timestamp))


def verify_token_request(key: RSAPublicKey, signature: str, *, client_id: str, timestamp: str) -> bool:
    """Whether the holder of the private key asked for a token at this time."""
    return _rsa_verify(key, signature, token_string_to_sign(client_id, timestamp))


def sign_symmetric(client_secret: str, transaction: Transaction, *, access_token: str) -> str:
    """X-SIGNATURE of a call with a token: base64 of HMAC-SHA512."""
    text = transaction_string_to_sign(transaction, access_token)
    return base64.b64encode(hmac.digest(client_secret.encode(), text.encode(), "sha512")).decode()


def verify_symmetric(client_secret: str, signature: str, transaction: Transaction, *, access_token: str) -> bool:
    """Whether the holder of the secret sent exactly this request; compared in constant time."""
    if access_token.startswith(_BEARER):
        return False
    expected = sign_symmetric(client_secret, transaction, access_token=access_token)
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))


def sign_asymmetric(key: RSAPrivateKey, transaction: Transaction) -> str:
    """X-SIGNATURE of a call without a token, as notifications use it: base64 of SHA256withRSA."""
    return _rsa_sign(key, transaction_string_to_sign(transaction))


def verify_asymmetric(key: RSAPublicKey, signature: str, transaction: Transaction) -> bool:
    """Whether the holder of the private key sent exactly this request."""
    return _rsa_verify(key, signature, transaction_string_to_sign(transaction))


def response_code(http_status: int, service: str, case: str) -> str:
    """SNAP's seven digits: HTTP status, two digits of service, two digits of case (200, "47", "00": 2004700)."""
    assert re.fullmatch(r"[1-5][0-9]{6}", f"{http_status}{service}{case}", re.ASCII), "3 + 2 + 2 digits"
    return f"{http_status}{service}{case}"


def format_timestamp(moment: datetime) -> str:
    """X-TIMESTAMP for a moment that knows its offset: ISO 8601 to the second, in western Indonesian time."""
    assert moment.tzinfo is not None, "a timestamp needs an offset"
    return moment.astimezone(WIB).isoformat(timespec="seconds")


def parse_timestamp(text: str) -> datetime | None:
    """The moment that an X-TIMESTAMP names; None when it is malformed or lacks an offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def bearer_token(authorization: str) -> str | None:
    """The token of an Authorization header, without "Bearer "; None when there is none."""
    return authorization.removeprefix(_BEARER) or None if authorization.startswith(_BEARER) else None


def load_private_key(pem: bytes) -> RSAPrivateKey:
    """An RSA private key from unencrypted PEM; raises ValueError for anything else."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("SNAP signs with RSA: this private key is of another kind")
    return key


def load_public_key(pem: bytes) -> RSAPublicKey:
    """An RSA public key from PEM; raises ValueError for anything else."""
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, RSAPublicKey):
        raise ValueError("SNAP signs with RSA: this public key is of another kind")
    return key


def _rsa_sign(key: RSAPrivateKey, text: str) -> str:
    return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def _rsa_verify(key: RSAPublicKey, signature: str, text: str) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, InvalidSignature, ValueError):  # ValueError: not ASCII, or lone surrogates
        return False
    return True
