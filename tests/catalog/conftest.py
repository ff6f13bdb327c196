"""A catalog without Kafka: its app over HTTP on the throw-away database, and people who sell."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio

from services.catalog.main import service, start
from services.catalog.settings import CatalogSettings
from shared.db import Database
from shared.http import make_app
from shared.service import Running
from shared.testing.tokens import Tokens


@dataclass
class Seller:
    """Somebody with a token, and their shop."""

    account_id: UUID
    headers: dict[str, str]
    shop_id: UUID


@dataclass
class Market:
    """The service over HTTP."""

    client: httpx2.AsyncClient
    db: Database
    tokens: Tokens
    running: Running

    def person(self, account_id: UUID | None = None, **said: Any) -> tuple[UUID, dict[str, str]]:
        """Somebody, and the headers that say so."""
        account_id = account_id or uuid4()
        return account_id, {"Authorization": f"Bearer {self.tokens.token(account_id, **said)}"}

    async def seller(self, *, region_code: str = "18.01", name: str = "Toko Uji") -> Seller:
        """Somebody with a new shop."""
        account_id, headers = self.person()
        answer = await self.client.post("/v1/shops", json={"name": name, "region_code": region_code}, headers=headers)
        assert answer.status_code == 201, answer.text
        return Seller(account_id, headers, UUID(answer.json()["shop_id"]))

    async def product(self, seller: Seller, **other: Any) -> UUID:
        """A new product of theirs."""
        body = product_body(seller.shop_id) | other
        answer = await self.client.post("/v1/products", json=body, headers=seller.headers)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["product_id"])

    async def stock(self, product_id: UUID) -> dict[str, int]:
        """The stock row."""
        async with self.db.reading() as conn:
            row = await conn.fetchrow(
                "SELECT on_hand, reserved, sold, returned, received FROM stock WHERE product_id = $1", product_id
            )
        assert row is not None
        return dict(row)


def product_body(shop_id: UUID) -> dict[str, Any]:
    """What a client sends to list a product."""
    return {
        "shop_id": str(shop_id),
        "title": "Keripik Pisang Cokelat",
        "description": "Renyah, dari pisang kepok Lampung.",
        "category": "makanan-ringan",
        "unit_price_minor": 15_000,
        "currency": "IDR",
        "stock": 10,
    }


@pytest.fixture(scope="session")
def catalog_settings(tmp_path_factory: pytest.TempPathFactory) -> CatalogSettings:
    """Settings that need no environment."""
    folder: Path = tmp_path_factory.mktemp("media")
    return CatalogSettings(
        database_url="postgresql://unused",
        kafka_bootstrap="127.0.0.1:1",
        kafka_username="unused",
        kafka_password="unused",
        http_port=1,
        identity_url="http://127.0.0.1:1",
        media_dir=folder,
        facets_kept_seconds=0,
        import_rows_max=5_000,
    )


@asynccontextmanager
async def open_market(db: Database, settings: CatalogSettings) -> AsyncIterator[Market]:
    """The service over HTTP on this database, in this process, with everything but its worker and relay."""
    app = make_app("catalog", *service.routers, database=db, settings=settings)
    tokens = Tokens()
    app.state.verifier = tokens.verifier()
    running = Running(settings, db, app, frozenset({"http"}))
    await start(running)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://catalog", timeout=30
    ) as client:
        yield Market(client, db, tokens, running)


@pytest_asyncio.fixture(scope="session")
async def market(catalog_db: Database, catalog_settings: CatalogSettings) -> AsyncIterator[Market]:
    """One market for the whole run."""
    async with open_market(catalog_db, catalog_settings) as opened:
        yield opened
