"""Orders without Kafka: its app over HTTP on a throw-away database, catalog's voice, and the real payment sandbox."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
import pytest_asyncio

from deploy.sandbox.keys import ensure_keys
from services.orders.calls import purposes
from services.orders.handlers import handlers
from services.orders.main import service, start
from services.orders.provider import Provider, open_session
from services.orders.settings import OrdersSettings
from services.orders.sweeper import Sweeper
from services.orders.use_cases.receipts import Money
from services.orders.use_cases.receive_money import receive_money
from shared import snap
from shared.calls_out import CallsOut
from shared.clock import utc_now
from shared.contracts.base import Event
from shared.contracts.catalog import Payee, ProductListed, ShopOpened, Shortage, StockRefused, StockReserved
from shared.contracts.orders import OrderPlaced
from shared.db import Database
from shared.http import make_app
from shared.service import Running
from shared.testing.delivery import deliver, published
from shared.testing.tokens import Tokens
from tests.conftest import MakeDatabase
from tests.sandbox.processes import Sandbox

CALLBACK = "/v1/payments/callbacks/qris"


@dataclass
class Person:
    """Somebody with a token."""

    account_id: UUID
    headers: dict[str, str]


@dataclass
class Shop:
    """A shop and its owner."""

    shop_id: UUID
    owner: Person
    region_code: str
    products: dict[UUID, int] = field(default_factory=dict)  # unit prices


@dataclass
class Market:
    """The service over HTTP, and what surrounds it."""

    client: httpx2.AsyncClient
    db: Database
    tokens: Tokens
    settings: OrdersSettings
    calls: CallsOut
    sweeper: Sweeper
    sandbox: Sandbox

    def person(self, account_id: UUID | None = None, **said: Any) -> Person:
        """Somebody who is signed in."""
        account_id = account_id or uuid4()
        return Person(account_id, self.tokens.headers(account_id, **said))

    async def hear(self, *events: Event) -> None:
        """The service hears these events."""
        await deliver(self.db, handlers, *events)

    async def shop(self, *prices_minor: int, region_code: str = "18.01", weight_grams: int = 500) -> Shop:
        """A shop that catalog told us of, with products at these prices."""
        shop = Shop(uuid4(), self.person(), region_code)
        opened = ShopOpened(
            shop_id=shop.shop_id,
            owner_id=shop.owner.account_id,
            region_code=region_code,
            sequence=1,
            opened_at=utc_now(),
        )
        listed = []
        for number, price_minor in enumerate(prices_minor):
            fact = listed_product(shop.shop_id, price_minor, sequence=number + 2, weight_grams=weight_grams)
            shop.products[fact.product_id] = price_minor
            listed.append(fact)
        await self.hear(opened, *listed)
        return shop

    async def post(self, path: str, person: Person, body: Any = None, *, key: str | None = None) -> httpx2.Response:
        """POST as this person, with a fresh Idempotency-Key unless one is given."""
        headers = person.headers | {"Idempotency-Key": key or uuid4().hex}
        return await self.client.post(path, json=body if body is not None else {}, headers=headers)

    async def place(self, buyer: Person, lines: dict[UUID, int], *, method: str = "cod") -> dict[str, Any]:
        """An order that is accepted."""
        answer = await self.post("/v1/orders", buyer, order_body(lines, method=method))
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def show(self, order_id: str, person: Person) -> dict[str, Any]:
        """The order as this person sees it."""
        answer = await self.client.get(f"/v1/orders/{order_id}", headers=person.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def reserve(self, order_id: str, attempt: int = 1) -> None:
        """Catalog sets the stock aside."""
        await self.hear(StockReserved(order_id=UUID(order_id), attempt=attempt, reserved_at=utc_now()))

    async def refuse(self, order_id: str, product_id: UUID, attempt: int = 1) -> None:
        """Catalog cannot set the stock aside."""
        shortage = Shortage(product_id=product_id, reason="sold_out", available=0)
        await self.hear(
            StockRefused(order_id=UUID(order_id), attempt=attempt, shortages=(shortage,), refused_at=utc_now())
        )

    async def make_calls(self) -> None:
        """All calls to the provider that are due."""
        while await self.calls.step():
            await asyncio.sleep(0)

    async def payable(self, buyer: Person, lines: dict[UUID, int]) -> dict[str, Any]:
        """A QRIS order whose stock is reserved and whose charge is made."""
        order = await self.place(buyer, lines, method="qris")
        await self.reserve(order["order_id"])
        await self.make_calls()
        shown = await self.show(order["order_id"], buyer)
        assert shown["payment"]["qr_payload"], shown
        return shown

    async def overdue(self, order_id: str) -> None:
        """The order's deadline passes."""
        async with self.db.transaction() as conn:
            await conn.execute(
                "UPDATE orders SET deadline_at = clock_timestamp() - interval '1 second' WHERE order_id = $1",
                UUID(order_id),
            )

    async def expire(self, order_id: str) -> None:
        """The time to pay passes, the provider says that nobody paid."""
        await self.overdue(order_id)
        await self.sweeper.sweep()
        await self.make_calls()

    async def pay_at_sandbox(self, order_id: str, **more: Any) -> None:
        """The buyer pays at the provider; its notification is not awaited here."""
        body = {"partnerReferenceNo": UUID(order_id).hex, **more}
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"{self.sandbox.url}/sandbox/pay", json=body)
        assert answer.status_code == 202, answer.text

    async def reference_of(self, order_id: str) -> str:
        """The provider's reference of the order's charge."""
        async with self.db.reading() as conn:
            reference = await conn.fetchval(
                "SELECT provider_reference FROM charges WHERE order_id = $1", UUID(order_id)
            )
        return str(reference)

    async def receive(self, order_id: str, amount_minor: int, *, reference: str) -> None:
        """Money that the provider tells us of when asked, under a reference of its choice."""
        money = Money(Provider.name, reference, amount_minor, utc_now())
        async with self.db.transaction() as conn:
            await receive_money(conn, UUID(order_id), money, now=utc_now())

    async def notify(
        self, order_id: str, amount_minor: int, *, reference: str | None = None, **spoilt: Any
    ) -> httpx2.Response:
        """A notification, signed with the provider's key; `spoilt` overrides headers or the `body` after signing."""
        notice = {
            "originalReferenceNo": reference or await self.reference_of(order_id),
            "originalPartnerReferenceNo": UUID(order_id).hex,
            "latestTransactionStatus": "00",
            "amount": {"value": f"{amount_minor}.00", "currency": "IDR"},
            "paidTime": snap.format_timestamp(utc_now()),
        }
        raw = orjson.dumps(notice)
        timestamp = spoilt.pop("timestamp", snap.format_timestamp(utc_now()))
        keys = ensure_keys(self.sandbox.folder)
        key = spoilt.pop("key", None) or snap.load_private_key(keys.provider_private_key_file.read_bytes())
        signature = snap.sign_asymmetric(key, snap.Transaction("POST", CALLBACK, raw, timestamp))
        headers = {
            "X-TIMESTAMP": timestamp,
            "X-SIGNATURE": signature,
            "X-PARTNER-ID": keys.client_id,
            "X-EXTERNAL-ID": str(uuid4().int)[:30],
            "Content-Type": "application/json",
        }
        raw = spoilt.pop("body", raw)
        headers = {name: value for name, value in (headers | spoilt).items() if value is not None}
        return await self.client.post(CALLBACK, content=raw, headers=headers)

    async def events(self, kind: type[Event], order_id: str) -> list[Any]:
        """What was published of the order."""
        return await published(self.db, kind, order_id=UUID(order_id))

    async def count(self, table: str) -> int:
        """Rows of a table."""
        async with self.db.reading() as conn:
            return int(await conn.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608  tables of ours


def listed_product(shop_id: UUID, price_minor: int, **other: Any) -> ProductListed:
    """What catalog says when a product is listed."""
    said: dict[str, Any] = {
        "product_id": uuid4(),
        "shop_id": shop_id,
        "version": 1,
        "title": "Keripik pisang",
        "category": "makanan-ringan",
        "unit_price_minor": price_minor,
        "currency": "IDR",
        "weight_grams": 500,
        "payees": (Payee(party_id=shop_id, share_basis_points=10_000),),
        "sequence": 2,
        "listed_at": utc_now(),
    }
    return ProductListed(**(said | other))


def order_body(lines: dict[UUID, int], *, method: str = "cod", region_code: str = "18.01") -> dict[str, Any]:
    """What a client sends."""
    return {
        "lines": [{"product_id": str(product_id), "quantity": quantity} for product_id, quantity in lines.items()],
        "ship_to": {
            "name": "Ibu Sari",
            "phone": "+6281290000001",
            "address": "Jalan Veteran 12",
            "region_code": region_code,
        },
        "payment": {"method": method},
    }


async def placed_events(market: Market, order_id: str) -> list[OrderPlaced]:
    """The order_placed of an order: exactly one, if it is durable."""
    return await published(market.db, OrderPlaced, order_id=UUID(order_id))


@pytest.fixture(scope="session")
def provider_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A payment provider whose notifications go nowhere: tests send them themselves."""
    folder: Path = tmp_path_factory.mktemp("provider")
    sandbox = Sandbox("deploy.sandbox.payments", folder, LUMBUNG_PAYMENT_CALLBACK_URL="http://127.0.0.1:9/none")
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="session")
def orders_settings(provider_sandbox: Sandbox) -> OrdersSettings:
    """Settings that need no environment."""
    keys = ensure_keys(provider_sandbox.folder)
    return OrdersSettings(
        database_url="postgresql://unused",
        kafka_bootstrap="127.0.0.1:1",
        kafka_username="unused",
        kafka_password="unused",
        http_port=1,
        identity_url="http://127.0.0.1:1",
        payments_url=provider_sandbox.url,
        payments_client_id=keys.client_id,
        payments_client_secret=keys.client_secret,
        payments_private_key_file=keys.merchant_private_key_file,
        payments_provider_public_key_file=keys.provider_public_key_file,
    )


@asynccontextmanager
async def open_market(db: Database, settings: OrdersSettings, sandbox: Sandbox) -> AsyncIterator[Market]:
    """The service over HTTP on this database, in this process, with everything but its worker and relay."""
    app = make_app("orders", *service.routers, database=db, settings=settings)
    tokens = Tokens()
    app.state.verifier = tokens.verifier()
    running = Running(settings, db, app, frozenset({"http"}))
    await start(running)
    groups = [asyncio.ensure_future(job()) for _, job in running.jobs]
    http = open_session()
    calls = CallsOut(db, purposes(db, Provider.of(settings, http)))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://orders", timeout=30
    ) as client:
        yield Market(client, db, tokens, settings, calls, Sweeper(db, seconds=1), sandbox)
    for group in groups:
        group.cancel()
    await asyncio.gather(*groups, return_exceptions=True)
    await http.close()
    for close in reversed(running.closing):
        await close()


@pytest_asyncio.fixture(scope="session")
async def market(
    make_database: MakeDatabase, orders_settings: OrdersSettings, provider_sandbox: Sandbox
) -> AsyncIterator[Market]:
    """One market for the whole run."""
    db = await make_database("orders", settings=orders_settings)
    async with open_market(db, orders_settings, provider_sandbox) as opened:
        yield opened
