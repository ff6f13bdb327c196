"""What people do with their own account, contacts, notices and sessions.

No answer tells whether a contact is known: who asks for one that is taken gets what everybody gets.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from services.identity import store
from services.identity.domain import contacts, passwords
from services.identity.domain.contacts import Contact
from services.identity.domain.problems import TooManyAttempts, TooManyCodes, WrongCode
from services.identity.routes.running import Identity, Name, address_of
from services.identity.use_cases.change_password import change_password
from services.identity.use_cases.end_session import end_session
from services.identity.use_cases.erase_account import erase_account
from services.identity.use_cases.limit_rate import count_attempt, count_code, forgive_attempt
from services.identity.use_cases.prove_contact import prove_contact, verify_contact
from services.identity.use_cases.register_account import ContactTaken, RegisterAccount, register_account
from services.identity.use_cases.request_code import CODE_SECONDS, CodePurpose, request_code
from shared import paging
from shared.auth import CurrentPerson, Principal
from shared.clock import utc_now
from shared.db import Connection
from shared.paging import Cursor, Limit
from shared.problems import Forbidden, Malformed, NotFound, Overloaded, Unauthenticated, documented

router = APIRouter()


class WithContact(BaseModel):
    """A phone number or an e-mail address, not both."""

    model_config = ConfigDict(extra="forbid")

    phone: Annotated[
        str | None,
        Field(max_length=30, description="0812..., 62812... or +62812...; other countries with their prefix."),
        AfterValidator(lambda text: text and contacts.phone(text).value),
    ] = None
    email: Annotated[
        str | None, Field(max_length=254), AfterValidator(lambda text: text and contacts.email(text).value)
    ] = None

    @model_validator(mode="after")
    def has_one_contact(self) -> "WithContact":
        """Either is enough, both are ambiguous."""
        if bool(self.phone) == bool(self.email):
            raise ValueError("give a phone or an email, and not both")
        return self

    @property
    def contact(self) -> Contact:
        """The contact, in its one spelling."""
        return Contact("phone", self.phone) if self.phone else Contact("email", str(self.email))


class NewAccount(WithContact):
    """A person who registers. With an e-mail address a password is needed, with a phone a one-time code will do."""

    name: Name
    password: str | None = Field(default=None, min_length=passwords.LENGTH_MIN, max_length=passwords.LENGTH_MAX)
    notices: bool = Field(default=False, description="Whether to send notices about one's orders.")

    @model_validator(mode="after")
    def has_password_with_email(self) -> "NewAccount":
        """A phone can always get a code; mail is slower."""
        if self.email and self.password is None:
            raise ValueError("an account with an email needs a password")
        return self


class AccountMade(BaseModel):
    """The id of the account; who signs in learns it from /v1/accounts/me for certain."""

    account_id: UUID


@router.post("/v1/accounts", status_code=201, responses=documented(Overloaded))
async def create_account(body: NewAccount, identity: Identity) -> AccountMade:
    """Register a person.

    An account with a password can sign in at once; notices are sent only to a contact that was verified with a code.
    """
    command = RegisterAccount(body.contact, body.name, body.notices)
    while True:
        proof = None
        if body.password is not None:
            async with identity.db.reading() as conn:
                known = await store.contact(conn, command.contact)
            stored = None if known is None else known.password_hash
            proof = await identity.passwords.check_or_hash(body.password, stored)
        try:
            async with identity.db.transaction() as conn:
                return AccountMade(account_id=await register_account(conn, command, proof, now=utc_now()))
        except ContactTaken:
            continue


class ContactView(BaseModel):
    """One of the person's own contacts."""

    kind: contacts.ContactKind
    value: str
    is_verified: bool


class AccountView(BaseModel):
    """The person's own account."""

    account_id: UUID
    kind: Literal["person", "client"]
    name: str
    contacts: list[ContactView]
    roles: list[str]
    notices: bool
    has_password: bool
    registered_at: datetime | None


@router.get("/v1/accounts/me", responses=documented(Unauthenticated))
async def read_own_account(person: CurrentPerson, identity: Identity) -> AccountView:
    """One's own account."""
    async with identity.db.reading() as conn:
        account = await store.account(conn, person.id)
        if account is None:
            raise Unauthenticated  # erased, while a token still lives
        reached_by = await store.contacts_of(conn, person.id)
    return AccountView(
        account_id=account.id,
        kind=account.kind,
        name=account.name,
        contacts=[ContactView(kind=c.kind, value=c.value, is_verified=verified) for c, verified in reached_by],
        roles=list(account.roles),
        notices=account.wants_notices,
        has_password=account.password_hash is not None,
        registered_at=account.registered_at,
    )


@router.delete("/v1/accounts/me", status_code=204, responses=documented(Unauthenticated, Forbidden))
async def delete_own_account(person: CurrentPerson, identity: Identity) -> None:
    """Be forgotten: contacts, credentials, sessions and name are deleted, here and then in every service."""
    if person.kind != "person":
        raise Forbidden
    async with identity.db.transaction() as conn:
        await erase_account(conn, person.id, now=utc_now())


class NoticeChoice(BaseModel):
    """Whether to send notices about one's orders."""

    model_config = ConfigDict(extra="forbid")

    orders: bool


@router.put("/v1/accounts/me/notices", responses=documented(Unauthenticated))
async def choose_notices(body: NoticeChoice, person: CurrentPerson, identity: Identity) -> NoticeChoice:
    """Ask for notices about one's orders, or end them. They go to a verified contact, the phone first."""
    async with identity.db.transaction() as conn:
        if not await store.want_notices(conn, person.id, wanted=body.orders):
            raise Unauthenticated
    return body


class CodeRequest(WithContact):
    """Where to send a code."""

    purpose: CodePurpose


class CodeSent(BaseModel):
    """If the contact is known, a code is on its way."""

    expires_in: int = Field(description="Seconds.")


@router.post("/v1/codes", status_code=202, responses=documented(TooManyCodes))
async def send_code(body: CodeRequest, request: Request, identity: Identity) -> CodeSent:
    """Have a one-time code sent, for `POST /v1/token` or to verify a contact. It replaces an older one."""
    async with identity.db.transaction() as conn:
        await count_code(conn, identity.keys.limits, identity.limits, body.contact, address_of(request))
        await request_code(conn, body.contact, purpose=body.purpose, now=utc_now())
    return CodeSent(expires_in=CODE_SECONDS)


class Verification(WithContact):
    """The code that came."""

    code: str = Field(min_length=6, max_length=12)


@router.post(
    "/v1/accounts/me/verifications", status_code=204, responses=documented(Unauthenticated, WrongCode, TooManyAttempts)
)
async def verify_own_contact(body: Verification, person: CurrentPerson, request: Request, identity: Identity) -> None:
    """Verify one's own contact with a code while signed in, which keeps password and sessions."""
    whose = (identity.keys.limits, identity.limits, body.contact, address_of(request))
    async with identity.db.transaction() as conn:
        await count_attempt(conn, *whose)
        proven = await _prove_own(conn, person, body, identity)
        if proven is not None:
            await verify_contact(conn, proven, now=utc_now())
            await forgive_attempt(conn, *whose)
    if proven is None:
        raise WrongCode


class NewPassword(Verification):
    """A new password, and the code that proves a contact of the account."""

    password: str = Field(min_length=passwords.LENGTH_MIN, max_length=passwords.LENGTH_MAX)


@router.put(
    "/v1/accounts/me/password",
    status_code=204,
    responses=documented(Unauthenticated, WrongCode, TooManyAttempts, Overloaded),
)
async def change_own_password(body: NewPassword, person: CurrentPerson, request: Request, identity: Identity) -> None:
    """Set or change the password with a fresh code. All sessions end: whoever knew the old one is signed out."""
    made = await identity.passwords.check_or_hash(body.password, None)
    assert made.hash is not None, "a password without a stored one is hashed"
    whose = (identity.keys.limits, identity.limits, body.contact, address_of(request))
    async with identity.db.transaction() as conn:
        await count_attempt(conn, *whose)
        proven = await _prove_own(conn, person, body, identity)
        if proven is not None:
            await change_password(conn, proven, made.hash, now=utc_now())
            await forgive_attempt(conn, *whose)
    if proven is None:
        raise WrongCode


async def _prove_own(
    conn: Connection, person: Principal, body: Verification, identity: Identity
) -> store.KnownContact | None:
    """The caller's own contact, proven by the code; None when it is not theirs or the code is not right."""
    known = await store.contact(conn, body.contact)
    if known is None or known.account_id != person.id:
        return None
    proven = await prove_contact(conn, body.contact, body.code, key=identity.keys.codes, now=utc_now())
    return None if proven is None else proven[1]


class SessionView(BaseModel):
    """Where one is signed in."""

    session_id: UUID
    method: str
    started_at: datetime
    used_at: datetime
    expires_at: datetime


class SessionPage(BaseModel):
    """One's own sessions, newest first."""

    items: list[SessionView]
    next_cursor: str | None


@router.get("/v1/sessions", responses=documented(Unauthenticated))
async def list_own_sessions(
    person: CurrentPerson, identity: Identity, limit: Limit = 20, cursor: Cursor = None
) -> SessionPage:
    """Where one is signed in."""
    before_at, before_id = datetime(9999, 1, 1, tzinfo=UTC), UUID(int=0)
    if cursor is not None:
        before_at, before_id = _session_position(cursor)
    async with identity.db.reading() as conn:
        found = await store.sessions_of(
            conn, person.id, now=utc_now(), before_at=before_at, before_id=before_id, most=limit + 1
        )
    page = found[:limit]
    more = paging.encode(page[-1].started_at.isoformat(), page[-1].id) if len(found) > limit else None
    return SessionPage(
        items=[SessionView(session_id=s.id, method=s.method, started_at=s.started_at, used_at=s.used_at,
                           expires_at=s.expires_at) for s in page],
        next_cursor=more,
    )  # fmt: skip


def _session_position(cursor: str) -> tuple[datetime, UUID]:
    """Where the next page begins. Raises Malformed."""
    at, session_id = paging.decode(cursor, size=2)
    try:
        return paging.moment(at), UUID(session_id)
    except (ValueError, TypeError, AttributeError) as error:
        raise Malformed("the cursor is not one of this list") from error


@router.delete("/v1/sessions/{session_id}", status_code=204, responses=documented(Unauthenticated, NotFound))
async def end_own_session(session_id: UUID, person: CurrentPerson, identity: Identity) -> None:
    """Sign out somewhere. Its access token works until it expires, minutes later."""
    async with identity.db.transaction() as conn:
        await end_session(conn, person.id, session_id)
