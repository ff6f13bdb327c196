"""The books of cooperatives: which ledger account is where, and what is posted, waits or was booked."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from uuid import UUID

from services.cooperatives.domain.chart import Place, line_of
from services.cooperatives.domain.problems import BalanceRefused
from services.cooperatives.store.named import money
from shared import ledger
from shared.db import Connection
from shared.ledger import Reason, Refused, Transfer
from shared.problems import Problem


async def accounts(conn: Connection, places: Collection[Place], *, on: date) -> dict[Place, UUID]:
    """The ledger accounts of these places; those that were never used are opened."""
    wanted = list(dict.fromkeys(places))
    found = await _known(conn, wanted)
    if missing := [place for place in wanted if place not in found]:
        opened = await ledger.open_accounts(conn, [place.as_account(line_of(place.code, on)) for place in missing])
        await money.insert_books.run(
            conn,
            ledger_account_ids=[opened[place.name] for place in missing],
            cooperative_ids=[place.cooperative_id for place in missing],
            codes=[place.code for place in missing],
            member_ids=[place.member_id for place in missing],
        )
        found |= {place: opened[place.name] for place in missing}
    return found


async def _known(conn: Connection, places: Sequence[Place]) -> dict[Place, UUID]:
    rows = await money.books.rows(
        conn,
        cooperative_ids=[place.cooperative_id for place in places],
        codes=[place.code for place in places],
        member_ids=[place.member_id for place in places],
    )
    return {Place(row["cooperative_id"], row["code"], row["member_id"]): row["ledger_account_id"] for row in rows}


async def post(conn: Connection, *transfers: Transfer, short: Mapping[UUID, type[Problem]]) -> None:
    """Post all of these or none. `short` says what it means when an account has too little; else BalanceRefused."""
    try:
        await ledger.post_all(conn, transfers)
    except Refused as error:
        raise meaning(error.refusals, short) from error


def meaning(refusals: Sequence[ledger.Refusal], short: Mapping[UUID, type[Problem]]) -> Problem:
    """The refusal that the ledger's means."""
    decisive = next(refusal for refusal in refusals if refusal.reason is not Reason.NOT_DONE)
    account_id = decisive.account_id
    kind = None if account_id is None or decisive.reason is not Reason.BELOW_MINIMUM else short.get(account_id)
    return BalanceRefused(decisive.reason.value) if kind is None else kind()
