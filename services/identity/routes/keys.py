"""What verifiers of access tokens read: the published keys, and where everything is."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from services.identity import store
from services.identity.routes.running import Identity
from shared.auth import ALGORITHM, ISSUER

router = APIRouter()


class KeySet(BaseModel):
    """A JWK set (RFC 7517)."""

    keys: list[dict[str, Any]]


@router.get("/.well-known/jwks.json")
async def publish_keys(response: Response, identity: Identity) -> KeySet:
    """The keys that verify access tokens: current, next and previous."""
    async with identity.db.reading() as conn:
        keys = await store.published_keys(conn)
    response.headers["Cache-Control"] = "public, max-age=60"
    return KeySet(keys=keys)


@router.get("/.well-known/openid-configuration")
async def describe_issuer(identity: Identity) -> dict[str, Any]:
    """What a client needs to find the rest (OpenID Connect Discovery, RFC 8414)."""
    return {
        "issuer": ISSUER,
        "jwks_uri": identity.url + "/.well-known/jwks.json",
        "token_endpoint": identity.url + "/v1/token",
        "revocation_endpoint": identity.url + "/v1/token/revoke",
        "grant_types_supported": ["password", "refresh_token", "client_credentials", "urn:lumbung:grant:code"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
    }
