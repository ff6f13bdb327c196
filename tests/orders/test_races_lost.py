"""Races about orders and their money without what decides them: see tests/weakened.py."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from services.orders.settings import OrdersSettings
from services.orders.store.named import books, queries
from shared import idempotency
from shared.db import Connection
from shared.idempotency import Claim, Replay
from shared.problems import Problem
from tests.conftest import MakeDatabase
from tests.orders import test_money_races, test_placing
from tests.orders.conftest import Market, open_market
from tests.sandbox.processes import Sandbox
from tests.weakened import must_be_lost, weaken, without_locks


@pytest_asyncio.fixture
async def weak_market(
    make_database: MakeDatabase, orders_settings: OrdersSettings, provider_sandbox: Sandbox
) -> AsyncIterator[Market]:
    """A market whose database may be spoilt."""
    db = await make_database("orders", settings=orders_settings)
    async with open_market(db, orders_settings, provider_sandbox) as opened:
        yield opened


async def test_without_the_orders_lock_a_refund_is_made_more_than_once(
    weak_market: Market, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await weaken(stack, weak_market.db, "ALTER TABLE receipts DROP CONSTRAINT never_more_than_was_paid")
    without_locks(monkeypatch, queries.lock_orders, queries.lock_parcels, queries.lock_receipts)

    await must_be_lost(lambda: test_money_races.test_of_ten_refunds_of_everything_one_is_made(weak_market))


async def test_without_its_condition_a_refund_is_tried_again_more_than_once(
    weak_market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = books.try_refund_again
    monkeypatch.setattr(query, "text", query.text.replace("AND status = 'failed'", ""))

    await must_be_lost(lambda: test_money_races.test_a_refund_tried_again_by_two_at_once_is_asked_for_once(weak_market))


async def test_without_claims_one_key_makes_more_than_one_order(
    weak_market: Market, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the lock, the primary key, and what a batch knows of itself."""
    await weaken(stack, weak_market.db, "ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_pkey")
    query, claim = idempotency.queries.idempotency_claim, idempotency.claim
    monkeypatch.setattr(query, "text", query.text.replace("pg_try_advisory_xact_lock", "0 = num_nulls"))

    async def claim_alone(conn: Connection, claims: list[Claim]) -> list[Replay | Problem | None]:
        return [outcome for one in claims for outcome in await claim(conn, [one])]

    monkeypatch.setattr(idempotency, "claim", claim_alone)

    await must_be_lost(lambda: test_placing.test_of_fifty_requests_at_once_with_one_key_one_order_is_made(weak_market))


async def test_without_their_names_people_with_one_key_get_anothers_order(
    weak_market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the key were all that is remembered of a request."""
    claim, store = idempotency.claim, idempotency.store

    async def claim_of_nobody(conn: Connection, claims: list[Claim]) -> list[Replay | Problem | None]:
        return await claim(conn, [of_nobody(one) for one in claims])

    async def store_of_nobody(conn: Connection, answers: list[tuple[Claim, int, bytes]]) -> None:
        await store(conn, [(of_nobody(one), status, body) for one, status, body in answers])

    def of_nobody(one: Claim) -> Claim:
        return replace(one, principal_id=UUID(int=0))

    monkeypatch.setattr(idempotency, "claim", claim_of_nobody)
    monkeypatch.setattr(idempotency, "store", store_of_nobody)

    await must_be_lost(lambda: test_placing.test_one_key_of_many_people_at_once_is_an_order_of_each(weak_market))
