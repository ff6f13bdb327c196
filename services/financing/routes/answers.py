"""What routes share: JSON answers, and commands that are done once per Idempotency-Key."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias

import orjson
from fastapi import Depends, Request, Response
from pydantic import BaseModel

from services.financing.settings import FinancingSettings
from shared import idempotency
from shared.auth import Principal
from shared.db import Connection


async def _settings(request: Request) -> FinancingSettings:
    settings: FinancingSettings = request.app.state.settings
    return settings


Settings: TypeAlias = Annotated[FinancingSettings, Depends(_settings)]


def json_answer(content: Any, status: int = 200) -> Response:
    """The answer with `content` as JSON. asyncpg's own kind of UUID is what needs `str`."""
    return Response(orjson.dumps(content, default=str), status, media_type="application/json")


async def once(
    conn: Connection,
    request: Request,
    principal: Principal,
    key: str,
    body: Any,
    work: Callable[[], Awaitable[BaseModel]],
    *,
    status: int = 201,
) -> Response:
    """Do `work` once per key; its answer is stored in the same transaction. Raises KeyReused, KeyInUse."""
    return await idempotency.once(conn, idempotency.Claim.of(principal.id, request, key, body), work, status=status)
