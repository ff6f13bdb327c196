"""Who is calling: the lender for which a machine client acts."""

from typing import Annotated, TypeAlias

from fastapi import Depends

from services.financing.domain.problems import LenderNotFound
from services.financing.store.lenders import Lender, lender_of_client
from shared.auth import CurrentPerson
from shared.http import Db


async def _maybe_lender(principal: CurrentPerson, db: Db) -> Lender | None:
    """None for a person. Raises LenderNotFound for a machine client that acts for no lender."""
    if principal.kind != "client":
        return None
    async with db.reading() as conn:
        lender = await lender_of_client(conn, principal.id)
    if lender is None:
        raise LenderNotFound
    return lender


async def _lender(principal: CurrentPerson, db: Db) -> Lender:
    lender = await _maybe_lender(principal, db)
    if lender is None:
        raise LenderNotFound
    return lender


CurrentLender: TypeAlias = Annotated[Lender, Depends(_lender)]
MaybeLender: TypeAlias = Annotated[Lender | None, Depends(_maybe_lender)]
