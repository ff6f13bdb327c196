"""Identity numbers and link codes as keyed hashes: they can be compared, and not be read back.

What must stay true: an identity number is never written down as it is. The numbers are few enough to be tried one by
one, so the hash needs the service's key.
"""

import hashlib
import hmac

from services.cooperatives.domain.governance import Kind
from services.cooperatives.domain.problems import IdentityNumberRefused
from shared.identity_numbers import NumberError, parse_nik, parse_npwp


def identity_hash(key: str, number: str | None, kind: Kind) -> bytes | None:
    """The hash of a person's NIK, or of the NPWP of a cooperative that joins a secondary one.

    Raises IdentityNumberRefused with the part that is wrong.
    """
    if number is None:
        return None
    try:
        digits = parse_nik(number).digits if kind is Kind.PRIMARY else parse_npwp(number).digits16
    except NumberError as error:
        raise IdentityNumberRefused(str(error)) from error
    return _keyed(key, "identity", digits)


def link_code_hash(key: str, code: str) -> bytes:
    """The hash of a link code; how it is written (spaces, hyphens, small letters) does not matter."""
    return _keyed(key, "link code", "".join(code.split()).replace("-", "").upper())


def veiled(key: str, number: str | None) -> str | None:
    """What stands for an identity number where a request is remembered, so that the same request is known again."""
    return None if number is None else _keyed(key, "request", number).hex()


def _keyed(key: str, what: str, text: str) -> bytes:
    return hmac.new(key.encode(), f"{what}:{text}".encode(), hashlib.sha256).digest()
