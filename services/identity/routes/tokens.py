"""The token endpoint (RFC 6749) and revocation (RFC 7009).

Grants: password, one-time code, refresh_token, client_credentials. Refusals are problem documents that also have RFC
6749's `error`. A wrong attempt is committed before it is refused, so that it counts.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import unquote_plus
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel, Field

from services.identity import store
from services.identity.domain import contacts
from services.identity.domain.contacts import Contact, NotAContact
from services.identity.domain.passwords import LENGTH_MAX
from services.identity.domain.problems import (
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    TooManyAttempts,
    UnsupportedGrantType,
)
from services.identity.routes.running import Identity, address_of
from services.identity.use_cases.end_session import revoke_token
from services.identity.use_cases.issue_tokens import Tokens
from services.identity.use_cases.limit_rate import count_attempt, forgive_attempt
from services.identity.use_cases.refresh_session import refresh_session
from services.identity.use_cases.sign_in import sign_in_client, sign_in_with_code, sign_in_with_password
from shared.clock import utc_now
from shared.problems import Overloaded, documented

router = APIRouter()

CODE_GRANT = "urn:lumbung:grant:code"


class TokenRequest(BaseModel):
    """The form of `POST /v1/token`; which fields are needed depends on `grant_type`."""

    grant_type: str = ""
    username: str = Field(default="", description="password, code: a phone number or e-mail address.")
    phone: str = Field(default="", description="password, code: instead of `username`.")
    email: str = Field(default="", description="password, code: instead of `username`.")
    password: str = ""
    code: str = ""
    refresh_token: str = ""
    client_id: str = Field(default="", description="client_credentials, unless given by HTTP Basic.")
    client_secret: str = ""
    scope: str = Field(default="", description="client_credentials: some of the client's scopes; all by default.")


class TokenAnswer(BaseModel):
    """RFC 6749 section 5.1. A machine client gets no refresh token."""

    access_token: str
    token_type: str
    expires_in: int = Field(description="Seconds.")
    refresh_token: str | None
    scope: str | None


@router.post(
    "/v1/token",
    response_model_exclude_none=True,
    responses=documented(
        InvalidRequest, InvalidGrant, UnsupportedGrantType, InvalidScope, InvalidClient, TooManyAttempts, Overloaded
    ),
)
async def issue_token(
    form: Annotated[TokenRequest, Form()], request: Request, response: Response, identity: Identity
) -> TokenAnswer:
    """Sign in, or go on: grants `password`, `urn:lumbung:grant:code`, `refresh_token`, `client_credentials`."""
    response.headers["Cache-Control"] = "no-store"
    if not form.grant_type:
        raise InvalidRequest("grant_type is missing")
    grant = GRANTS.get(form.grant_type)
    if grant is None:
        raise UnsupportedGrantType
    tokens = await grant(form, request, identity)
    return TokenAnswer(
        access_token=tokens.access_token,
        token_type="Bearer",  # noqa: S106 - the name of a scheme
        expires_in=tokens.expires_in,
        refresh_token=tokens.refresh_token,
        scope=tokens.scope or None,
    )


async def _by_password(form: TokenRequest, request: Request, identity: Identity) -> Tokens:
    contact = _contact(form)
    if not form.password or len(form.password) > LENGTH_MAX:
        raise InvalidRequest("password is missing or too long")
    whose = (identity.keys.limits, identity.limits, contact, address_of(request))
    async with identity.db.transaction() as conn:
        await count_attempt(conn, *whose)
        known = await store.contact(conn, contact)
    proof = await identity.passwords.check(form.password, None if known is None else known.password_hash)
    if known is None or not proof.is_right:
        raise InvalidGrant
    async with identity.db.transaction() as conn:
        await forgive_attempt(conn, *whose)
        return await sign_in_with_password(conn, identity.signing, known, proof, now=utc_now())


async def _by_code(form: TokenRequest, request: Request, identity: Identity) -> Tokens:
    contact = _contact(form)
    if not form.code or len(form.code) > 20:
        raise InvalidRequest("code is missing or too long")
    whose = (identity.keys.limits, identity.limits, contact, address_of(request))
    async with identity.db.transaction() as conn:
        await count_attempt(conn, *whose)
        tokens = await sign_in_with_code(
            conn, identity.signing, contact, form.code, key=identity.keys.codes, now=utc_now()
        )
        if tokens is not None:
            await forgive_attempt(conn, *whose)
    if tokens is None:
        raise InvalidGrant
    return tokens


async def _by_refresh_token(form: TokenRequest, request: Request, identity: Identity) -> Tokens:
    if not form.refresh_token:
        raise InvalidRequest("refresh_token is missing")
    async with identity.db.transaction() as conn:
        tokens = await refresh_session(conn, identity.signing, form.refresh_token, now=utc_now())
    if tokens is None:
        raise InvalidGrant
    return tokens


async def _by_client_credentials(form: TokenRequest, request: Request, identity: Identity) -> Tokens:
    client_id, secret = _client_credentials(form, request.headers.get("authorization", ""))
    async with identity.db.reading() as conn:
        return await sign_in_client(conn, identity.signing, client_id, secret, form.scope, now=utc_now())


Grant = Callable[[TokenRequest, Request, Identity], Awaitable[Tokens]]
GRANTS: dict[str, Grant] = {
    "password": _by_password,
    CODE_GRANT: _by_code,
    "refresh_token": _by_refresh_token,
    "client_credentials": _by_client_credentials,
}


def _contact(form: TokenRequest) -> Contact:
    """The one contact of the form. Raises InvalidRequest."""
    given = [text for text in (form.username, form.phone, form.email) if text]
    if len(given) != 1:
        raise InvalidRequest("give one of username, phone and email")
    try:
        return contacts.contact(given[0])
    except NotAContact as error:
        raise InvalidRequest(str(error)) from error


def _client_credentials(form: TokenRequest, authorization: str) -> tuple[UUID, str]:
    """Id and secret, by HTTP Basic (RFC 6749 section 2.3.1) or in the form. Raises InvalidClient."""
    client_id, secret = form.client_id, form.client_secret
    scheme, _, encoded = authorization.partition(" ")
    try:
        if scheme.lower() == "basic":
            given_id, _, given_secret = base64.b64decode(encoded, validate=True).decode().partition(":")
            client_id, secret = unquote_plus(given_id), unquote_plus(given_secret)
        return UUID(client_id), secret
    except (binascii.Error, ValueError) as error:
        raise InvalidClient from error


@router.post("/v1/token/revoke", responses=documented(InvalidRequest))
async def revoke(
    identity: Identity, token: Annotated[str, Form()] = "", token_type_hint: Annotated[str, Form()] = ""
) -> Response:
    """End the session of a refresh token. Access tokens cannot be called back; they expire within minutes."""
    if not token:
        raise InvalidRequest("token is missing")
    async with identity.db.transaction() as conn:
        await revoke_token(conn, token)
    return Response(status_code=200, headers={"Cache-Control": "no-store"})
