"""The audit's checks of payouts: each silent about what is right, and seen to cry at what is planted."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from deploy.registry import SERVICES_FOLDER
from shared.contracts.payouts import InstalmentWithheld
from shared.sql import Queries
from shared.testing.delivery import published
from tests.orders.payouts.desk import Desk
from tests.orders.payouts.test_instalments import payee_with, repaid

AUDIT = SERVICES_FOLDER / "orders" / "audit.sql"


@pytest_asyncio.fixture
async def world(desk: Desk) -> AsyncIterator[Desk]:
    """A paid batch, a returned payout, one on its way with a remittance, an instalment that waits."""
    said = await payee_with(desk, 50_000, share_basis_points_max=1_000)
    unlucky = await desk.payee(70_000)
    await desk.move(said.payee_id, 299_999)
    first = await desk.approve(await desk.draft())
    lines = {line["payee_id"]: line["payout_id"] for line in first["payouts"]}
    await desk.answer(first, await desk.answer_file(first, {lines[str(unlucky)]: "other"}))
    (event,) = await published(desk.db, InstalmentWithheld)
    await desk.hear(repaid(said, event.amount_minor, event.instalment_id))
    await desk.move(said.payee_id, 100_000)
    await desk.approve(await desk.draft())
    assert await desk.audit() == {}
    yield desk


CORRUPTIONS: list[tuple[str, str]] = [
    (
        "payouts_have_two_people",
        "ALTER TABLE payout_batches DROP CONSTRAINT payout_batches_need_a_second_person;"
        " UPDATE payout_batches SET approved_by = created_by",
    ),
    (
        "payouts_are_what_their_payees_lost",
        "UPDATE payouts SET status = 'returned', returned_reason = 'other' WHERE status = 'paid'",
    ),
    (
        "nobody_is_paid_what_they_do_not_have",
        "UPDATE ledger_entries SET balance_after_minor = -1"
        " WHERE side = 'debit' AND transfer_id IN (SELECT payout_id FROM payouts)",
    ),
    ("in_transit_is_what_the_bank_has_not_answered", "UPDATE payouts SET status = 'paid' WHERE status = 'scheduled'"),
    ("paid_lines_left_by_the_bank_once", "UPDATE payouts SET status = 'paid' WHERE status = 'scheduled'"),
    ("instalments_equal_the_clearing_account", "UPDATE instalments SET remittance_id = NULL"),
    ("payouts_keep_what_their_instalments_say", "UPDATE instalments SET amount_minor = amount_minor + 1"),
    ("remittances_are_their_instalments", "UPDATE remittances SET amount_minor = amount_minor + 1"),
    ("bank_files_hold_their_batch", "UPDATE bank_file_lines SET amount_minor = amount_minor + 1 WHERE number = 1"),
    (
        "batches_end_when_every_line_is_answered",
        "UPDATE payout_batches SET status = 'closed', closed_at = now() WHERE status = 'approved'",
    ),
    ("the_bank_does_not_contradict_itself", "UPDATE bank_answers SET verdict = 'refused'"),
    ("payouts_said_what_they_became", "DELETE FROM outbox WHERE type = 'orders.payout_returned.v1'"),
    (
        "forgotten_people_have_no_bank_account",
        "INSERT INTO erased_accounts SELECT holder_id, now() - interval '1 hour' FROM bank_accounts"
        " WHERE holder_kind = 'lender'",
    ),
]


@pytest.mark.parametrize(("check", "sql"), CORRUPTIONS, ids=[check for check, _ in CORRUPTIONS])
async def test_a_planted_corruption_is_found(world: Desk, check: str, sql: str) -> None:
    await world.corrupt(sql)

    assert check in await world.audit()


def test_every_check_of_payouts_is_planted_against() -> None:
    assert len({check for check, _ in CORRUPTIONS}) == len(CORRUPTIONS) == 13


async def test_a_payout_that_was_never_decided_is_found(world: Desk) -> None:
    said: dict[str, Any] = {"batch": await world.get("/v1/payouts")}
    batch_id = said["batch"]["items"][0]["batch_id"]

    await world.corrupt(
        "INSERT INTO payouts (payout_id, batch_id, payee_id, status, draft_minor, balance_minor, amount_minor,"
        " scheduled_at) VALUES ($1, $2, $3, 'paid', 5000, 5000, 5000, now())",
        uuid4(),
        batch_id,
        uuid4(),
    )

    found = await world.audit()
    assert {"payouts_are_what_their_payees_lost", "paid_lines_left_by_the_bank_once"} <= set(found)


async def test_money_of_payees_that_moved_for_another_reason_is_found(world: Desk, stack: Stack) -> None:
    async with world.db.reading() as conn:
        name = await conn.fetchval("SELECT current_database()")
    conn_of_audit = await asyncpg.connect(stack.audit_dsn("orders").rsplit("/", 1)[0] + f"/{name}")
    (check,) = [one for one in Queries(AUDIT) if one.name == "payees_get_and_lose_by_nothing_else"]

    found = {row["what"].split(" moved ")[0] for row in await check.rows(conn_of_audit)}
    await conn_of_audit.close()

    assert found == {"earned"}
