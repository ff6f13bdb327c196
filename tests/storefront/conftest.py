"""The storefront over HTTP on the whole test stack: two small shops of its own, visitors without JavaScript."""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx2
import pytest_asyncio
from pydantic import SecretStr

from deploy.local.stack import Stack
from services.storefront.main import start
from services.storefront.routes import routers
from services.storefront.settings import StorefrontSettings
from shared.db import Database
from shared.http import make_app
from shared.service import Running
from tests.journeys.conftest import market as market

NOBODY = "http://127.0.0.1:1"  # nothing listens there: ports below 1024 need rights that nobody here uses
SESSION_KEY = "a key for tests, as long as a real one would be"
PASSWORD = "padi menguning di sawah"
ADDRESS = {
    "name": "Sari Pembeli",
    "phone": "0812 3456 7890",
    "address": "Jl. Kenanga 4, Way Halim",
    "region_code": "18.71",
    "postal_code": "35132",
    "note": "",
}
REGION_NAMES = {"18.71": "Kota Bandar Lampung", "36.04": "Kabupaten Serang"}


class _Forms(HTMLParser):
    """The forms of a page: action, and the fields with the values that a browser would send."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._textarea: str | None = None
        self._select: str | None = None
        self._has_option = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given.get("action", ""), {}))
        if not self.forms:
            return
        fields, name = self.forms[-1][1], given.get("name", "")
        is_unchecked = given.get("type") == "radio" and "checked" not in given
        if tag == "input" and name and not is_unchecked and given.get("type") != "file":
            fields[name] = given.get("value", "")
        elif tag == "textarea" and name:
            fields[name], self._textarea = "", name
        elif tag == "select" and name:
            fields[name], self._select, self._has_option = "", name, False
        elif tag == "option" and self._select and ("selected" in given or not self._has_option):
            fields[self._select], self._has_option = given.get("value", ""), True

    def handle_data(self, data: str) -> None:
        """The text of a textarea."""
        if self._textarea is not None:
            self.forms[-1][1][self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        """Leave."""
        if tag == "textarea":
            self._textarea = None
        elif tag == "select":
            self._select = None


@dataclass
class Visitor:
    """Somebody with a browser that only knows links and forms."""

    client: httpx2.AsyncClient
    page: str = ""
    status: int = 0
    path: str = ""

    async def go(self, path: str) -> str:
        """Open a page, following redirects."""
        return await self._show(await self.client.get(path))

    async def send(self, action: str, **typed: str) -> str:
        """Send the form of the page whose action begins with `action`, with what was typed."""
        for address, fields in forms_of(self.page):
            if address.startswith(action):
                return await self.post(address, fields | typed)
        raise AssertionError(f"no form for {action} on {self.path}: {[address for address, _ in forms_of(self.page)]}")

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> str:
        """Send a form."""
        return await self._show(await self.client.post(path, data=fields, headers=headers))

    async def upload(self, action: str, file: tuple[str, bytes, str]) -> str:
        """Send the form with a file."""
        address, fields = next(form for form in forms_of(self.page) if form[0] == action)
        return await self._show(await self.client.post(address, data=fields, files={"file": file}))

    async def _show(self, answer: httpx2.Response) -> str:
        self.page, self.status, self.path = answer.text, answer.status_code, answer.url.raw_path.decode()
        return self.page

    async def until(self, path: str, text: str, *, within_seconds: float = 30) -> str:
        """Open a page again and again until it says something."""
        deadline = time.monotonic() + within_seconds
        while text not in await self.go(path):
            assert time.monotonic() < deadline, f"{path} never said {text!r}; it says: {words_of(self.page)}"
            await asyncio.sleep(0.2)
        return self.page


def forms_of(page: str) -> list[tuple[str, dict[str, str]]]:
    """Actions and fields."""
    parser = _Forms()
    parser.feed(page)
    return parser.forms


def words_of(page: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())[:1500]


@dataclass
class Town:
    """The test stack with two shops and what they sell."""

    stack: Stack
    http: httpx2.AsyncClient
    sellers: dict[str, str] = field(default_factory=dict)  # region code -> the seller's phone
    shops: dict[str, str] = field(default_factory=dict)  # region code -> shop id
    products: dict[str, str] = field(default_factory=dict)  # title -> product id
    word: str = ""  # a word that only this run's titles hold

    async def call(self, method: str, service: str, path: str, *, token: str = "", **options: Any) -> Any:
        """One request to a service; its JSON."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self.http.request(method, self.stack.url(service) + path, headers=headers, **options)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def code_for(self, phone: str, *, after: int = 0) -> str:
        """The newest one-time code sent to a phone, once more than `after` messages have come."""
        deadline = time.monotonic() + 20
        while True:
            found = await self.messages(phone)
            if len(found) > after and (code := re.search(r"\b(\d{6})\b", found[0]["text"])):
                return code[1]
            assert time.monotonic() < deadline, f"no code came to {phone}"
            await asyncio.sleep(0.1)

    async def messages(self, phone: str) -> list[dict[str, Any]]:
        """What came to a phone, newest first."""
        found = await self.call("GET", "notices", "/messages", params={"to": phone})
        return list(found["items"])

    async def sign_up(self, name: str) -> tuple[str, str]:
        """A person by e-mail: the address and an access token."""
        email = f"{secrets.token_hex(6)}@contoh.id"
        await self.call("POST", "identity", "/v1/accounts", json={"email": email, "password": PASSWORD, "name": name})
        form = {"grant_type": "password", "email": email, "password": PASSWORD}
        tokens = await self.call("POST", "identity", "/v1/token", data=form)
        return email, str(tokens["access_token"])


def new_phone() -> str:
    """A phone number that nobody has."""
    return f"+62812{secrets.randbelow(10**8):08d}"


@pytest_asyncio.fixture(scope="session")
async def town(market: Stack) -> AsyncIterator[Town]:
    """Two shops in two provinces, three products each; orders knows them too."""
    async with httpx2.AsyncClient(timeout=30) as http:
        town = Town(market, http, word="zira" + "".join(secrets.choice("bdgklmnpst") for _ in range(6)))
        for region, goods in {
            "18.71": (("Keripik pisang", "makanan-ringan", 18_500), ("Kopi robusta", "kopi-teh", 38_000)),
            "36.04": (("Emping melinjo", "makanan-ringan", 25_000), ("Batik canting", "batik-kain", 150_000)),
        }.items():
            email, token = await town.sign_up(f"Penjual {region}")
            town.sellers[region] = email
            body = {"name": f"Toko {town.word} {region}", "region_code": region}
            shop = await town.call("POST", "catalog", "/v1/shops", token=token, json=body)
            town.shops[region] = shop["shop_id"]
            for title, category, price in goods:
                product = {
                    "shop_id": shop["shop_id"],
                    "title": f"{title} {town.word}",
                    "description": "Dibuat di dapur sendiri.",
                    "category": category,
                    "unit_price_minor": price,
                    "currency": "IDR",
                    "stock": 50,
                    "weight_grams": 400,
                }
                made = await town.call("POST", "catalog", "/v1/products", token=token, json=product)
                town.products[title] = made["product_id"]
        yield town


@pytest_asyncio.fixture
async def visitor(town: Town) -> AsyncIterator[Visitor]:
    """A guest."""
    async with httpx2.AsyncClient(base_url=town.stack.url("storefront"), follow_redirects=True, timeout=30) as client:
        yield Visitor(client)


@pytest_asyncio.fixture
async def buyer(town: Town, visitor: Visitor) -> Visitor:
    """Somebody who signed up with an e-mail address and a password."""
    await visitor.go("/daftar")
    await visitor.send("/daftar", nama="Sari Pembeli", kontak=f"{secrets.token_hex(6)}@contoh.id", sandi=PASSWORD)
    assert "Keluar" in visitor.page, words_of(visitor.page)
    return visitor


@asynccontextmanager
async def _own_storefront(
    db: Database, *, address: str, identity: str, catalog: str, orders: str
) -> AsyncIterator[Visitor]:
    """A visitor of a storefront in this process, over services at these addresses."""
    settings = StorefrontSettings(
        database_url=SecretStr("unused"),
        kafka_bootstrap="unused",
        kafka_username="unused",
        kafka_password=SecretStr("unused"),
        http_port=1,
        identity_url=identity,
        catalog_url=catalog,
        orders_url=orders,
        cooperatives_url=NOBODY,
        financing_url=NOBODY,
        programmes_url=NOBODY,
        storefront_url=address,
        session_key=SecretStr(SESSION_KEY),
    )
    app = make_app("storefront", *routers, database=db, settings=settings)
    running = Running(settings, db, app, frozenset({"http"}))
    await start(running)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=address, follow_redirects=True) as client:
        yield Visitor(client)
    for close in running.closing:
        await close()


@pytest_asyncio.fixture
async def lonely(storefront_db: Database) -> AsyncIterator[Visitor]:
    """A visitor, over https, of a storefront whose other services are all down."""
    async with _own_storefront(
        storefront_db, address="https://lumbung.test", identity=NOBODY, catalog=NOBODY, orders=NOBODY
    ) as visitor:
        yield visitor


@pytest_asyncio.fixture
async def without_orders(storefront_db: Database, town: Town) -> AsyncIterator[Visitor]:
    """A visitor of a storefront for which orders alone is down."""
    identity, catalog = town.stack.url("identity"), town.stack.url("catalog")
    async with _own_storefront(
        storefront_db, address="http://lumbung.test", identity=identity, catalog=catalog, orders=NOBODY
    ) as visitor:
        yield visitor


async def add(visitor: Visitor, product_id: str, quantity: int = 1) -> None:
    """Put a product into the basket from its page."""
    await visitor.go(f"/produk/{product_id}")
    await visitor.send(f"/keranjang/{product_id}", jumlah=str(quantity))
    assert visitor.status == 200, words_of(visitor.page)


async def ordered(town: Town, buyer: Visitor, method: str) -> str:
    """An order of one product; the path of its page."""
    await add(buyer, town.products["Kopi robusta"])
    await buyer.go("/bayar")
    await buyer.send("/bayar", **ADDRESS)
    await buyer.send("/bayar/pesan", cara=method)
    assert buyer.path.startswith("/pesanan/"), words_of(buyer.page)
    return buyer.path
