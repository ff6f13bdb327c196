"""What the database refuses whoever asks: a service's role, and the owner of the tables; and what the audit finds."""

import re
from dataclasses import dataclass
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

import deploy.audit
from deploy.local.stack import Stack
from shared import audit, ledger
from shared.clock import utc_now
from shared.db import Database
from shared.ledger import Hold, Kind, Settlement, Side, Transfer, credit, debit
from shared.testing import prepare_all
from tests.ledger.conftest import AT, Books, NewBooks, move

TABLES = ("ledger_accounts", "ledger_holds", "ledger_transfers", "ledger_entries")
RENAMED = "UPDATE :table SET currency = 'USD'"


async def test_every_named_query_can_be_prepared(books: Books) -> None:
    await prepare_all(books.db, ledger.queries)
    await prepare_all(books.db, audit.ledger_checks)


async def test_enums_are_the_same_in_both_languages(books: Books) -> None:
    async with books.db.reading() as conn:
        for name, enum in (("ledger_kind", Kind), ("ledger_side", Side)):
            rows = await conn.fetch(
                "SELECT enumlabel FROM pg_enum WHERE enumtypid = $1::text::regtype ORDER BY enumsortorder", name
            )
            assert [row["enumlabel"] for row in rows] == [member.value for member in enum]


@pytest.mark.parametrize("table", TABLES)
async def test_a_service_cannot_write_rows_itself(books: Books, table: str) -> None:
    async with books.db.reading() as conn:
        for sql in ("INSERT INTO :table DEFAULT VALUES", "DELETE FROM :table", "TRUNCATE :table", RENAMED):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(sql.replace(":table", table))


@pytest.mark.parametrize("table", TABLES)
async def test_the_owner_cannot_delete_or_rewrite_either(books: Books, table: str) -> None:
    savings, seller = await books.account_with(100), await books.account()
    hold = Hold(uuid4(), savings, seller, 5, "checkout", AT)
    async with books.db.transaction() as conn:
        await ledger.hold(conn, [hold])

    async with books.owner() as conn:
        for sql in ("DELETE FROM :table", "TRUNCATE :table CASCADE", RENAMED):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(sql.replace(":table", table))


async def test_who_audits_cannot_post(books: Books) -> None:
    conn = await asyncpg.connect(books.audit_dsn)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute("SELECT ledger_post('[]', false)")
    await conn.close()


WORDS = {
    "entries": "INSERT INTO ledger_entries (transfer_id, leg, account_id, currency, side, amount_minor,"
    " account_version, balance_after_minor) VALUES",
    "transfer": "INSERT INTO ledger_transfers (id, currency, legs, reason, event_at, created_at, fingerprint)"
    " VALUES (':t', 'IDR', 2, 'forged', now(), now(), '')",
    "change": "UPDATE ledger_accounts SET version = version + 1, balance_minor = balance_minor",
    "last": "account_id = :one AND account_version = (SELECT version FROM ledger_accounts WHERE id = :one)",
    "one": "(SELECT id FROM ledger_accounts WHERE version > 1 AND kind = 'liability' ORDER BY code LIMIT 1)",
}


def written_out(sql: str, **words: object) -> str:
    """The SQL with its `:words` replaced; they may hold other ones."""
    for name, value in {**WORDS, **words}.items():
        sql = re.sub(rf"(?<!:):{name}\b", str(value), sql)
    return sql


@dataclass(frozen=True)
class Forgery:
    """What the owner tries by hand (:t a new transfer, :a an account with 100, :b one with 0), and what stops it."""

    sql: str
    stopped_by: str


FORGERIES = {
    "legs that do not balance": Forgery(
        ":transfer; :change - 5 WHERE id = ':a'; :change + 6 WHERE id = ':b';"
        ":entries (':t', 1, ':a', 'IDR', 'debit', 5, 2, 95), (':t', 2, ':b', 'IDR', 'credit', 6, 1, 6)",
        "ledger_transfers_balance",
    ),
    "one leg only": Forgery(
        ":transfer; :change - 5 WHERE id = ':a'; :entries (':t', 1, ':a', 'IDR', 'debit', 5, 2, 95)",
        "ledger_transfers_balance",
    ),
    "a transfer without legs": Forgery(":transfer", "ledger_transfers_have_their_last_leg"),
    "more legs for an old transfer": Forgery(
        ":change - 5 WHERE id = ':a'; :change + 5 WHERE id = ':b';"
        ":entries (':old', 3, ':a', 'IDR', 'debit', 5, 2, 95), (':old', 4, ':b', 'IDR', 'credit', 5, 1, 5)",
        "ledger_transfers_balance",
    ),
    "a currency that is not the account's": Forgery(
        ":transfer; :change - 5 WHERE id = ':a'; :entries (':t', 1, ':a', 'USD', 'debit', 5, 2, 95)",
        "ledger_entries_account_id_currency_fkey",
    ),
    "a gap": Forgery(
        ":transfer; UPDATE ledger_accounts SET version = 9 WHERE id IN (':a', ':b');"
        ":entries (':t', 1, ':a', 'IDR', 'debit', 5, 3, 95), (':t', 2, ':b', 'IDR', 'credit', 5, 1, 5)",
        "ledger_entries_continue_their_account",
    ),
    "a balance that does not follow": Forgery(
        ":transfer; UPDATE ledger_accounts SET version = 9 WHERE id IN (':a', ':b');"
        ":entries (':t', 1, ':a', 'IDR', 'debit', 5, 2, 96), (':t', 2, ':b', 'IDR', 'credit', 5, 1, 5)",
        "ledger_entries_continue_their_account",
    ),
    "entries that the account does not know": Forgery(
        ":transfer; :entries (':t', 1, ':a', 'IDR', 'debit', 5, 2, 95), (':t', 2, ':b', 'IDR', 'credit', 5, 1, 5)",
        "ledger_entries_continue_their_account",
    ),
    "a balance without entries": Forgery(":change + 5 WHERE id = ':a'", "ledger_accounts_agree_with_entries"),
    "a balance below the minimum": Forgery(
        "UPDATE ledger_accounts SET balance_minor = -1 WHERE id = ':a'", "ledger_accounts_not_below_minimum"
    ),
    "an account that is opened with money": Forgery(
        "INSERT INTO ledger_accounts (id, code, kind, normal_side, currency, balance_minor)"
        " VALUES (':t', ':t', 'asset', 'debit', 'IDR', 5)",
        "ledger_accounts_agree_with_entries",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_what_is_forged_by_hand_is_not_committed(books: Books, name: str) -> None:
    forgery = FORGERIES[name]
    account, other = await books.account_with(100), await books.account()
    async with books.db.reading() as conn:
        old = (await ledger.statement(conn, account))[0].transfer_id

    async with books.owner() as owner:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            async with owner.transaction():
                await owner.execute(written_out(forgery.sql, t=uuid4(), a=account, b=other, old=old))

    assert refused.value.constraint_name == forgery.stopped_by
    assert await books.violated() == set()


async def test_legs_by_hand_that_are_in_order_are_accepted(books: Books) -> None:
    account, other = await books.account_with(100), await books.account()

    async with books.owner() as owner:
        await owner.execute(
            written_out(
                ":transfer; :change - 5 WHERE id = ':a'; :change + 5 WHERE id = ':b';"
                ":entries (':t', 1, ':a', 'IDR', 'debit', 5, 2, 95), (':t', 2, ':b', 'IDR', 'credit', 5, 1, 5)",
                t=uuid4(),
                a=account,
                b=other,
            )
        )

    assert await books.violated() == set()


async def played(books: Books) -> None:
    """A little of everything."""
    bank, savings, seller = await books.account(Kind.ASSET, None), await books.account(), await books.account()
    holds = [Hold(uuid4(), savings, seller, amount, "checkout", AT) for amount in (10, 20, 30)]
    async with books.db.transaction() as conn:
        await ledger.post_all(conn, [move(bank, savings, 100), move(savings, seller, 7)])
        await ledger.hold(conn, holds)
        await ledger.settle(conn, [Settlement(uuid4(), holds[0].id, 8, "paid", AT)])
        await ledger.release(conn, [holds[1].id])
        split = (debit(bank, 9), credit(savings, 4), credit(seller, 5))
        await ledger.post_all(conn, [Transfer(uuid4(), split, "test", AT)])


@dataclass(frozen=True)
class Corruption:
    """A change with the triggers out of the way, and the checks that must see it."""

    sql: str
    found_by: set[str]


CORRUPTIONS = {
    "money from nowhere": Corruption(
        "UPDATE ledger_accounts SET balance_minor = balance_minor + 1 WHERE id = :one",
        {"ledger_sums_to_zero", "ledger_balances_equal_entries"},
    ),
    "a version too many": Corruption(
        "UPDATE ledger_accounts SET version = version + 1 WHERE id = :one", {"ledger_balances_equal_entries"}
    ),
    "an amount that was edited": Corruption(
        "UPDATE ledger_entries SET amount_minor = amount_minor + 1 WHERE :last",
        {"ledger_transfers_balance", "ledger_balances_equal_entries", "ledger_versions_have_no_gap"},
    ),
    "a running balance that was edited": Corruption(
        "UPDATE ledger_entries SET balance_after_minor = 0 WHERE :last", {"ledger_versions_have_no_gap"}
    ),
    "a gap": Corruption(
        "UPDATE ledger_entries SET account_version = account_version + 5 WHERE :last",
        {"ledger_versions_have_no_gap"},
    ),
    "a leg that is gone": Corruption(
        "DELETE FROM ledger_entries WHERE :last", {"ledger_transfers_balance", "ledger_balances_equal_entries"}
    ),
    "legs that are all gone": Corruption(
        "DELETE FROM ledger_entries WHERE transfer_id = (SELECT id FROM ledger_transfers LIMIT 1)",
        {"ledger_transfers_balance", "ledger_balances_equal_entries", "ledger_versions_have_no_gap"},
    ),
    "held without a hold": Corruption(
        "UPDATE ledger_accounts SET held_out_minor = held_out_minor + 1 WHERE id = :one", {"ledger_holds_add_up"}
    ),
    "below its minimum": Corruption(
        "UPDATE ledger_accounts SET balance_min_minor = balance_minor + 1 WHERE id = :one",
        {"ledger_balances_within_bounds"},
    ),
    "settled without a transfer": Corruption(
        "UPDATE ledger_holds SET state = 'posted', posted_minor = 1, resolved_at = now() WHERE state = 'voided'",
        {"ledger_holds_are_resolved_once"},
    ),
    "settled by another amount": Corruption(
        "UPDATE ledger_holds SET posted_minor = posted_minor + 1 WHERE state = 'posted'",
        {"ledger_holds_are_resolved_once"},
    ),
    "a hold that nobody lets go": Corruption(
        "UPDATE ledger_holds SET expires_at = now() - interval '2 hours' WHERE state = 'pending'",
        {"ledger_holds_expire"},
    ),
}


@pytest_asyncio.fixture
async def clean(new_books: NewBooks) -> Books:
    """A ledger of the test's own, with something in it."""
    books = await new_books()
    await played(books)
    return books


@pytest.mark.parametrize("name", CORRUPTIONS)
async def test_a_planted_corruption_is_found(clean: Books, name: str) -> None:
    corruption = CORRUPTIONS[name]
    assert await clean.violated() == set()

    async with clean.owner() as owner:
        bounds = "DROP CONSTRAINT ledger_accounts_not_below_minimum"
        await owner.execute(f"ALTER TABLE ledger_accounts {bounds}, DISABLE TRIGGER USER")
        for table in TABLES[1:]:
            await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await owner.execute("ALTER TABLE ledger_transfers DROP CONSTRAINT ledger_transfers_have_their_last_leg")
        done = await owner.execute(written_out(corruption.sql))

    assert not done.endswith(" 0"), "nothing was corrupted"
    assert await clean.violated() == corruption.found_by


async def test_the_audit_looks_at_a_ledger_where_there_is_one(
    books: Books, stack: Stack, storefront_db: Database
) -> None:
    async with storefront_db.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")
    without = stack.audit_dsn("storefront").rsplit("/", 1)[0] + f"/{name}"

    findings = await deploy.audit.run(
        {"keeps_a_ledger": books.audit_dsn, "keeps_none": without}, {}, since=utc_now(), settle_seconds=0
    )

    of_ledgers = [(check.place, check.name) for check in findings.checks if check.name.startswith("ledger_")]
    assert of_ledgers == [("keeps_a_ledger", query.name) for query in audit.ledger_checks]
    assert len(of_ledgers) == 8
    assert findings.is_clean
