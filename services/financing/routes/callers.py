"""Who is calling: the lender for which a machine client acts."""

from typing import Annotated, TypeAlias

from fastapi import Depends

from services.financing.domain.problems import LenderNotFound
from services.financing.store.lenders import Lender, lender_of_client
from shared.auth import CurrentPerson
from shared.http import Db


async def _lender(principal: CurrentPerson, db: Db) -> Lender:
    if principal.kind != "client":
        raise LenderNotFound
    async with db.reading() as conn:
        lender = await lender_of_client(conn, principal.id)
    if lender is None:
        raise LenderNotFound
    return lender


CurrentLender: TypeAlias = Annotated[Lender, Depends(_lender)]
