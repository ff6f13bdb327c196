"""The audit of cooperatives: clean after what happens, and each check sees what is planted for it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from services.cooperatives.settings import CooperativesSettings
from shared.clock import utc_now
from shared.contracts.identity import AccountErased
from tests.conftest import MakeDatabase
from tests.cooperatives.auditing import faults, faults_after
from tests.cooperatives.conftest import LIMIT, Cooperative, Member, Office, office_on
from tests.cooperatives.test_books import book, sale
from tests.cooperatives.test_charging import charge, refund


@dataclass
class World:
    """A cooperative in which everything has happened once."""

    office: Office
    cooperative: Cooperative
    member: Member
    former: Member
    withdrawal_id: UUID


@pytest_asyncio.fixture(scope="module")
async def world(make_database: MakeDatabase, cooperatives_settings: CooperativesSettings) -> AsyncIterator[World]:
    """Members, one of them gone; a withdrawal that waits; a journal; a charge with a refund; a person forgotten."""
    db = await make_database("cooperatives", settings=cooperatives_settings)
    async with office_on(db, cooperatives_settings) as office:
        yield await _live(office)


async def _live(office: Office) -> World:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=3 * LIMIT)
    former = await office.member(cooperative, voluntary_minor=5_000)
    await book(office, cooperative, sale())
    asked = charge(cooperative, member, 30_000)
    await office.hear(asked)
    await office.hear(refund(asked, 10_000))
    await office.post(f"{cooperative.path}{former.path}/end", cooperative.chair, {"reason": "resigned"}, status=201)
    await office.hear(AccountErased(account_id=former.person.account_id, erased_at=utc_now()))
    path = f"{cooperative.path}{member.path}/withdrawals"
    waiting = await office.post(path, cooperative.treasurer, {"amount_minor": LIMIT + 1}, status=201)
    await office.post(path, cooperative.treasurer, {"amount_minor": 7}, status=201)
    return World(office, cooperative, member, former, UUID(waiting.json()["withdrawal_id"]))


async def test_nothing_is_found_when_all_is_well(world: World) -> None:
    assert await faults(world.office.db) == {}


PLANTED = [
    ("register_positions_have_no_gap", "DELETE FROM register_entries WHERE position = 1 AND cooperative_id = '{c}'"),
    ("register_numbers_have_no_gap", "UPDATE members SET register_number = 7 WHERE member_id = '{m}'"),
    (
        "members_have_paid_their_principal",
        "UPDATE cooperatives SET principal_savings_minor = 9 WHERE cooperative_id = '{c}'",
    ),
    (
        "savings_agree_with_the_ledger",
        "DELETE FROM savings_movements WHERE member_id = '{m}' AND reason = 'deposit' AND kind = 'voluntary'",
    ),
    (
        "savings_movements_are_entries",
        "UPDATE savings_movements SET amount_minor = -8 WHERE member_id = '{m}' AND amount_minor = -7",
    ),
    (
        "books_of_a_cooperative_balance",
        "UPDATE ledger_accounts SET balance_minor = balance_minor + 1 WHERE code = 'coop:{c}:1101'",
    ),
    ("ledger_accounts_are_in_the_books", "DELETE FROM books WHERE code = '5201' AND cooperative_id = '{c}'"),
    (
        "withdrawals_are_paid_once_by_who_may",
        "UPDATE withdrawals SET state = 'paid', decided_by = gen_random_uuid(), decided_at = now()"
        " WHERE withdrawal_id = '{w}'",
    ),
    (
        "journals_are_booked_when_posted",
        "UPDATE journal_lines SET amount_minor = amount_minor + 1 WHERE journal_id IN"
        " (SELECT journal_id FROM journals WHERE cooperative_id = '{c}')",
    ),
    ("charges_are_posted_once", "DELETE FROM savings_movements WHERE reason = 'charge' AND member_id = '{m}'"),
    (
        "charges_are_posted_once",
        "UPDATE savings_charges SET refunded_minor = refunded_minor + 1 WHERE member_id = '{m}'",
    ),
    (
        "clearing_is_what_orders_took",
        "UPDATE ledger_accounts SET balance_minor = balance_minor - 1 WHERE code = 'clearing:orders:{c}'",
    ),
    (
        "clearing_is_what_orders_took",
        "INSERT INTO clearing_payments VALUES (gen_random_uuid(), '{c}', 5, 5, now(), now())",
    ),
    (
        "market_limits_are_what_operators_set",
        "UPDATE cooperatives SET market_limit_minor = market_limit_minor + 1 WHERE cooperative_id = '{c}'",
    ),
    ("market_limits_are_what_operators_set", "UPDATE market_limits SET before_minor = 5 WHERE cooperative_id = '{c}'"),
    ("nobody_forgotten_is_named", "UPDATE members SET account_id = '{a}' WHERE member_id = '{f}'"),
]


@pytest.mark.parametrize(("check", "statement"), PLANTED)
async def test_each_check_sees_what_is_planted_for_it(world: World, stack: Stack, check: str, statement: str) -> None:
    planted = statement.format(
        c=world.cooperative.cooperative_id,
        m=world.member.member_id,
        f=world.former.member_id,
        a=world.former.person.account_id,
        w=world.withdrawal_id,
    )

    found = await faults_after(stack, world.office.db, planted)

    assert check in found


async def test_an_empty_database_is_clean(make_database: MakeDatabase) -> None:
    assert await faults(await make_database("cooperatives", size=2)) == {}
