"""A service as a process: settings to HTTP app, worker and relay, in one event loop or one role per process.

Roles: `http` answers requests; `worker` handles events and runs what the service's clock asks for; `relay` sends the
outbox. The local stack runs all three in one process; in production the same image runs one per container. Whatever
ends by itself ends the process with an error, so that its supervisor starts it again.
"""

import argparse
import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import structlog
import uvloop
from fastapi import APIRouter, FastAPI

from shared import settings as environment
from shared import sql, telemetry
from shared.auth import Verifier
from shared.contracts import TOPICS
from shared.db import TRANSIENT, Database
from shared.handlers import Handlers
from shared.http import make_app, server
from shared.idempotency import KEPT_DAYS
from shared.kafka import Producer
from shared.problems import Problem
from shared.relay import RelayRunner
from shared.settings import ServiceSettings
from shared.wakes import Wake, Wakes
from shared.worker import Worker

log = structlog.get_logger()
queries = sql.load(__file__, "kernel.sql")

Role: TypeAlias = Literal["http", "worker", "relay"]
Job: TypeAlias = Callable[[], Awaitable[None]]

KEEPING_SECONDS = 3600.0
OUTBOX_DAYS = 30
INBOX_DAYS = 60  # more than the topics' retention and the replay window together


@dataclass
class Running:
    """A service being started: what its own `start` may use and add to."""

    settings: Any
    db: Database
    app: FastAPI
    roles: frozenset[Role]
    jobs: list[tuple[str, Job]] = field(default_factory=list)
    closing: list[Job] = field(default_factory=list)
    wakes: Wakes = field(init=False)

    def __post_init__(self) -> None:
        self.wakes = Wakes(self.settings.database_url.get_secret_value(), source=self.db.source)

    def wake_worker(self, name: str, wake: Wake) -> None:
        """Call `wake`, of a worker's job, after commits that say `name` (`Connection.wakes`), also after those of a
        process that only answers requests.
        """
        self.db.wakers[name].append(wake)
        if "worker" in self.roles and "http" not in self.roles:
            self.wakes.hear(name, wake)
        elif "http" in self.roles and "worker" not in self.roles:
            self.db.wakers[name].append(self.wakes.teller(name))

    def background(self, role: Role, job: Job) -> None:
        """Run `job` for ever in processes of this role."""
        if role in self.roles:
            self.jobs.append((f"{role}: {getattr(job, '__qualname__', job)}", job))


@dataclass(frozen=True)
class Service:
    """What makes a service: its name, settings, routes, handlers, and what else it starts."""

    name: str
    settings: type[ServiceSettings]
    routers: tuple[APIRouter, ...] = ()
    handlers: tuple[Handlers, ...] = ()
    start: Callable[[Running], Awaitable[None]] | None = None

    def main(self) -> None:
        """Run until SIGTERM or SIGINT."""
        parser = argparse.ArgumentParser(prog=self.name, description=f"The {self.name} service of Lumbung.")
        parser.add_argument("--role", default="http,worker,relay", help="comma separated: http, worker, relay")
        roles = frozenset(parser.parse_args().role.split(","))
        unknown = roles - set(get_args(Role))
        if unknown:
            parser.error(f"no such role: {', '.join(sorted(unknown))}")
        settings = environment.read(self.settings)
        telemetry.configure(
            self.name,
            otlp_endpoint=settings.otlp_endpoint,
            log_level=settings.log_level,
        )
        try:
            uvloop.run(self._run(settings, roles))
        finally:
            telemetry.shut_down()

    async def _run(self, settings: ServiceSettings, roles: frozenset[Role]) -> None:
        dsn = settings.database_url.get_secret_value()
        db = await Database.connect(dsn, source=self.name, size=settings.database_connections, settings=settings)
        is_http = "http" in roles
        app = make_app(self.name, *(self.routers if is_http else ()), database=db, settings=settings)
        running = Running(settings, db, app, roles)
        app.state.verifier = Verifier(settings.identity_url)
        running.closing.append(app.state.verifier.close)
        if self.start is not None:
            await self.start(running)
        self._add_relay(running, dsn)
        self._add_workers(running)
        if running.wakes.is_used:
            running.jobs.append(("wakes", running.wakes.run_forever))
        http = server(
            app,
            host=settings.http_host,
            port=settings.http_port,
            receive_seconds=settings.http_receive_seconds,
            connections=settings.http_connections,
            trace_ratio=settings.trace_ratio,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, http.end)
        # What start-up made stays for good: without this, collecting garbage over it takes an eighth of a hot path.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        log.info("starts", roles=sorted(roles), port=settings.http_port)
        jobs = [asyncio.create_task(_named(name, job)) for name, job in running.jobs]
        serving = asyncio.create_task(http.serve())
        done, _ = await asyncio.wait([serving, *jobs], return_when=asyncio.FIRST_COMPLETED)
        http.end()
        await asyncio.wait([serving], timeout=15)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        for close in reversed(running.closing):
            await close()
        await db.close()
        log.info("stopped")
        for task in done:
            task.result()  # a job that ended by itself raises here what ended it

    def _add_relay(self, running: Running, dsn: str) -> None:
        topics = [topic.name for topic in TOPICS.values() if topic.owner == self.name]
        if not topics:
            return
        if "relay" in running.roles:
            producer = Producer(running.settings.kafka, client_id=f"{self.name}-relay")
            relay = RelayRunner(dsn, producer, topics, source=self.name)
            running.db.wakers["events"].append(relay.wake)
            running.closing.append(producer.close)
            running.background("relay", relay.run_forever)
            running.background("relay", lambda: keep_tables(running.db))
        else:
            running.db.wakers["events"].append(running.wakes.teller("events"))

    def _add_workers(self, running: Running) -> None:
        for handlers in self.handlers:
            if "worker" in running.roles and handlers.by_type:
                worker = Worker(
                    running.db,
                    handlers,
                    running.settings.kafka,
                    batch_max=running.settings.worker_batch,
                    instance=running.settings.worker_instance,
                )
                running.background("worker", worker.run_forever)
                running.background("worker", worker.retry_due_forever)
                running.app.state.checks.append(_check_of(worker))


def _check_of(worker: Worker) -> Callable[[], str | None]:
    def check() -> str | None:
        if worker.halted is not None:
            return f"worker {worker.handlers.group} halted: {worker.halted}"
        return None if worker.is_consuming else f"worker {worker.handlers.group} has not polled yet"

    return check


async def _named(name: str, job: Job) -> None:
    try:
        await job()
    except Exception:
        log.exception("job_failed", job=name)
        raise


async def keep_tables(db: Database) -> None:
    """Every hour: day partitions ahead, old ones dropped, old idempotency keys forgotten."""
    while True:
        try:
            async with db.transaction() as conn:
                await queries.keep_partitions.value(conn, days_ahead=3, outbox_days=OUTBOX_DAYS, inbox_days=INBOX_DAYS)
                await queries.idempotency_forget.run(conn, days=KEPT_DAYS)
        except (*TRANSIENT, Problem) as error:
            log.warning("tables_not_kept", error=f"{type(error).__name__}: {error}")
        await asyncio.sleep(KEEPING_SECONDS)
