"""An order that is paid from savings, with the real orders service on the other side of the events."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest_asyncio

from deploy.audit import BETWEEN_SERVICES
from services.cooperatives.handlers import handlers as of_cooperatives
from services.orders.handlers import handlers as of_orders
from shared.contracts.base import Event
from shared.contracts.clearing import SavingsClaimPaid
from shared.contracts.cooperatives import SavingsCharged, SavingsRefused
from shared.contracts.orders import OrderPaid, RefundMade, SavingsChargeRequested
from shared.db import Database
from shared.testing.delivery import deliver, published
from tests.cooperatives.auditing import faults
from tests.cooperatives.conftest import Cooperative, Member, Office
from tests.orders.conftest import Market, market, order_body, orders_settings, provider_sandbox

__all__ = ["market", "orders_settings", "provider_sandbox"]  # fixtures


class Both:
    """A member with savings, and an order of theirs."""

    office: Office
    market: Market
    cooperative: Cooperative
    member: Member

    async def ordered(self, price_minor: int) -> dict[str, Any]:
        """An order whose stock is reserved."""
        shop = await self.market.shop(price_minor)
        (product_id,) = shop.products
        buyer = self.market.person(self.member.person.account_id)
        body = order_body({product_id: 1})
        body["payment"] = {"method": "savings", "cooperative_id": str(self.cooperative.cooperative_id)}
        answer = await self.market.post("/v1/orders", buyer, body)
        assert answer.status_code == 201, answer.text
        order: dict[str, Any] = answer.json()
        await self.market.reserve(order["order_id"])
        return order

    async def carry(self, order_id: str) -> None:
        """What either says of the order reaches the other, twice."""
        order = UUID(order_id)
        for _ in range(2):
            asked = await published(self.market.db, SavingsChargeRequested, order_id=order)
            await self._hear(self.office.db, of_cooperatives, asked)
            for kind in (SavingsCharged, SavingsRefused):
                await self._hear(self.market.db, of_orders, await published(self.office.db, kind, order_id=order))
            refunds = await published(self.market.db, RefundMade, order_id=order)
            await self._hear(self.office.db, of_cooperatives, refunds)

    @staticmethod
    async def _hear(db: Database, handlers: Any, events: Sequence[Event]) -> None:
        for event in events:
            await deliver(db, handlers, event)

    async def mirrored(self) -> tuple[int, int]:
        """What the cooperative owes, and what orders claims."""
        owed = -(await self.office.trial(self.cooperative))["2301"]
        async with self.market.db.reading() as conn:
            claim = await conn.fetchval(
                "SELECT balance_minor FROM ledger_accounts WHERE code = $1",
                f"clearing:savings:{self.cooperative.cooperative_id}",
            )
        return owed, claim or 0


@pytest_asyncio.fixture
async def both(office: Office, market: Market) -> Both:
    """A member with a million."""
    both = Both()
    both.office, both.market, both.cooperative = office, market, await office.cooperative()
    both.member = await office.member(both.cooperative, voluntary_minor=1_000_000)
    return both


async def test_savings_pay_an_order_and_come_back_when_it_is_cancelled(both: Both) -> None:
    order = await both.ordered(40_000)

    await both.carry(order["order_id"])
    (paid,) = await published(both.market.db, OrderPaid, order_id=UUID(order["order_id"]))
    during, saved = await both.mirrored(), await both.office.shown(both.cooperative, both.member)
    buyer = both.market.person(both.member.person.account_id)
    cancelled = await both.market.post(f"/v1/orders/{order['order_id']}/cancel", buyer, {"reason": "changed"})
    await both.carry(order["order_id"])

    assert cancelled.status_code == 200, cancelled.text
    assert during == (order["total_minor"], order["total_minor"])
    assert (paid.amount_minor, saved["voluntary_minor"]) == (order["total_minor"], 1_000_000 - order["total_minor"])
    assert (await both.office.shown(both.cooperative, both.member))["voluntary_minor"] == 1_000_000
    assert await both.mirrored() == (0, 0)
    assert await faults(both.office.db, "charges_are_posted_once", "clearing_is_what_orders_took") == {}


async def test_what_the_cooperative_pays_leaves_both_sides(both: Both) -> None:
    order = await both.ordered(40_000)
    await both.carry(order["order_id"])
    finance = both.market.person(roles=["finance"])
    body = {"amount_minor": order["total_minor"] - 1, "reference": f"TRF {order['order_id']}"}
    path = f"/v1/savings-claims/{both.cooperative.cooperative_id}/payments"

    answer = await both.market.post(path, finance, body)
    told = await published(both.market.db, SavingsClaimPaid, cooperative_id=both.cooperative.cooperative_id)
    await deliver(both.office.db, of_cooperatives, *told)

    assert answer.status_code == 201, answer.text
    assert await both.mirrored() == (1, 1)
    assert (await both.office.get(both.cooperative.path))["market_used_minor"] == 1
    assert await faults(both.office.db, "clearing_is_what_orders_took") == {}


async def test_an_order_that_savings_cannot_pay_ends(both: Both) -> None:
    order = await both.ordered(2_000_000)

    await both.carry(order["order_id"])

    buyer = both.market.person(both.member.person.account_id)
    shown = await both.market.show(order["order_id"], buyer)
    assert (shown["status"], await both.mirrored()) == ("cancelled", (0, 0))


async def test_the_audit_compares_both_sides(both: Both) -> None:
    order = await both.ordered(30_000)
    asked = await published(both.market.db, SavingsChargeRequested, order_id=UUID(order["order_id"]))
    await both.office.hear(*asked)  # the answer is lost on the way

    expects, confirms = (
        next(query for query in BETWEEN_SERVICES if query.name == f"savings_clearing_is_mirrored/{rest}")
        for rest in ("cooperatives/expects", "orders/confirms")
    )
    key = str(both.cooperative.cooperative_id)
    async with both.office.db.reading() as conn:
        wanted = {row["key"]: row["value"] for row in await expects.rows(conn)}
    async with both.market.db.reading() as conn:
        before = {row["key"]: row["value"] for row in await confirms.rows(conn, keys=[key])}
    await both.carry(order["order_id"])
    async with both.market.db.reading() as conn:
        after = {row["key"]: row["value"] for row in await confirms.rows(conn, keys=[key])}

    assert wanted[key] == str(order["total_minor"])
    assert (before, after) == ({}, {key: wanted[key]})
