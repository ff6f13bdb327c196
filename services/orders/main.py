"""The orders service as a process: the only place that wires things."""

from collections.abc import Sequence

import httpx2

from services.orders.calls import purposes
from services.orders.deliveries import bank_purposes
from services.orders.domain import shipping
from services.orders.handlers import handlers, payout_handlers
from services.orders.provider import Provider, open_session, verification_key
from services.orders.routes import routers
from services.orders.routes.desk import Placing, Putting, Rounds, fees_on, known_regions
from services.orders.settings import OrdersSettings
from services.orders.sweeper import Sweeper
from services.orders.upstream import Bank
from services.orders.use_cases.change_cart import Cart, PutItem, put_into_carts
from services.orders.use_cases.open_money import rules_of
from services.orders.use_cases.place_orders import PlaceOrder, place_orders
from services.orders.use_cases.run_manifests import Round, run_manifests
from shared.calendar import day_of
from shared.calls_out import CallsOut
from shared.clock import utc_now
from shared.db import Connection, Database
from shared.group_commit import GroupCommit
from shared.idempotency import Replay
from shared.problems import Problem
from shared.service import Running, Service


def group_of_orders(db: Database, settings: OrdersSettings, tariff: shipping.Tariff) -> Placing:
    """Where orders queue to share a transaction."""

    async def run(conn: Connection, commands: Sequence[PlaceOrder]) -> list[Replay | Problem]:
        now = utc_now()
        fees = fees_on(tariff, day_of(now))
        return await place_orders(conn, commands, fees=fees, answer_seconds=settings.stock_answer_seconds, now=now)

    return GroupCommit("place_order", db, run, batch_max=settings.order_batch)


def group_of_putting(db: Database) -> Putting:
    """Where what is put into carts queues."""

    async def run(conn: Connection, wishes: Sequence[PutItem]) -> list[Cart | Problem]:
        return await put_into_carts(conn, wishes, now=utc_now())

    return GroupCommit("put_item", db, run)


def group_of_rounds(db: Database) -> Rounds:
    """Where carriers' rounds queue: one lane, because two at once would wait for the same orders."""

    async def run(conn: Connection, rounds: Sequence[Round]) -> list[Replay | Problem]:
        return await run_manifests(conn, rounds, now=utc_now())

    return GroupCommit("run_manifest", db, run, batch_max=32, lanes=1)


async def start(running: Running) -> None:
    """Read the tariff and the keys; start the group of orders, the provider's calls and the clock."""
    settings: OrdersSettings = running.settings
    state = running.app.state
    state.tariff = shipping.load(settings.shipping_file)
    state.provider_key = verification_key(settings)
    state.placing = group_of_orders(running.db, settings, state.tariff)
    state.putting = group_of_putting(running.db)
    state.rounds = group_of_rounds(running.db)
    known_regions()
    rules_of(settings.rules_file)
    running.background("http", state.placing.run_forever)
    running.background("http", state.putting.run_forever)
    running.background("http", state.rounds.run_forever)
    http = httpx2.AsyncClient(trust_env=False, limits=httpx2.Limits(max_connections=32))
    running.closing.append(http.aclose)
    to_provider = open_session()
    running.closing.append(to_provider.close)
    to_bank = bank_purposes(running.db, Bank.of(settings, http))
    calls = CallsOut(running.db, {**purposes(running.db, Provider.of(settings, to_provider)), **to_bank})
    running.wake_worker("calls", calls.wake)
    running.background("worker", calls.run_forever)
    running.background("worker", Sweeper(running.db, seconds=settings.sweep_seconds).run_forever)


service = Service(
    name="orders", settings=OrdersSettings, routers=routers, handlers=(handlers, payout_handlers), start=start
)

if __name__ == "__main__":
    service.main()
