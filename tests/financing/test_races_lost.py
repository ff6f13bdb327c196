"""Races about loans without what decides them: see tests/weakened.py."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from services.financing.store.named import lending
from tests.conftest import MakeDatabase
from tests.financing import test_applications, test_consents
from tests.financing.conftest import Desk, financing_settings, open_desk
from tests.weakened import must_be_lost, weaken, without_locks


@pytest_asyncio.fixture
async def weak_desk(make_database: MakeDatabase) -> AsyncIterator[Desk]:
    """A desk whose database may be spoilt."""
    settings = financing_settings()
    async with open_desk(await make_database("financing", settings=settings), settings) as opened:
        yield opened


async def test_without_its_lock_an_offer_is_accepted_more_than_once(
    weak_desk: Desk, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await weaken(
        stack,
        weak_desk.db,
        "DROP INDEX offers_accepted_once",
        "ALTER TABLE loans DROP CONSTRAINT loans_application_id_key, DROP CONSTRAINT loans_offer_id_key",
    )
    without_locks(monkeypatch, lending.lock_application)

    await must_be_lost(lambda: test_applications.test_an_offer_is_accepted_once_however_many_ask(weak_desk))


async def test_without_its_lock_a_consent_is_read_after_its_end(
    weak_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch, lending.share_consent)

    await must_be_lost(lambda: test_consents.test_no_read_succeeds_after_a_revocation_has_answered(weak_desk))
