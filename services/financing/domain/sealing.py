"""Secrets that we must be able to read again (to sign webhooks) lie in the database only sealed: AES-256-GCM.

The context (whose secret it is) is authenticated, so that a sealed secret moved to another row does not open.
"""

import hashlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12


class NotOurs(Exception):
    """What was sealed does not open: another key, another row, or damage."""


def key_of(text: str) -> bytes:
    """The key that a long random text stands for."""
    return hashlib.sha256(b"lumbung partner key\0" + text.encode()).digest()


def seal(key: bytes, plain: bytes, *, context: str, nonce: bytes) -> bytes:
    """The sealed bytes. `nonce` is 12 fresh random bytes."""
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode())


def unseal(key: bytes, sealed: bytes, *, context: str) -> bytes:
    """The plain bytes. Raises NotOurs."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode())
    except (InvalidTag, ValueError) as error:
        raise NotOurs("a sealed secret does not open with this key") from error
