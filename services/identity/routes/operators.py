"""What operators do: machine clients, platform roles, rotation of the signing keys.

Every call asks the database whether the caller is an operator now, whatever the token says.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.identity import store
from services.identity.routes.keys import KeySet
from services.identity.routes.running import Identity, Name
from services.identity.use_cases.erase_account import erase_account
from services.identity.use_cases.grant_role import grant_role, withdraw_role
from services.identity.use_cases.register_client import register_client
from services.identity.use_cases.rotate_keys import rotate_keys
from shared.auth import CurrentPerson, Principal, require_role
from shared.clock import utc_now
from shared.problems import Forbidden, NotFound, Unauthenticated, documented

router = APIRouter()

Scope = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,64}$")]  # RFC 6749 section 3.3
Role = Annotated[str, StringConstraints(pattern=r"^(operator|finance|government:\d{2}(\.\d{2})?)$")]


class NewClient(BaseModel):
    """A machine client."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    scopes: list[Scope] = Field(default=[], max_length=50)


class ClientMade(BaseModel):
    """Its credentials for client_credentials. The secret is not shown again."""

    client_id: UUID
    client_secret: str


async def _operator(person: Principal, identity: Identity) -> None:
    """Raise Forbidden unless the caller is an operator, now, not only by what the token says."""
    require_role(person, "operator")
    async with identity.db.reading() as conn:
        account = await store.account(conn, person.id)
    if account is None or "operator" not in account.roles:
        raise Forbidden


@router.post("/v1/clients", status_code=201, responses=documented(Unauthenticated, Forbidden))
async def create_client(body: NewClient, person: CurrentPerson, response: Response, identity: Identity) -> ClientMade:
    """Register a machine client (operators only)."""
    await _operator(person, identity)
    async with identity.db.transaction() as conn:
        scopes = tuple(sorted(set(body.scopes)))
        client_id, secret = await register_client(conn, body.name, scopes, made_by=person.id, now=utc_now())
    response.headers["Cache-Control"] = "no-store"
    return ClientMade(client_id=client_id, client_secret=secret)


@router.delete("/v1/clients/{client_id}", status_code=204, responses=documented(Unauthenticated, Forbidden, NotFound))
async def delete_client(client_id: UUID, person: CurrentPerson, identity: Identity) -> None:
    """End a machine client (operators only). Its access tokens work until they expire, minutes later."""
    await _operator(person, identity)
    async with identity.db.transaction() as conn:
        account = await store.account(conn, client_id)
        if account is None or account.kind != "client":
            raise NotFound
        await erase_account(conn, client_id, now=utc_now())


@router.put(
    "/v1/accounts/{account_id}/roles/{role}",
    status_code=204,
    responses=documented(Unauthenticated, Forbidden, NotFound),
)
async def give_role(account_id: UUID, role: Role, person: CurrentPerson, identity: Identity) -> None:
    """Grant a platform role (operators only)."""
    await _operator(person, identity)
    async with identity.db.transaction() as conn:
        await grant_role(conn, account_id, role, granted_by=person.id, now=utc_now())


@router.delete(
    "/v1/accounts/{account_id}/roles/{role}",
    status_code=204,
    responses=documented(Unauthenticated, Forbidden, NotFound),
)
async def take_role(account_id: UUID, role: Role, person: CurrentPerson, identity: Identity) -> None:
    """Withdraw a platform role (operators only)."""
    await _operator(person, identity)
    async with identity.db.transaction() as conn:
        await withdraw_role(conn, account_id, role)


@router.post("/v1/keys/rotate", responses=documented(Unauthenticated, Forbidden))
async def rotate_signing_keys(person: CurrentPerson, identity: Identity) -> KeySet:
    """Sign with the next key from now on (operators only)."""
    await _operator(person, identity)
    async with identity.db.transaction() as conn:
        await rotate_keys(conn, identity.keys.vault, now=utc_now())
        return KeySet(keys=await store.published_keys(conn))
