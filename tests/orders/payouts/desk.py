"""Payouts without Kafka: the service over HTTP on a database of its own, because a batch takes everybody's money."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2

from deploy import audit
from deploy.local.stack import Stack
from services.orders.deliveries import bank_purposes
from services.orders.domain.bank_file import sealed
from services.orders.handlers import handlers, payout_handlers
from services.orders.main import service
from services.orders.settings import OrdersSettings
from services.orders.store import accounts
from services.orders.store.accounts import Movement
from services.orders.upstream import Bank
from shared.calendar import day_of
from shared.calls_out import CallsOut
from shared.clock import utc_now
from shared.contracts.base import Event
from shared.contracts.catalog import ShopOpened, ShopStaffChanged, StaffMember
from shared.contracts.financing import Due, RepaymentMandateSet
from shared.db import Database
from shared.http import make_app
from shared.ids import new_id
from shared.testing.delivery import deliver
from shared.testing.tokens import Tokens
from tests.conftest import MakeDatabase
from tests.orders.conftest import Person

TODAY = day_of(utc_now())
NOT_HERE = ("relay_behind", "payees_get_and_lose_by_nothing_else")  # nobody relays, and `move` stands for sales


@dataclass
class Desk:
    """The service, its officers and its books."""

    client: httpx2.AsyncClient
    db: Database
    tokens: Tokens
    calls: CallsOut
    stack: Stack
    drafter: Person = field(init=False)
    approver: Person = field(init=False)

    def __post_init__(self) -> None:
        self.drafter = self.person(roles=["finance"])
        self.approver = self.person(roles=["operator"])

    def person(self, account_id: UUID | None = None, **said: Any) -> Person:
        """Somebody who is signed in."""
        account_id = account_id or uuid4()
        return Person(account_id, self.tokens.headers(account_id, **said))

    async def hear(self, *events: Event) -> None:
        """The service hears these events, in the groups that want them."""
        for group in (handlers, payout_handlers):
            wanted = [event for event in events if event.declaration.type in group.by_type]
            if wanted:
                await deliver(self.db, group, *wanted)

    async def shop(self, **staff: Person) -> tuple[UUID, Person]:
        """A shop that catalog told us of, and its owner."""
        shop_id, owner = uuid4(), self.person()
        opened = ShopOpened(
            shop_id=shop_id, owner_id=owner.account_id, region_code="18.01", sequence=1, opened_at=utc_now()
        )
        roles = {"owner": owner, **staff}
        members = tuple(StaffMember(account_id=who.account_id, role=role) for role, who in roles.items())
        await self.hear(opened, ShopStaffChanged(shop_id=shop_id, staff=members, sequence=2, changed_at=utc_now()))
        return shop_id, owner

    async def move(self, payee_id: UUID, amount_minor: int, *, at: datetime | None = None) -> None:
        """The payee earns so much, or (below zero) owes it after a refund."""
        money = accounts.savings_clearing(UUID(int=7))
        movement = Movement(new_id(), "earned" if amount_minor > 0 else "refunded", at or utc_now(), {})
        movement.move(money, accounts.payee(payee_id), amount_minor)
        async with self.db.transaction() as conn:
            await accounts.post(conn, [movement])

    async def payee(
        self, amount_minor: int, *, account_number: str | None = "1234567801", at: datetime | None = None
    ) -> UUID:
        """A person who has earned so much, with a bank account unless told otherwise."""
        person = self.person()
        if account_number is not None:
            await self.set_account("/v1/me/bank-account", person, account_number)
        await self.move(person.account_id, amount_minor, at=at)
        return person.account_id

    async def set_account(self, path: str, person: Person, account_number: str, **other: str) -> httpx2.Response:
        """A bank account, over HTTP."""
        body = {"bank_code": "002", "account_number": account_number, "holder_name": "SITI AMINAH"} | other
        return await self.client.put(path, json=body, headers=person.headers)

    async def lender(self, account_number: str | None = "5550000001") -> UUID:
        """A lender, with a bank account unless told otherwise."""
        lender_id = uuid4()
        if account_number is not None:
            clerk = self.person(roles=["operator"])
            answer = await self.set_account(f"/v1/lenders/{lender_id}/bank-account", clerk, account_number)
            assert answer.status_code == 200, answer.text
        return lender_id

    async def post(self, path: str, person: Person, body: Any = None, *, key: str | None = None) -> httpx2.Response:
        """POST as this person, with a fresh Idempotency-Key unless one is given."""
        headers = person.headers | {"Idempotency-Key": key or uuid4().hex}
        return await self.client.post(path, json=body if body is not None else {}, headers=headers)

    async def get(self, path: str, person: Person | None = None) -> Any:
        """What is there, for an officer unless told otherwise."""
        answer = await self.client.get(path, headers=(person or self.approver).headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def draft(self, up_to: date = TODAY) -> Any:
        """A new batch."""
        answer = await self.post("/v1/payouts", self.drafter, {"up_to_date": up_to.isoformat()})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def approve(self, batch: Any) -> Any:
        """The batch, approved by the other officer."""
        answer = await self.post(f"/v1/payouts/{batch['batch']['batch_id']}/approve", self.approver)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def file(self, batch: Any) -> bytes:
        """The bank file."""
        path = f"/v1/payouts/{batch['batch']['batch_id']}/bank-file"
        answer = await self.client.get(path, headers=self.approver.headers)
        assert answer.status_code == 200, answer.text
        return answer.content

    async def answer(self, batch: Any, raw: bytes, person: Person | None = None) -> httpx2.Response:
        """The bank's answer, by an officer's hand."""
        path = f"/v1/payouts/{batch['batch']['batch_id']}/bank-answer"
        headers = (person or self.drafter).headers | {"Content-Type": "text/csv"}
        return await self.client.post(path, content=raw, headers=headers)

    async def settled(self, batch: Any) -> Any:
        """The batch after the bank has paid all of it."""
        answer = await self.answer(batch, await self.answer_file(batch))
        assert answer.status_code == 200, answer.text
        return await self.get(f"/v1/payouts/{batch['batch']['batch_id']}")

    async def answer_file(self, batch: Any, returned: dict[str, str] | None = None) -> bytes:
        """What the bank would say: all is paid, but for what is returned (line to reason)."""
        lines = [(one["payout_id"], one["amount_minor"]) for one in batch["payouts"] if one["status"] == "scheduled"]
        lines += [(one["remittance_id"], one["amount_minor"]) for one in batch["remittances"]]
        return answer_file(batch["batch"]["batch_id"], lines, returned or {})

    async def balance(self, code_or_payee: str | UUID) -> int:
        """What a ledger account holds."""
        code = code_or_payee if isinstance(code_or_payee, str) else f"payee:{code_or_payee}"
        async with self.db.reading() as conn:
            found = await conn.fetchval("SELECT balance_minor FROM ledger_accounts WHERE code = $1", code)
        return int(found or 0)

    async def make_calls(self) -> int:
        """All calls to the bank that are due."""
        return await self.calls.step()

    async def audit(self) -> dict[str, list[str]]:
        """What the audit finds in this database, by check."""
        async with self.db.reading() as conn:
            name = await conn.fetchval("SELECT current_database()")
        address = self.stack.audit_dsn("orders").rsplit("/", 1)[0] + f"/{name}"
        findings = await audit.run(
            {"orders": address}, {}, since=utc_now() - timedelta(hours=1), look_again_seconds=0.01, settle_seconds=0
        )
        return {
            check.name: [violation.what for violation in check.violations]
            for check in findings.checks
            if check.violations and check.name not in NOT_HERE
        }

    async def corrupt(self, sql: str, *arguments: object) -> None:
        """Change what nobody may change: as the superuser, without triggers and constraints."""
        async with self.db.reading() as conn:
            name = await conn.fetchval("SELECT current_database()")
        superuser = await asyncpg.connect(self.stack.superuser_dsn(name))
        try:
            await superuser.execute("SET session_replication_role = replica")
            await superuser.execute(sql, *arguments)
        finally:
            await superuser.close()


def answer_file(
    batch_id: str,
    lines: Sequence[tuple[str, int]],
    returned: dict[str, str] | None = None,
    *,
    at: datetime | None = None,
) -> bytes:
    """An answer of the bank about these lines."""
    moment = (at or utc_now()).isoformat()
    records: list[Sequence[object]] = [("H", "1", "BANK", batch_id, moment, "IDR")]
    for number, (line_id, amount_minor) in enumerate(lines, start=1):
        reason = (returned or {}).get(line_id, "")
        records.append(("D", number, line_id, amount_minor, "RETURNED" if reason else "PAID", reason, moment))
    return sealed(records, count=len(lines), total_minor=sum(amount_minor for _, amount_minor in lines))


def mandate(payee_id: UUID, lender_id: UUID, *dues_minor: int, **other: Any) -> RepaymentMandateSet:
    """A mandate whose dues are over, one a month until today."""
    said: dict[str, Any] = {
        "application_id": uuid4(),
        "loan_id": uuid4(),
        "lender_id": lender_id,
        "shop_id": payee_id,
        "mandate_id": uuid4(),
        "payee_id": payee_id,
        "version": 1,
        "dues": tuple(
            Due(number=number, due_on=TODAY - timedelta(days=30 * (len(dues_minor) - number)), amount_minor=due_minor)
            for number, due_minor in enumerate(dues_minor, start=1)
        ),
        "share_basis_points_max": 10_000,
        "currency": "IDR",
        "set_at": utc_now(),
    }
    return RepaymentMandateSet(**(said | other))


@asynccontextmanager
async def open_desk(
    make_database: MakeDatabase, settings: OrdersSettings, stack: Stack, *, http: httpx2.AsyncClient
) -> AsyncIterator[Desk]:
    """A desk on a database of its own."""
    db = await make_database("orders", settings=settings, size=8)
    app = make_app("orders", *service.routers, database=db, settings=settings)
    tokens = Tokens()
    app.state.verifier = tokens.verifier()
    calls = CallsOut(db, bank_purposes(db, Bank.of(settings, http)))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://orders", timeout=30) as client:
        yield Desk(client, db, tokens, calls, stack)
    await db.close()
