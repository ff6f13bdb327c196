"""What is gone for a while: Kafka for a minute, Kafka's data for ever, PostgreSQL restarted, frozen, or unreachable."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import psutil

from bench.stage import say
from deploy.local.runner import is_ready
from deploy.local.spec import Tcp
from faults.books import Outcome, look
from faults.catalogue import Run, fault, stopped
from faults.ground import Ground
from faults.keeper import Keeper
from faults.market import Market, Tally
from faults.proxy import Proxy
from faults.supervised import service_of

KAFKA_SECONDS = 60.0
FROZEN_SECONDS = 25.0  # longer than any statement may take
LOSSY_SECONDS_MAX = 60.0
BEHIND_PROXY = ("orders-worker", "orders", "catalog")


@fault(
    "kafka-down-for-a-minute",
    "Without Kafka orders go on being accepted; when it is back all of them complete, without a restart.",
)
async def kafka_down_for_a_minute(run: Run) -> Outcome:
    """Stopped, not killed, so that the supervisor does not start it again."""
    outcome = run.outcome("kafka-down-for-a-minute", f"Kafka down for {KAFKA_SECONDS:.0f} s")

    async def breaking(tally: Tally) -> None:
        pids = {name: run.ground.stack.pid_of(name) for name in ("orders", "orders-worker", "catalog")}
        await run.ground.kill("kafka", signal_number=signal.SIGSTOP)  # so that what is under way hangs first
        await asyncio.sleep(3)
        async with without_kafka(run.ground):
            down = time.monotonic()
            while time.monotonic() - down < KAFKA_SECONDS:
                await asyncio.sleep(1)
                if await is_ready(Tcp(run.ground.stack.ports["kafka"])):
                    outcome.faults.append("Kafka answered while it should be down")
                    break
            accepted = sum(at > down + 1 for at in tally.placed_at)
        outcome.runs += 1
        outcome.notes.append(f"{accepted} orders were accepted meanwhile")
        if not accepted:
            outcome.faults.append("no order was accepted without Kafka")
        if pids != {name: run.ground.stack.pid_of(name) for name in pids}:
            outcome.faults.append("a service had to be started again")

    return await run.under_load(outcome, breaking, placers=4)


@fault(
    "kafka-loses-its-data",
    "If Kafka loses everything, the outboxes send it again: the audit sees the loss, re-emit mends it.",
)
async def kafka_loses_its_data(run: Run) -> Outcome:
    """Its data folder is deleted while it is down and events wait for catalog; offsets are gone, too."""
    outcome = run.outcome("kafka-loses-its-data", "Kafka's data deleted under load, then re-emit of every service")
    ((since,),) = await run.ground.look("orders", "now")

    async def breaking(_: Tally) -> None:
        async with stopped(run.ground, "catalog"):
            await asyncio.sleep(5)
            async with without_kafka(run.ground):
                await _lose_kafkas_data(run.ground)
            await run.ground.program("deploy.local.provision_kafka", "provision-kafka", tries=5)
        outcome.runs += 1
        seen = run.outcome("", "")
        await look(run.ground, seen, replace(run.auditing, settle_seconds=20))
        outcome.notes.append(f"before re-emit the audit saw {seen.differences} differences")
        if not seen.differences:
            outcome.faults.append("the audit did not see the loss")
        await _re_emit_all(run, since.strftime("%Y-%m-%dT%H:%M%z"))

    return await run.under_load(outcome, breaking, placers=2)


@asynccontextmanager
async def without_kafka(ground: Ground) -> AsyncIterator[None]:
    """Kafka is dead and cannot be started, because its configuration is away; ready again in the end."""
    properties = ground.layout.kafka_home / "server.properties"
    away = properties.with_name("server.properties.away")
    properties.rename(away)
    pid = await ground.kill("kafka")
    try:
        yield
    finally:
        away.replace(properties)
        await ground.back("kafka", not_pid=pid, seconds=120)


async def _lose_kafkas_data(ground: Ground) -> None:
    """While it is down: everything it knew is gone, its topics, offsets and users, too; an empty one is laid out."""
    await asyncio.to_thread(shutil.rmtree, ground.layout.kafka_home / "data")
    await ground.program("deploy.local.prepare", "prepare-kafka", tries=5)  # the supervisor starts it meanwhile


async def _re_emit_all(run: Run, since: str) -> None:
    for service in ("identity", "catalog", "orders", "cooperatives", "financing", "programmes"):
        said = await run.ground.command("re-emit", service, "--since", since, "--yes")
        for line in said.splitlines():
            say(f"    {service}: {line}")


@fault("postgres-restarted", "A database that restarts is waited for: refused with 503 meanwhile, nothing is lost.")
async def postgres_restarted(run: Run) -> Outcome:
    """A fast shutdown and a start, three times."""
    rng = run.rng("postgres-restarted")
    outcome = run.outcome("postgres-restarted", "PostgreSQL shut down and started again")

    async def breaking(tally: Tally) -> None:
        for _time in range(3):
            await asyncio.sleep(rng.uniform(1, 4))
            pid = await run.ground.kill("postgres", signal_number=signal.SIGINT)
            await run.ground.back("postgres", not_pid=pid)
            outcome.runs += 1
        _must_have_refused(outcome, tally)

    return await run.under_load(outcome, breaking)


@fault(
    "postgres-frozen",
    "A database that does not answer is not waited for without end: 503 in time, and it goes on when it wakes.",
)
async def postgres_frozen(run: Run) -> Outcome:
    """SIGSTOP to the server and all its processes: connections stay open and silent."""
    outcome = run.outcome("postgres-frozen", f"PostgreSQL and its backends stopped for {FROZEN_SECONDS:.0f} s")

    async def breaking(tally: Tally) -> None:
        await asyncio.sleep(2)
        hit = await asyncio.to_thread(_signal_tree, run.ground.stack.pid_of("postgres"), signal.SIGSTOP)
        began = time.monotonic()
        try:
            await asyncio.sleep(FROZEN_SECONDS)
        finally:
            accepted = sum(at > began + 1 for at in tally.placed_at)
            _signal_all(hit, signal.SIGCONT)
        outcome.runs += 1
        outcome.notes.append(f"{len(hit)} processes stood still")
        _must_have_refused(outcome, tally)
        if accepted:
            outcome.faults.append(f"{accepted} orders were answered 201 by a database that stood still")

    return await run.under_load(outcome, breaking)


def _must_have_refused(outcome: Outcome, tally: Tally) -> None:
    """Whoever asks while there is no database hears so within a client's patience (market.ANSWER_SECONDS).

    Who had asked before it was gone waits for the end of a statement, which may be longer than that.
    """
    outcome.notes.append(f"refused with 503 meanwhile: {tally.statuses[503]}; without an answer: {tally.breaks}")
    if not tally.statuses[503]:
        outcome.faults.append("nobody was refused with 503")
    if tally.breaks > tally.statuses[503]:
        outcome.faults.append("more clients waited in vain than were refused")


def _signal_tree(pid: int, number: int) -> list[int]:
    """A process and its children, the parent first."""
    tree = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    _signal_all(tree, number)
    return tree


def _signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@asynccontextmanager
async def behind_proxies(
    run: Run, database: Proxy, kafka: Proxy | None = None, *, without: Sequence[str] = ()
) -> AsyncIterator[list[Keeper]]:
    """The processes of orders and catalog as ours, that reach PostgreSQL (and Kafka) through a proxy."""
    to_database = await database.start()
    to_kafka = await kafka.start() if kafka is not None else 0
    rng = run.rng("behind proxies")
    async with stopped(run.ground, "orders", "catalog"):
        keepers = []
        for process in BEHIND_PROXY:
            address = run.ground.stack.postgres_address
            dsn = run.ground.stack.dsn(service_of(process)).replace(address, f"127.0.0.1:{to_database}")
            environment = {"LUMBUNG_DATABASE_URL": dsn}
            keepers.append(
                Keeper(run.ground, process, rng, environment=environment, kafka_port=to_kafka, without=without)
            )
        try:
            for keeper in keepers:
                await keeper.start()
            yield keepers
        finally:
            for keeper in keepers:
                await keeper.stop()
            await database.stop()
            if kafka is not None:
                await kafka.stop()


@fault(
    "postgres-in-a-black-hole",
    "A database whose packets vanish is answered with 503 in time; the pool comes back by itself.",
)
async def postgres_in_a_black_hole(run: Run, *, without: Sequence[str] = ()) -> Outcome:
    """Everything to and from it is swallowed, connections stay open, new ones are never answered."""
    outcome = run.outcome("postgres-in-a-black-hole", f"PostgreSQL out of reach for {FROZEN_SECONDS:.0f} s")
    proxy = Proxy(run.ground.stack.ports["postgres"], run.seed)

    async def breaking(tally: Tally) -> None:
        await asyncio.sleep(2)
        proxy.weather.is_black = True
        began = time.monotonic()
        await asyncio.sleep(FROZEN_SECONDS)
        accepted = sum(at > began + 1 for at in tally.placed_at)
        proxy.weather.is_black = False
        outcome.runs += 1
        _must_have_refused(outcome, tally)
        if accepted:
            outcome.faults.append(f"{accepted} orders were answered 201 without a database")

    async with behind_proxies(run, proxy, without=without):
        return await run.under_load(outcome, breaking)


@fault(
    "slow-and-lossy-network",
    "A slow network that breaks connections costs time, and nothing else.",
)
async def slow_and_lossy_network(run: Run, *, without: Sequence[str] = ()) -> Outcome:
    """PostgreSQL and Kafka behind proxies that wait 2 ms and reset a connection at one in 2,000 (or 200) pieces."""
    outcome = run.outcome(
        "slow-and-lossy-network", "2 ms each way, a reset in 2,000 pieces (Kafka: 200, they are large)"
    )
    database, kafka = (Proxy(run.ground.stack.ports[name], run.seed) for name in ("postgres", "kafka"))

    async def breaking(_: Tally) -> None:
        for proxy in (database, kafka):
            proxy.weather.delay_seconds = 0.002
        database.weather.loss, kafka.weather.loss = 1 / 2_000, 1 / 200
        deadline = time.monotonic() + LOSSY_SECONDS_MAX
        while (database.resets < 20 or kafka.resets < 5) and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
        for proxy in (database, kafka):
            proxy.weather.delay_seconds, proxy.weather.loss = 0.0, 0.0
        outcome.runs = database.resets + kafka.resets
        outcome.notes.append(f"connections reset: {database.resets} to PostgreSQL, {kafka.resets} to Kafka")
        if not (database.resets and kafka.resets):
            outcome.faults.append("the network was not lossy")

    async with behind_proxies(run, database, kafka, without=without):
        return await run.under_load(outcome, breaking)


@fault(
    "kafka-loses-its-data-and-nobody-sends-again",
    "Control: without re-emit, what Kafka lost is seen by the audit.",
    is_control=True,
)
async def nobody_sends_again(run: Run) -> Outcome:
    """What was sent and not yet handled is gone: handlers stop first, so that something waits in Kafka."""
    outcome = run.outcome("kafka-loses-its-data-and-nobody-sends-again", "Kafka's data deleted while catalog was down")
    outcome.is_control = True
    market = Market(run.ground, run.seed + 2, life_seconds=run.patience_seconds)
    async with stopped(run.ground, "catalog"):
        buying = asyncio.create_task(market.run(60))
        await asyncio.sleep(8)
        async with without_kafka(run.ground):
            await _lose_kafkas_data(run.ground)
        await run.ground.program("deploy.local.provision_kafka", "provision-kafka", tries=5)
    outcome.runs += 1
    await buying
    outcome.orders = len(market.tally.orders)
    await look(run.ground, outcome, run.auditing)
    return outcome
