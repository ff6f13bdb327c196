"""Where payees and lenders are paid: set by a shop's owner, by a person for themselves, for a lender by an operator.

Whoever works in the shop without owning it may not touch this; everybody else finds nothing. Orders does not know which
machine client acts for which lender, so a lender asks an operator.
"""

from uuid import UUID

from fastapi import APIRouter

from services.orders import store
from services.orders.domain.payouts import Holder
from services.orders.store import bank_accounts
from services.orders.use_cases.set_bank_account import set_bank_account
from services.orders.views.payouts import BankAccountView, NewBankAccount
from shared.auth import CurrentPerson, Principal
from shared.clock import utc_now
from shared.db import Connection, Database
from shared.http import Db
from shared.problems import Forbidden, NotFound, Unauthenticated, documented

router = APIRouter(prefix="/v1", tags=["bank accounts"])
OWNER = "owner"
REFUSALS = documented(NotFound, Forbidden, Unauthenticated)


@router.put("/shops/{shop_id}/bank-account", responses=REFUSALS)
async def set_of_shop(shop_id: UUID, body: NewBankAccount, person: CurrentPerson, db: Db) -> BankAccountView:
    """The owner says where the shop is paid. A change holds payouts for some days."""
    async with db.transaction() as conn:
        await _require_owner(conn, shop_id, person)
        await set_bank_account(conn, body.as_account(shop_id, Holder.SHOP), person, now=utc_now())
    return await _view(db, shop_id)


@router.get("/shops/{shop_id}/bank-account", responses=REFUSALS)
async def show_of_shop(shop_id: UUID, person: CurrentPerson, db: Db) -> BankAccountView:
    """Where the shop is paid, for its owner."""
    async with db.reading() as conn:
        await _require_owner(conn, shop_id, person)
    return await _view(db, shop_id)


@router.put("/me/bank-account", responses=documented(Forbidden, Unauthenticated))
async def set_mine(body: NewBankAccount, person: CurrentPerson, db: Db) -> BankAccountView:
    """Where I am paid, as a member of joint listings."""
    if person.kind != "person":
        raise Forbidden("a lender's account is set at its lender")
    async with db.transaction() as conn:
        if await store.erased_among(conn, [person.id]):
            raise Forbidden
        await set_bank_account(conn, body.as_account(person.id, Holder.PERSON), person, now=utc_now())
    return await _view(db, person.id)


@router.get("/me/bank-account", responses=documented(NotFound, Unauthenticated))
async def show_mine(person: CurrentPerson, db: Db) -> BankAccountView:
    """Where I am paid."""
    return await _view(db, person.id)


@router.put("/lenders/{lender_id}/bank-account", responses=documented(NotFound, Unauthenticated))
async def set_of_lender(lender_id: UUID, body: NewBankAccount, person: CurrentPerson, db: Db) -> BankAccountView:
    """Where instalments for a lender go: set by an operator."""
    _require_operator(person)
    async with db.transaction() as conn:
        await set_bank_account(conn, body.as_account(lender_id, Holder.LENDER), person, now=utc_now())
    return await _view(db, lender_id)


@router.get("/lenders/{lender_id}/bank-account", responses=documented(NotFound, Unauthenticated))
async def show_of_lender(lender_id: UUID, person: CurrentPerson, db: Db) -> BankAccountView:
    """Where instalments for a lender go."""
    _require_operator(person)
    return await _view(db, lender_id)


async def _require_owner(conn: Connection, shop_id: UUID, person: Principal) -> None:
    role = await store.role_in_shop(conn, shop_id=shop_id, account_id=person.id)
    if role is None:
        raise NotFound
    if role != OWNER:
        raise Forbidden("only the owner decides where the shop is paid")


def _require_operator(person: Principal) -> None:
    """Raises NotFound: to everybody else lenders' accounts do not exist."""
    if "operator" not in person.roles:
        raise NotFound


async def _view(db: Database, holder_id: UUID) -> BankAccountView:
    async with db.reading() as conn:
        row = await bank_accounts.bank_account(conn, holder_id)
        if row is None:
            raise NotFound
        return BankAccountView.of(row, await bank_accounts.bank_account_changes(conn, holder_id))
