"""The queries of the aid register."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.programmes.domain.officer import Officer
from services.programmes.domain.problems import AidTwice, NotToYourself
from services.programmes.store.named import queries, rights
from shared.db import Connection
from shared.problems import Problem
from shared.sql import Row

VIOLATIONS: dict[str, type[Problem]] = {"aids_once": AidTwice, "aids_not_to_oneself": NotToYourself}


async def insert_aid(conn: Connection, **values: Any) -> None:
    """A new entry; `values` are the parameters of insert_aid. Raises AidTwice, NotToYourself."""
    try:
        await queries.insert_aid.run(conn, **values)
    except asyncpg.IntegrityConstraintViolationError as error:
        problem = VIOLATIONS.get(error.constraint_name or "")
        if problem is None:
            raise
        raise problem from error


async def decide(
    conn: Connection, aid_id: UUID, officer: Officer, *, state: str, by: UUID, now: datetime
) -> Row | None:
    """The aid as decided; None when this officer cannot, or nobody any more."""
    return await queries.decide_aid.row(conn, aid_id=aid_id, state=state, decided_by=by, now=now, **rights(officer))


async def aid_for(conn: Connection, aid_id: UUID, officer: Officer) -> Row | None:
    """For officers of its region."""
    return await queries.aid_for.row(conn, aid_id=aid_id, **rights(officer))


async def aids_of(conn: Connection, person_id: UUID, *, after: tuple[datetime, UUID], limit: int) -> list[Row]:
    """A person's own."""
    return await queries.aids_of_person.rows(
        conn, person_id=person_id, after_at=after[0], after_id=after[1], limit=limit
    )


async def aids_for(
    conn: Connection, officer: Officer, *, region: str | None, after: tuple[datetime, UUID], limit: int
) -> list[Row]:
    """The register of the officer's regions."""
    return await queries.aids_for.rows(
        conn, region=region, after_at=after[0], after_id=after[1], limit=limit, **rights(officer)
    )


async def is_shop_of(conn: Connection, shop_id: UUID, person_id: UUID) -> bool:
    """Whether the shop is known here as this person's."""
    return await queries.shop_of_person.value(conn, shop_id=shop_id, person_id=person_id) is True
