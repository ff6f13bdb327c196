"""Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header): a command that is sent again is done once.

The scope of a key is the caller and the route with its parameters. The answer is stored in the transaction of its
effect and replayed byte for byte. The same key with another body is 422, a key still being worked on 409, a missing key
400. Refusals are not stored: a corrected request may use the key again. Keys are remembered for 30 days.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson
from fastapi import Depends, Request, Response
from pydantic import BaseModel

from shared import sql
from shared.db import Connection
from shared.problems import Problem

queries = sql.load(__file__, "kernel.sql")

KEPT_DAYS = 30


class KeyMissing(Problem):
    """This request needs an Idempotency-Key header: any text of your own, new for each new intention."""

    status = 400
    slug = "idempotency-key-missing"


class KeyReused(Problem):
    """This Idempotency-Key was used for another request."""

    status = 422
    slug = "idempotency-key-reused"


class KeyInUse(Problem):
    """A request with this Idempotency-Key is being worked on right now; ask again shortly."""

    status = 409
    slug = "idempotency-key-in-use"
    headers = {"Retry-After": "1"}  # noqa: RUF012  declared ClassVar in Problem


@dataclass(frozen=True, slots=True)
class Claim:
    """One use of a key."""

    principal_id: UUID
    route: str
    key: str
    fingerprint: bytes

    @classmethod
    def of(cls, principal_id: UUID, request: Request, key: str, body: Any) -> "Claim":
        """The claim of a request; `body` is its parsed JSON or model."""
        return cls(principal_id, f"{request.method} {request.url.path}", key, fingerprint(body))


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer given before."""

    status: int
    body: bytes


def fingerprint(body: Any) -> bytes:
    """SHA-256 of the canonical JSON of `body`."""
    plain = body.model_dump(mode="json") if isinstance(body, BaseModel) else body
    return hashlib.sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).digest()


def key_of(request: Request) -> str:
    """The key of a request, quoted or bare. Raises KeyMissing."""
    raw = request.headers.get("idempotency-key", "").strip()
    if len(raw) >= 2 and raw[0] == raw[-1] == '"':
        raw = raw[1:-1]
    if not raw:
        raise KeyMissing
    if len(raw) > 255 or not raw.isascii() or not raw.isprintable():
        raise KeyMissing("the key must be at most 255 printable ASCII characters")
    return raw


async def _required_key(request: Request) -> str:
    return key_of(request)


IdempotencyKey: TypeAlias = Annotated[str, Depends(_required_key)]


async def claim(conn: Connection, claims: list[Claim]) -> list[Replay | Problem | None]:
    """For each claim: the answer given before, a Problem, or None: it is yours until the transaction ends."""
    rows = await queries.idempotency_claim.rows(
        conn,
        principal_ids=[c.principal_id for c in claims],
        routes=[c.route for c in claims],
        keys=[c.key for c in claims],
    )
    outcomes: list[Replay | Problem | None] = []
    seen: set[tuple[UUID, str, str]] = set()
    for claimed, row in zip(claims, rows, strict=True):
        scope = (claimed.principal_id, claimed.route, claimed.key)
        if row["status"] is not None:
            same = row["fingerprint"] == claimed.fingerprint
            outcomes.append(Replay(row["status"], row["body"]) if same else KeyReused())
        elif scope in seen or not row["is_locked"]:
            outcomes.append(KeyInUse())
        else:
            seen.add(scope)
            outcomes.append(None)
    return outcomes


async def store(conn: Connection, answers: list[tuple[Claim, int, bytes]]) -> None:
    """Keep the answers, in the transaction of their effects. Raises KeyInUse when another one was faster."""
    try:
        await queries.idempotency_store.run(
            conn,
            principal_ids=[c.principal_id for c, _, _ in answers],
            routes=[c.route for c, _, _ in answers],
            keys=[c.key for c, _, _ in answers],
            fingerprints=[c.fingerprint for c, _, _ in answers],
            statuses=[status for _, status, _ in answers],
            bodies=[body for _, _, body in answers],
        )
    except asyncpg.UniqueViolationError as error:
        raise KeyInUse from error


async def once(
    conn: Connection, claimed: Claim, work: Callable[[], Awaitable[BaseModel]], *, status: int = 201
) -> Response:
    """Do `work` and store its answer, or replay the answer given before. Raises KeyReused, KeyInUse."""
    (outcome,) = await claim(conn, [claimed])
    if isinstance(outcome, Problem):
        raise outcome
    if outcome is None:
        body = (await work()).model_dump_json().encode()
        await store(conn, [(claimed, status, body)])
        outcome = Replay(status, body)
    return answer(outcome)


def answer(replay: Replay) -> Response:
    """The HTTP answer."""
    return Response(replay.body, replay.status, media_type="application/json")
