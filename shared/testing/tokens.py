"""Access tokens for tests: signed like identity's, accepted by the verifier that comes with them.

Every claim can be overridden, so that tests forge what they like; production never imports this.
"""

import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey

from shared.auth import ALGORITHM, AUDIENCE, ISSUER, TOKEN_TYPE, Kind, Verifier
from shared.ids import new_id

LIFETIME_SECONDS = 600


class Tokens:
    """One signing key, tokens made with it, and the verifier that knows it."""

    def __init__(self, key_id: str = "test") -> None:
        self.key = ECKey.generate_key("P-256", {"kid": key_id, "use": "sig", "alg": ALGORITHM})

    async def published(self) -> bytes:
        """The key set as identity would publish it."""
        return orjson.dumps({"keys": [self.key.as_dict(private=False)]})

    def verifier(self) -> Verifier:
        """What belongs into `app.state.verifier`."""
        return Verifier(self.published)

    def token(
        self,
        account_id: UUID,
        *,
        kind: Kind = "person",
        roles: Iterable[str] = (),
        scope: str = "",
        header: dict[str, Any] | None = None,
        claims: dict[str, Any] | None = None,
    ) -> str:
        """An access token for `account_id`; `header` and `claims` override what it says."""
        now = int(time.time())
        said = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(account_id),
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": str(new_id()),
            "kind": kind,
            "roles": list(roles),
            "scope": scope,
        }
        protected = {"alg": ALGORITHM, "kid": self.key.kid, "typ": TOKEN_TYPE} | (header or {})
        return jwt.encode(protected, said | (claims or {}), self.key)

    def headers(self, account_id: UUID, **of_token: Any) -> dict[str, str]:
        """The request header that signs `account_id` in."""
        return {"Authorization": f"Bearer {self.token(account_id, **of_token)}"}
