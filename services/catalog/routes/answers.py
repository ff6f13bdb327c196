"""What routes share: the database of a request, JSON answers, and commands that may carry an Idempotency-Key.

Dependencies are `async` although they wait for nothing: others are sent through a thread.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias

import orjson
from fastapi import Depends, Request, Response
from pydantic import BaseModel

from services.catalog.settings import CatalogSettings
from shared import idempotency
from shared.auth import Principal
from shared.db import Connection
from shared.problems import documented


async def _settings(request: Request) -> CatalogSettings:
    settings: CatalogSettings = request.app.state.settings
    return settings


async def _key(request: Request) -> str | None:
    return idempotency.key_of(request) if "idempotency-key" in request.headers else None


Settings: TypeAlias = Annotated[CatalogSettings, Depends(_settings)]
OptionalKey: TypeAlias = Annotated[str | None, Depends(_key)]

OPTIONAL_KEY_DOCUMENTED: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": 255},
            "description": "Sent again with the same key, the command is done once and its answer repeated.",
        }
    ],
    "responses": {str(status): answer for status, answer in documented(idempotency.KeyMissing).items()},
}


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The answer with `content` as JSON."""
    return Response(as_json(content), status, headers=headers, media_type="application/json")


def as_json(content: Any) -> bytes:
    """`content` as JSON. asyncpg's own kind of UUID is what needs `str`."""
    return orjson.dumps(content, default=str)


async def once(
    conn: Connection,
    request: Request,
    person: Principal,
    key: str | None,
    body: Any,
    work: Callable[[], Awaitable[BaseModel]],
    *,
    status: int,
) -> Response:
    """Do `work`; with a key, once. Raises KeyReused, KeyInUse."""
    if key is None:
        return Response((await work()).model_dump_json(), status, media_type="application/json")
    return await idempotency.once(conn, idempotency.Claim.of(person.id, request, key, body), work, status=status)
