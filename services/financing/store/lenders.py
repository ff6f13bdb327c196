"""Who lends."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg

from services.financing.domain.problems import LenderTaken
from services.financing.store.named import queries
from shared.db import Connection
from shared.sql import Row


@dataclass(frozen=True, slots=True)
class Lender:
    """A licensed partner. `client_id`: the machine client of identity that acts for it."""

    lender_id: UUID
    client_id: UUID
    slug: str
    name: str
    state: str
    registered_at: datetime


async def insert_lender(conn: Connection, lender: Lender) -> None:
    """A new lender. Raises LenderTaken."""
    try:
        await queries.insert_lender.run(
            conn,
            lender_id=lender.lender_id,
            client_id=lender.client_id,
            slug=lender.slug,
            name=lender.name,
            registered_at=lender.registered_at,
        )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name in ("lenders_client", "lenders_slug"):
            raise LenderTaken from error
        raise


async def lender_of_client(conn: Connection, client_id: UUID) -> Lender | None:
    """The active lender for which this machine client acts."""
    row = await queries.lender_by_client.row(conn, client_id=client_id)
    return None if row is None else _lender(row)


async def is_active(conn: Connection, lender_id: UUID) -> bool:
    """Whether the lender may make loans."""
    return bool(await queries.lender_is_active.value(conn, lender_id=lender_id))


async def set_state(conn: Connection, lender_id: UUID, state: Literal["active", "suspended"]) -> Lender | None:
    """The lender as it is from now on; None when there is no such lender."""
    row = await queries.set_lender_state.row(conn, lender_id=lender_id, state=state)
    return None if row is None else _lender(row)


async def lenders(conn: Connection) -> list[Lender]:
    """All of them."""
    return [_lender(row) for row in await queries.lenders.rows(conn)]


def _lender(row: Row) -> Lender:
    return Lender(*row.values())
