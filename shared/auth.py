"""Who is calling: access tokens of identity, verified offline with the keys that it publishes.

Only ES256 tokens for us, from our issuer, within their time and signed with a published key make a Principal;
everything else is the same `Unauthenticated`, so that a forger learns nothing. A token says who somebody is and which
platform roles they have; what they own is for the owning service's tables to say.
"""

import asyncio
import time
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

import httpx2
import orjson
import structlog
from fastapi import Depends, Request, Response
from fastapi.openapi.models import HTTPBearer as BearerScheme
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from shared.problems import Forbidden, Overloaded, Unauthenticated

log = structlog.get_logger()

ISSUER = "lumbung-identity"
AUDIENCE = "lumbung"
ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068 section 2.1: no other kind of token passes for an access token
LEEWAY_SECONDS = 30
REFETCH_SECONDS = 10  # an unknown key id makes us ask identity at most this often
FRESH_SECONDS = 300  # after this the keys are asked for again, so that withdrawn ones are forgotten
FETCH_TIMEOUT_SECONDS = 3
TOKEN_BYTES_MAX = 4096
HEADER_BYTES_MAX = 512
REMEMBERED_TOKENS = 20_000

Kind: TypeAlias = Literal["person", "client"]
FetchKeys: TypeAlias = Callable[[], Awaitable[bytes]]

_CLAIMS: dict[str, jwt.ClaimsOption] = {
    "iss": {"essential": True, "value": ISSUER},
    "aud": {"essential": True, "value": AUDIENCE},
    "exp": {"essential": True},
    "iat": {"essential": True},
    "sub": {"essential": True},
    "kind": {"essential": True, "values": ["person", "client"]},
}
_SIGNATURES = jws.JWSRegistry(algorithms=[ALGORITHM])


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling: a person or a machine client, by account id."""

    id: UUID
    kind: Kind
    roles: frozenset[str]
    scopes: frozenset[str]


class KeysUnreachable(Exception):
    """The published keys could not be fetched."""


class _Published:
    """The key set at identity's address."""

    def __init__(self, identity_url: str) -> None:
        self.address = identity_url.rstrip("/") + "/.well-known/jwks.json"
        self.client = httpx2.AsyncClient(timeout=FETCH_TIMEOUT_SECONDS)

    async def fetch(self) -> bytes:
        try:
            answer = await self.client.get(self.address)
            answer.raise_for_status()
        except httpx2.HTTPError as error:
            raise KeysUnreachable(f"no keys from {self.address}: {error!r}") from error
        return answer.content


class Verifier:
    """Turns access tokens into principals.

    Verified tokens are remembered until they expire (at most `REMEMBERED_TOKENS`), because verifying one costs more
    than the rest of a hot request. Withdrawing a key therefore takes up to one token lifetime to be felt everywhere.
    """

    def __init__(
        self,
        keys: str | FetchKeys,
        *,
        refetch_seconds: float = REFETCH_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`keys`: identity's address, or a function that answers with its key set (raises KeysUnreachable)."""
        self._published: _Published | None = None
        if isinstance(keys, str):
            self._published = _Published(keys)
            keys = self._published.fetch
        self._fetch: FetchKeys = keys
        self._refetch_seconds = refetch_seconds
        self._clock = clock
        self._keys: dict[str, ECKey] = {}
        self._asked_at = float("-inf")
        self._reachable = False
        self._fetching: asyncio.Task[None] | None = None
        self._remembered: dict[str, tuple[float, Principal]] = {}

    async def close(self) -> None:
        """Close the connection to identity."""
        if self._published is not None:
            await self._published.client.aclose()

    async def verify(self, token: str) -> Principal:
        """Who the bearer of `token` is.

        Raises Unauthenticated, or Overloaded while the key it names cannot be known because identity is unreachable.
        """
        known = self._remembered.get(token)
        if known is not None:
            if known[0] > self._clock():
                return known[1]
            del self._remembered[token]
        expires_at, principal = _read(token, await self._key(_key_id(token)), now=self._clock())
        if len(self._remembered) >= REMEMBERED_TOKENS:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[token] = (expires_at, principal)
        return principal

    async def _key(self, key_id: str) -> ECKey:
        if self._clock() - self._asked_at > FRESH_SECONDS:
            self._start_fetching()
        if key_id not in self._keys:
            self._start_fetching()
            if self._fetching is not None:
                await asyncio.shield(self._fetching)
        key = self._keys.get(key_id)
        if key is not None:
            return key
        if self._reachable:
            raise Unauthenticated
        raise Overloaded("the signing keys are not known yet")

    def _start_fetching(self) -> None:
        """Ask for the keys, unless that is under way or was done within the last `refetch_seconds`."""
        if self._fetching is None and self._clock() - self._asked_at >= self._refetch_seconds:
            self._asked_at = self._clock()
            self._fetching = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        try:
            self._keys = _keys_of(await self._fetch())
            self._reachable = True
        except KeysUnreachable as error:
            self._reachable = False
            if not self._keys:
                self._asked_at = (
                    self._clock() - self._refetch_seconds + 1
                )  # without any key nothing works: ask each second
            log.warning("keys_unreachable", reason=str(error), keys_known=len(self._keys))
        finally:
            self._fetching = None


def _keys_of(document: bytes) -> dict[str, ECKey]:
    """The usable keys of a JWK set, by id. Raises KeysUnreachable when it is none."""
    try:
        keys = [ECKey.import_key(key) for key in orjson.loads(document)["keys"] if _is_ours(key)]
    except (JoseError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise KeysUnreachable("what identity published is not a key set") from error
    return {key.kid: key for key in keys if key.kid}


def _is_ours(key: Mapping[str, Any]) -> bool:
    return key["kty"] == "EC" and key.get("crv") == "P-256" and key.get("use", "sig") == "sig"


def _key_id(token: str) -> str:
    """The key that the token claims to be signed with. Raises Unauthenticated."""
    header, _, _ = token.partition(".")
    if len(token) > TOKEN_BYTES_MAX or len(header) > HEADER_BYTES_MAX:
        raise Unauthenticated
    try:
        claimed = orjson.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))
        key_id = claimed["kid"] if claimed["alg"] == ALGORITHM and claimed["typ"] == TOKEN_TYPE else None
    except (ValueError, TypeError, LookupError) as error:
        raise Unauthenticated from error
    if not isinstance(key_id, str):
        raise Unauthenticated
    return key_id


def _read(token: str, key: ECKey, *, now: float) -> tuple[float, Principal]:
    """When the token expires, and whom it names. Raises Unauthenticated."""
    try:
        claims = jwt.decode(token, key, algorithms=[ALGORITHM], registry=_SIGNATURES).claims
        jwt.JWTClaimsRegistry(now=int(now), leeway=LEEWAY_SECONDS, **_CLAIMS).validate(claims)
        roles, scope = claims.get("roles", []), claims.get("scope", "")
        if (
            not isinstance(roles, list)
            or not all(isinstance(role, str) for role in roles)
            or not isinstance(scope, str)
        ):
            raise Unauthenticated
        principal = Principal(UUID(claims["sub"]), claims["kind"], frozenset(roles), frozenset(scope.split()))
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise Unauthenticated from error
    return float(claims["exp"]) + LEEWAY_SECONDS, principal


def bearer_of(authorization: str) -> str:
    """The token of an Authorization header. Raises Unauthenticated when there is none."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    return token.strip()


async def person_of(request: Request) -> Principal:
    """Who sends the request. Raises Unauthenticated, Overloaded."""
    verifier: Verifier = request.app.state.verifier
    return await verifier.verify(bearer_of(request.headers.get("authorization", "")))


class _Bearer(SecurityBase):
    """The dependency that reads the Authorization header, and its entry in the OpenAPI document."""

    def __init__(self) -> None:
        self.model = BearerScheme(bearerFormat="JWT", description="An access token of identity's `POST /v1/token`.")
        self.scheme_name = "access_token"


class _Required(_Bearer):
    async def __call__(self, request: Request) -> Principal:
        return await person_of(request)


class _Optional(_Bearer):
    async def __call__(self, request: Request) -> Principal | None:
        return await person_of(request) if "authorization" in request.headers else None


class SignedInFirst(APIRoute):
    """For routes that take files: FastAPI reads a body before it asks who sends it, these ask first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the question."""
        handle = super().get_route_handler()

        async def ask_first(request: Request) -> Response:
            if request.method == "POST":
                await person_of(request)
            return await handle(request)

        return ask_first


CurrentPerson: TypeAlias = Annotated[Principal, Depends(_Required())]
MaybePerson: TypeAlias = Annotated[Principal | None, Depends(_Optional())]


def require_role(principal: Principal, *roles: str) -> None:
    """Raise Forbidden unless the caller has one of the platform roles."""
    if principal.roles.isdisjoint(roles):
        raise Forbidden


def require_scope(principal: Principal, scope: str) -> None:
    """Raise Forbidden unless the token was given this scope."""
    if scope not in principal.scopes:
        raise Forbidden
