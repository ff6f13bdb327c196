"""A desk for payouts, and a bank that settles at once."""

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr

from deploy.local.stack import Stack
from services.orders.settings import OrdersSettings
from tests.conftest import MakeDatabase
from tests.orders.payouts.desk import Desk, open_desk
from tests.sandbox.processes import Sandbox

TOKEN, SECRET = "lumbung", "rahasia bank"


@pytest_asyncio.fixture
async def desk(make_database: MakeDatabase, orders_settings: OrdersSettings, stack: Stack) -> AsyncIterator[Desk]:
    """Payouts on a database of their own; officers carry the files."""
    async with (
        httpx2.AsyncClient(trust_env=False) as http,
        open_desk(make_database, orders_settings, stack, http=http) as found,
    ):
        yield found


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A bank as a process."""
    sandbox = Sandbox(
        "deploy.sandbox.bank",
        tmp_path_factory.mktemp("bank"),
        LUMBUNG_BANK_TOKEN=TOKEN,
        LUMBUNG_BANK_SECRET=SECRET,
        LUMBUNG_BANK_SETTLE_SECONDS="0.3",
    )
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest_asyncio.fixture
async def sending_desk(
    make_database: MakeDatabase, orders_settings: OrdersSettings, stack: Stack, bank: Sandbox
) -> AsyncIterator[Desk]:
    """Payouts that go to the bank by themselves."""
    settings = orders_settings.model_copy(
        update={"bank_url": bank.url, "bank_token": SecretStr(TOKEN), "bank_secret": SecretStr(SECRET)}
    )
    async with (
        httpx2.AsyncClient(trust_env=False) as http,
        open_desk(make_database, settings, stack, http=http) as found,
    ):
        yield found
