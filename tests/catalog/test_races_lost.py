"""The race for the last unit without what decides it: see tests/weakened.py."""

import pytest

from deploy.local.stack import Stack
from services.catalog.settings import CatalogSettings
from services.catalog.store import queries
from tests.catalog import test_handlers
from tests.catalog.conftest import open_market
from tests.conftest import MakeDatabase
from tests.weakened import must_be_lost, weaken, without_locks


async def test_without_its_lock_more_than_the_last_unit_is_sold(
    make_database: MakeDatabase, catalog_settings: CatalogSettings, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = await make_database("catalog", settings=catalog_settings)
    await weaken(stack, db, "ALTER TABLE stock DROP CONSTRAINT stock_reserved_within_on_hand")
    without_locks(monkeypatch, queries.lock_stock)

    async with open_market(db, catalog_settings) as market:
        await must_be_lost(lambda: test_handlers.test_sixty_buyers_race_for_ten(market))
