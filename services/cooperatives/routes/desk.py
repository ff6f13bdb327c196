"""What routes share: settings, commands with an Idempotency-Key, cursors, and words that people write."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, StringConstraints

from services.cooperatives import store
from services.cooperatives.domain.savings import Reason, SavingsKind
from services.cooperatives.settings import CooperativesSettings
from shared import idempotency, paging
from shared.auth import Principal
from shared.db import Connection
from shared.money import CURRENCY
from shared.problems import Malformed

Words: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Phone: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{7,14}$")]
Digits: TypeAlias = Annotated[str, StringConstraints(min_length=10, max_length=25)]


async def _settings(request: Request) -> CooperativesSettings:
    settings: CooperativesSettings = request.app.state.settings
    return settings


Settings: TypeAlias = Annotated[CooperativesSettings, Depends(_settings)]


async def once(
    conn: Connection,
    request: Request,
    person: Principal,
    key: str,
    body: Any,
    work: Callable[[], Awaitable[BaseModel]],
    *,
    status: int = 201,
) -> Response:
    """Do `work` once for this key. Raises KeyReused, KeyInUse."""
    claim = idempotency.Claim.of(person.id, request, key, body)
    return await idempotency.once(conn, claim, work, status=status)


def position(cursor: str | None) -> UUID | None:
    """The id after which a page begins. Raises Malformed."""
    if cursor is None:
        return None
    (last,) = paging.decode(cursor, size=1)
    try:
        return UUID(str(last))
    except ValueError as error:
        raise Malformed("the cursor is not one of this list") from error


def part_of(text: str | None) -> str | None:
    """What is searched for in names, as the pattern of a LIKE; None when nothing is."""
    part = (text or "").replace("\x00", "").strip().lower()
    return part.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") or None


class MovementView(BaseModel):
    """A line of a member's statement; negative when it left the savings."""

    movement_id: UUID
    kind: SavingsKind
    amount_minor: int
    reason: Reason
    moved_at: AwareDatetime


class StatementPage(BaseModel):
    """A member's statement, newest first, in rupiah."""

    member_id: UUID
    currency: str
    items: list[MovementView]
    next_cursor: str | None


async def statement(conn: Connection, member_id: UUID, *, limit: int, cursor: str | None) -> StatementPage:
    """A page of a statement; who may read it was decided before. Raises Malformed."""
    before = None
    if cursor is not None:
        at, movement_id, kind = paging.decode(cursor, size=3)
        if kind not in list(SavingsKind):
            raise Malformed("the cursor is not one of this list")
        before = (paging.moment(at), position(paging.encode(movement_id)) or member_id, str(kind))
    rows = await store.movements(conn, member_id, before=before, most=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    return StatementPage(
        member_id=member_id,
        currency=CURRENCY,
        items=[MovementView(**row) for row in rows[:limit]],
        next_cursor=None if last is None else paging.encode(last["moved_at"], last["movement_id"], last["kind"]),
    )
