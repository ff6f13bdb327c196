"""What the story acts through: people with tokens, HTTP calls with a trace, and figures checked by a second way.

Every figure that is printed was read twice: once as a user would (HTTP), once by a separate SQL query with the
read-only audit role. When they differ the story ends with the reason and a non-zero exit code.
"""

import asyncio
import json
import re
import secrets
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2

from deploy.local.layout import PROJECT
from deploy.local.stack import Stack
from deploy.seed.read import Seed, SeedRow
from shared import sql
from shared.sql import Row

queries = sql.load(__file__, "figures.sql")

SETTLE_SECONDS = 30.0


class StoryBroke(Exception):
    """A step did not happen; the text says which and why."""


@dataclass
class Person:
    """Someone with an account."""

    name: str
    contact: str
    account_id: str = ""
    token: str = ""


@dataclass
class Shop:
    """A shop of the seed, with its seller and its products by title."""

    name: str
    region_code: str
    seller: Person
    rows: list[SeedRow]
    is_of_club: bool = False
    shop_id: str = ""
    products: dict[str, str] = field(default_factory=dict)


@dataclass
class Club:
    """The cooperative of the story. The first three founders hold its offices; `members` are ids by contact."""

    name: str
    region_code: str
    founders: list[Person]
    cooperative_id: str = ""
    members: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # by member id

    def admitted(self, person: Person, member_id: str) -> None:
        """Remember who has which membership."""
        self.members[person.contact] = member_id
        self.names[member_id] = person.name

    @property
    def path(self) -> str:
        return f"/v1/cooperatives/{self.cooperative_id}"

    @property
    def chair(self) -> Person:
        return self.founders[0]

    @property
    def secretary(self) -> Person:
        return self.founders[1]

    @property
    def treasurer(self) -> Person:
        return self.founders[2]


@dataclass(frozen=True)
class Trace:
    """A trace of our own, sampled, so that it can be looked up afterwards."""

    trace_id: str

    @property
    def header(self) -> dict[str, str]:
        return {"traceparent": f"00-{self.trace_id}-{secrets.token_hex(8)}-01"}


def new_trace() -> Trace:
    """A fresh trace."""
    return Trace(secrets.token_hex(16))


class Timeline:
    """Prints what happens, when, in a form that people read."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._is_terminal = sys.stdout.isatty()
        self.figures = 0

    def chapter(self, title: str) -> None:
        """A new part of the story."""
        self._write("")
        self._write(self._styled(title, "1"))

    def say(self, text: str) -> None:
        """Something happened."""
        self._write(f"  {time.monotonic() - self._start:6.1f} s  {text}")

    def detail(self, text: str) -> None:
        """More about it."""
        self._write(f"            {self._styled(text, '2')}")

    def _styled(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._is_terminal else text

    def _write(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def shops_of(seed: Seed) -> list[Shop]:
    """The shops of a spreadsheet, with their rows."""
    by_name: dict[str, Shop] = {}
    for row in seed.rows:
        if row.shop_name not in by_name:
            by_name[row.shop_name] = Shop(row.shop_name, row.region_code, Person(row.seller_name, row.seller_phone), [])
        by_name[row.shop_name].rows.append(row)
    return list(by_name.values())


class World:
    """The running stack as the story sees it."""

    def __init__(
        self, stack: Stack, seed: Seed, http: httpx2.AsyncClient, databases: dict[str, "asyncpg.Connection[Row]"]
    ) -> None:
        self.stack = stack
        self.seed = seed
        self.http = http
        self.databases = databases
        self.timeline = Timeline()
        self.shops = shops_of(seed)
        self.buyers: list[Person] = []
        self.packer = Person("", "")
        self.operators: list[Person] = []
        self.officer = Person("", "")  # of the province
        self.club = Club("", "", [])
        self.main_order: dict[str, Any] = {}
        self.lending: Any = None  # what chapters/lenders.py knows
        self.savings_order: dict[str, Any] = {}

    async def call(
        self,
        method: str,
        service: str,
        path: str,
        *,
        person: Person | None = None,
        body: Any = None,
        form: dict[str, str] | None = None,
        files: Any = None,
        key: str | None = None,
        trace: Trace | None = None,
        expect: tuple[int, ...] = (200, 201, 202, 204),
        retry_down_seconds: float = 0,
    ) -> Any:
        """One request; the JSON answer. Raises StoryBroke when the status is none of `expect`.

        With `retry_down_seconds` a service that is down or refuses for now is asked again for so long, with the same
        Idempotency-Key, as a client on a bad line would.
        """
        headers = dict((trace or new_trace()).header)
        if person is not None and person.token:
            headers["authorization"] = f"Bearer {person.token}"
        if key is not None:
            headers["idempotency-key"] = key
        deadline = time.monotonic() + retry_down_seconds
        while True:
            try:
                answer = await self.http.request(
                    method, self.stack.url(service) + path, json=body, data=form, files=files, headers=headers
                )
            except httpx2.HTTPError as error:
                if time.monotonic() < deadline:
                    await asyncio.sleep(0.3)
                    continue
                raise StoryBroke(f"{method} {service} {path}: {type(error).__name__} {error}") from error
            if answer.status_code in (502, 503, 504) and time.monotonic() < deadline:
                await asyncio.sleep(0.3)
                continue
            break
        if answer.status_code not in expect:
            raise StoryBroke(f"{method} {service} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else answer.content

    async def sign_up_by_phone(self, person: Person) -> None:
        """An account by phone, with a one-time code read from the sandbox's inbox."""
        await self.call("POST", "identity", "/v1/accounts", body={"phone": person.contact, "name": person.name})
        await self.sign_in_by_code(person)
        account = await self.call("GET", "identity", "/v1/accounts/me", person=person)
        person.account_id = str(account["account_id"])

    async def sign_in_by_code(self, person: Person) -> None:
        """A token by a one-time code."""
        known = {message["id"] for message in await self._messages(person)}
        await self.call("POST", "identity", "/v1/codes", body={"phone": person.contact, "purpose": "sign_in"})
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            for message in await self._messages(person):
                code = re.search(r"\b(\d{6})\b", message["text"])
                if message["id"] not in known and code:
                    token = await self.call(
                        "POST",
                        "identity",
                        "/v1/token",
                        form={"grant_type": "urn:lumbung:grant:code", "phone": person.contact, "code": code[1]},
                    )
                    person.token = token["access_token"]
                    return
            await asyncio.sleep(0.1)
        raise StoryBroke(f"no code came for {person.name}")

    async def _messages(self, person: Person) -> list[Any]:
        answer = await self.http.get(self.stack.url("notices") + "/messages", params={"to": person.contact})
        return list(answer.json()["items"])

    async def sign_up_by_email(self, person: Person, password: str) -> None:
        """An account by e-mail and password."""
        account = await self.call(
            "POST",
            "identity",
            "/v1/accounts",
            body={"email": person.contact, "password": password, "name": person.name},
        )
        person.account_id = str(account["account_id"])
        await self.sign_in_by_password(person, password)

    async def sign_in_by_password(self, person: Person, password: str) -> None:
        """A token by password; with the roles that the person has by now."""
        token = await self.call(
            "POST",
            "identity",
            "/v1/token",
            form={"grant_type": "password", "username": person.contact, "password": password},
        )
        person.token = token["access_token"]

    async def figure(self, text: str, value: Any, service: str, query: str, **values: Any) -> None:
        """Print a figure once a separate SQL query gives the same; raises StoryBroke when it does not in time."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while (found := await self.look(service, query, **values)) != value:
            if time.monotonic() > deadline:
                raise StoryBroke(f"{text}: the product says {value!r}, SQL ({query}) says {found!r}")
            await asyncio.sleep(0.2)
        self.timeline.figures += 1
        number = f"{value:,}".replace(",", ".")
        self.timeline.say(f"{text}: {number}  (SQL agrees)")

    async def same(self, text: str, value: Any, service: str, query: str, **values: Any) -> None:
        """Like `figure`, for what is no single number: a list of rows, compared and not printed."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while (found := [tuple(row) for row in await self.rows(service, query, **values)]) != value:
            if time.monotonic() > deadline:
                raise StoryBroke(f"{text}: the product says {value!r}, SQL ({query}) says {found!r}")
            await asyncio.sleep(0.2)
        self.timeline.figures += 1
        lines = "1 line" if len(value) == 1 else f"{len(value)} lines"
        self.timeline.say(f"{text}  (SQL agrees, {lines})")

    async def command(self, *arguments: str, stdin: str = "", expect: int = 0) -> str:
        """`./lumbung` as an operator types it; its output. Raises StoryBroke when it ends otherwise than expected."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "deploy.cli",
            *arguments,
            cwd=PROJECT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin.encode())
        if process.returncode != expect:
            shown = " ".join(arguments)
            raise StoryBroke(f"./lumbung {shown} ended with {process.returncode}: {err.decode() or out.decode()}")
        return out.decode()

    async def look(self, service: str, query: str, **values: Any) -> Any:
        """The value of a named query, by the audit role."""
        return await getattr(queries, query).value(self.databases[service], **values)

    async def rows(self, service: str, query: str, **values: Any) -> list[Row]:
        """The rows of a named query, by the audit role."""
        rows: list[Row] = await getattr(queries, query).rows(self.databases[service], **values)
        return rows

    async def order(self, person: Person, order_id: str, **options: Any) -> Any:
        """An order as its buyer sees it."""
        return await self.call("GET", "orders", f"/v1/orders/{order_id}", person=person, **options)

    async def until(self, person: Person, order_id: str, *statuses: str, within_seconds: float = SETTLE_SECONDS) -> Any:
        """The order once it has one of `statuses`."""
        deadline = time.monotonic() + within_seconds
        while True:
            order = await self.order(person, order_id, retry_down_seconds=within_seconds)
            if order["status"] in statuses:
                return order
            if time.monotonic() > deadline:
                raise StoryBroke(f"order {order_id} is {order['status']}, not {' or '.join(statuses)}")
            await asyncio.sleep(0.15)

    async def events_of(self, order_id: str) -> list[Row]:
        """All events of an order, from the outboxes of orders and catalog, in the order they happened."""
        rows = [
            row
            for service in ("orders", "catalog")
            for row in await self.rows(service, "events_of", ordering_key=str(order_id))
        ]
        return sorted(rows, key=lambda row: row["occurred_at"])

    async def show_events(self, order_id: str) -> list[str]:
        """Print the events of an order with their ids and traces; the trace ids."""
        events = await self.events_of(order_id)
        first = events[0]["occurred_at"]
        for event in events:
            after_ms = (event["occurred_at"] - first).total_seconds() * 1000
            trace = (event["traceparent"] or "-" * 55)[3:35]
            self.timeline.detail(f"+{after_ms:8.0f} ms  {event['type']:<32} event {event['event_id']}  trace {trace}")
        return [(event["traceparent"] or "")[3:35] for event in events]


def new_key() -> str:
    """A fresh Idempotency-Key."""
    return str(uuid4())


def short(identifier: str | UUID) -> str:
    """The last digits of an id, for reading."""
    return "…" + str(identifier)[-6:]


def save(folder: Path, name: str, content: str | bytes) -> Path:
    """Keep something for people to look at."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def pretty(document: Any) -> str:
    """A document, readable."""
    return json.dumps(document, indent=2, ensure_ascii=False)
