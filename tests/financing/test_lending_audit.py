"""The audit's checks of loans, consents and profiles: clean after real work, and each finds what it is for."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio

from deploy import audit
from deploy.local.stack import Stack
from services.financing import main
from services.financing.handlers import handlers
from shared import sql
from shared.clock import utc_now
from shared.contracts.identity import AccountErased
from shared.contracts.payouts import InstalmentPassedOn
from tests.conftest import MakeDatabase
from tests.financing.conftest import Desk, financing_settings, open_desk
from tests.financing.test_lending_journey import withheld
from tests.financing.world import apply, completed, open_bank, open_shop, product_body, run_loan

CHECKS = {query.name for query in sql.load(main.__file__, "audit.sql")}


@pytest_asyncio.fixture(scope="module")
async def lived(make_database: MakeDatabase) -> AsyncIterator[str]:
    """A database in which everything has happened once; its name."""
    settings = financing_settings()
    db = await make_database("financing", size=4, settings=settings)
    async with open_desk(db, settings) as desk:
        await live(desk)
    async with db.reading() as conn:
        yield str(await conn.fetchval("SELECT current_database()"))


async def live(desk: Desk) -> None:
    """A loan that is being repaid, one that is repaid, an open application, one whose consent was revoked."""
    running, repaid = await run_loan(desk), await run_loan(desk, product_body(scheme="flat"))
    for agreed in (running, repaid):
        await desk.get(f"/v1/applications/{agreed.application_id}/profile", agreed.bank.caller)
        loan = (await desk.get(f"/v1/loans/{agreed.loan_id}", agreed.toko.owner)).json()
        instalments = [withheld(agreed, loan["mandate_id"], amount) for amount in (1_200_000, 300_000)]
        await desk.hear(*instalments, completed(agreed.toko.shop_id, 80_000))
        first = instalments[0].model_dump(exclude={"payout_id", "withheld_at"})
        await desk.hear(InstalmentPassedOn(**first, passed_on_at=utc_now()))
    quote = (await desk.get(f"/v1/loans/{repaid.loan_id}/settlement", repaid.bank.caller)).json()
    end = {"amount_minor": quote["amount_minor"], "reference": "end"}
    await desk.done(f"/v1/loans/{repaid.loan_id}/settlement", repaid.bank.caller, end)
    await open_bank(desk, product_body(sectors=["lainnya"]))
    open_one, revoked, erased = await open_shop(desk), await open_shop(desk), await open_shop(desk)
    await apply(desk, open_one)
    consent_id = (await apply(desk, revoked))["consent_id"]
    await desk.client.delete(f"/v1/consents/{consent_id}", headers=revoked.owner.headers)
    await apply(desk, erased)
    await desk.hear(AccountErased(account_id=erased.owner.account_id, erased_at=utc_now()))


async def found(stack: Stack, name: str) -> set[str]:
    """The names of the checks that find something, the ledger's own and the kernel's left out."""
    address = stack.audit_dsn("financing").rsplit("/", 1)[0] + f"/{name}"
    findings = await audit.run(
        {"financing": address},
        {"financing": [handlers]},
        since=utc_now() - timedelta(hours=1),
        look_again_seconds=0.01,
        settle_seconds=0,
    )
    assert {check.name for check in findings.checks} >= CHECKS
    return {check.name for check in findings.checks if check.violations} & CHECKS


# What nobody may do, and the checks that must see it.
CORRUPTIONS: dict[str, tuple[str, set[str]]] = {
    "principal from nowhere": (
        "UPDATE loans SET amount_minor = amount_minor + 1 WHERE state = 'running'",
        {"loans_owe_what_their_dues_say"},
    ),
    "repaid too early": (
        "UPDATE loans SET state = 'repaid', repaid_at = now() WHERE state = 'running'",
        {"loans_owe_what_their_dues_say"},
    ),
    "a due that counts as paid": (
        "UPDATE loan_dues SET cost_paid_minor = cost_paid_minor + 1 WHERE (loan_id, number) ="
        " (SELECT loan_id, 12 FROM loans WHERE state = 'running')",
        {"dues_are_paid_by_repayments", "loans_and_ledger_agree", "lenders_claims_are_their_loans"},
    ),
    "a repayment that brought more": (
        "UPDATE repayments SET amount_minor = amount_minor + 5, principal_minor = principal_minor + 5"
        " WHERE reference = 'end'",
        {"repayments_are_their_parts"},
    ),
    "an instalment that was accepted twice": (
        "UPDATE instalments SET accepted_minor = accepted_minor + 1, amount_minor = amount_minor + 1"
        " WHERE passed_on_at IS NULL",
        {"instalments_are_repayments", "clearing_is_what_orders_still_has", "lenders_claims_are_their_loans"},
    ),
    "passed on and never booked": (
        "UPDATE instalments SET passed_on_at = now() WHERE passed_on_at IS NULL",
        {"clearing_is_what_orders_still_has", "lenders_claims_are_their_loans"},
    ),
    "a better grade": (
        "UPDATE loans SET graded_on = graded_on + 100 WHERE state = 'running'",
        {"grades_follow_the_dues"},
    ),
    "an offer taken twice": (
        "UPDATE offers SET state = 'open', ended_at = NULL WHERE state = 'accepted'",
        {"accepted_applications_are_loans"},
    ),
    "a read after the end": (
        "INSERT INTO consent_reads (consent_id, application_id, lender_id, outcome, items, asked_at)"
        " SELECT c.consent_id, a.application_id, r.lender_id, 'read', '{}', c.ended_at + interval '1 second'"
        " FROM consents AS c JOIN applications AS a USING (consent_id) JOIN consent_recipients AS r USING (consent_id)"
        " WHERE c.end_reason = 'revoked'",
        {"profiles_were_read_under_a_live_consent"},
    ),
    "a read by who was not told": (
        "DELETE FROM consent_recipients WHERE read_at IS NOT NULL",
        {"profiles_were_read_under_a_live_consent"},
    ),
    "a profile that was kept": (
        "INSERT INTO profiles (application_id, consent_id, profile, computed_at)"
        " SELECT application_id, consent_id, '{}', now() FROM applications JOIN consents USING (consent_id)"
        " WHERE end_reason = 'revoked'",
        {"profiles_have_a_live_consent"},
    ),
    "an application without its consent": (
        "UPDATE applications SET state = 'published', closed_at = NULL WHERE state = 'consent_ended'",
        {"ended_consents_leave_nothing_open"},
    ),
    "a revocation that nobody heard": (
        "UPDATE outbox SET data = '{\"consent_id\": \"none\"}' WHERE type = 'financing.consent_revoked.v1'",
        {"revoked_consents_were_said"},
    ),
    "told after the end": (
        "UPDATE lender_log AS e SET written_at = now() + interval '1 minute' FROM consents AS c"
        " WHERE c.consent_id = e.consent_id AND c.ended_at IS NOT NULL",
        {"nothing_is_told_under_an_ended_consent"},
    ),
    "a shop of a forgotten person": (
        "UPDATE shops SET owner_id = (SELECT account_id FROM erased_accounts LIMIT 1)",
        {"forgotten_people_left_nothing"},
    ),
}


@pytest_asyncio.fixture
async def copy(stack: Stack, lived: str) -> AsyncIterator[str]:
    """A copy of that database, to be spoilt."""
    admin = await asyncpg.connect(stack.superuser_dsn())
    name = f"{lived}_copy"
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", lived)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {lived} STRATEGY wal_log")
    await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO lumbung_audit")
    yield name
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def test_after_real_work_nothing_is_found(stack: Stack, lived: str) -> None:
    assert await found(stack, lived) == set()


@pytest.mark.parametrize("name", CORRUPTIONS)
async def test_a_corruption_is_found(stack: Stack, copy: str, name: str) -> None:
    statement, checks = CORRUPTIONS[name]
    conn = await asyncpg.connect(stack.superuser_dsn(copy))
    await conn.execute("SET session_replication_role = replica")
    done = await conn.execute(statement)
    await conn.close()

    assert not done.endswith(" 0"), "nothing was corrupted"
    assert await found(stack, copy) == checks


def test_every_check_of_lending_is_seen_to_fail() -> None:
    seen: set[str] = set().union(*(checks for _, checks in CORRUPTIONS.values()))
    partner: set[str] = {
        "lender_logs_have_no_gaps",
        "lender_logs_have_their_counter",
        "subscriptions_are_not_beyond_their_log",
        "published_applications_reach_their_lenders",
        "lender_logs_hold_no_personal_data",
        "kafka_passwords_are_not_kept",
    }
    assert CHECKS - seen <= partner
