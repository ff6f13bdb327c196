"""The audit of a whole stack: every service's database, its own checks, the checks between services, delivery.

Reads with the role `lumbung_audit`, which may do nothing else. A check that finds something looks again until the same
thing has been there for the whole time to settle: what was only on its way is gone by then, and under load nothing has
to stand still. A check that cannot be run is an error of the audit, never a clean result.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg

from deploy import registry
from shared import audit
from shared.audit import AuditConnection, Checked, Flow, Listener, Violation
from shared.clock import utc_now
from shared.handlers import Handlers
from shared.sql import Queries, Query

BETWEEN_SERVICES = Queries(Path(__file__).parent / "cli" / "audit.sql")
KEYS_AT_ONCE = 5000
VIOLATIONS_SHOWN = 100
CHECK_SECONDS_MAX = 900.0  # some checks read whole tables, with ten million orders for minutes
REST_STEP_SECONDS = 0.25
SAMPLE = 20_000  # events per topic whose order is checked, events whose text is scanned

Look: TypeAlias = Callable[[], Awaitable[Checked]]
# Called with the groups once the watermarks are known; returns sentences about groups that did not pass them in time.
Passed: TypeAlias = Callable[[list[Handlers]], Awaitable[list[str]]]


@dataclass
class Findings:
    """Everything that one audit has looked at. `behind`: groups that did not reach the watermark in time."""

    since: datetime
    at: datetime
    flows: list[Flow]
    checks: list[Checked] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (
            self.behind
            or any(not flow.is_clean for flow in self.flows)
            or any(check.violations for check in self.checks)
        )


class Pace:
    """Lets an audit work for a share of the time (above 0, at most 1) and rest otherwise.

    Work is the time of a query, and what this process computed since the last rest: on few cores both are taken from
    those who are being audited.
    """

    def __init__(self, share: float) -> None:
        self._rest_by_work = 1 / share - 1
        self._computed = time.process_time()

    async def rest(self, query_seconds: float) -> None:
        """After a query that took so long. Time for which this process or its machine was stopped is no rest."""
        worked = query_seconds + time.process_time() - self._computed
        left = worked * self._rest_by_work
        while left > 0:
            step = min(left, REST_STEP_SECONDS)
            await asyncio.sleep(step)
            left -= step
        self._computed = time.process_time()


class Paced(asyncpg.Connection):
    """A connection that keeps to a pace."""

    pace = Pace(1.0)

    async def fetch(self, *args: Any, **options: Any) -> Any:
        """The rows, after the rest that they cost."""
        began = time.monotonic()
        rows = await super().fetch(*args, **options)
        await self.pace.rest(time.monotonic() - began)
        return rows


async def nobody_is_behind(_: list[Handlers]) -> list[str]:
    """For databases without Kafka: whatever was delivered was handled already."""
    return []


async def run(
    addresses: Mapping[str, str],
    groups: Mapping[str, list[Handlers]],
    *,
    since: datetime,
    passed: Passed = nobody_is_behind,
    look_again_seconds: float = 1.0,
    settle_seconds: float = 10.0,
    sample: int = SAMPLE,
    share: float = 1.0,
) -> Findings:
    """Audit the databases at `addresses` (service to DSN), with the handler groups of each service.

    `share`: how much of the time it may work; it rests otherwise, and takes so much longer.
    Raises OSError or asyncpg.PostgresError when it could not look.
    """
    since = since.replace(second=0, microsecond=0)
    async with _connections(addresses, share) as conns:
        owners = [await audit.owner(name, conn) for name, conn in conns.items()]
        listeners = [Listener(handlers, conns[name]) for name in conns for handlers in groups.get(name, [])]
        behind = await passed([listener.handlers for listener in listeners])
        findings = Findings(since, utc_now(), await audit.compare(owners, listeners, since=since), behind=behind)
        findings.checks = await audit.check_order(owners, listeners, since=since, most=sample)
        ledgers = {name for name, conn in conns.items() if await audit.keeps_a_ledger(conn)}
        looks = _looks(conns, ledgers, {"since": since, "most": sample})
        findings.checks += await _settled(looks, look_again_seconds, settle_seconds)
    return findings


async def _settled(looks: list[Look], look_again_seconds: float, settle_seconds: float) -> list[Checked]:
    """What checks find again and again for `settle_seconds` (at least twice)."""
    found = [await look() for look in looks]
    deadline = time.monotonic() + settle_seconds
    is_first = True
    while any(check.violations for check in found) and (is_first or time.monotonic() < deadline):
        is_first = False
        await asyncio.sleep(look_again_seconds)
        for number, check in enumerate(found):
            if check.violations:
                found[number] = audit.still_there(check, await looks[number]())
    return [replace(check, violations=check.violations[:VIOLATIONS_SHOWN]) for check in found]


@asynccontextmanager
async def _connections(addresses: Mapping[str, str], share: float) -> AsyncIterator[dict[str, AuditConnection]]:
    pace = Pace(share)
    async with AsyncExitStack() as stack:
        conns: dict[str, AuditConnection] = {}
        for name, dsn in addresses.items():
            conn = await asyncpg.connect(
                dsn,
                connection_class=Paced,
                timeout=10,
                command_timeout=CHECK_SECONDS_MAX,
                server_settings={
                    "application_name": "lumbung-audit",
                    "timezone": "UTC",
                    "jit": "off",
                    "statement_timeout": f"{CHECK_SECONDS_MAX:.0f}s",
                },
            )
            conn.pace = pace
            stack.push_async_callback(conn.close)
            conns[name] = conn
        yield conns


def _looks(conns: dict[str, AuditConnection], ledgers: set[str], parameters: Mapping[str, Any]) -> list[Look]:
    """Every check, ready to be run as often as it takes. `ledgers`: the services that keep one."""
    looks: list[Look] = []
    for name, conn in conns.items():
        own = registry.SERVICES_FOLDER / name / "audit.sql"
        of_ledger = audit.ledger_checks if name in ledgers else ()
        for query in [*audit.kernel_checks, *of_ledger, *(Queries(own) if own.exists() else ())]:
            looks.append(partial(audit.run_check, name, conn, query, parameters))
    for check in sorted({query.name.split("/")[0] for query in BETWEEN_SERVICES}):
        both = {query.name.split("/")[2]: query for query in BETWEEN_SERVICES if query.name.startswith(check + "/")}
        places = {part: query.name.split("/")[1] for part, query in both.items()}
        if all(place in conns for place in places.values()):
            looks.append(partial(_between, check, both, places, conns, parameters))
    return looks


async def _between(
    check: str,
    both: Mapping[str, Query],
    places: Mapping[str, str],
    conns: Mapping[str, AuditConnection],
    parameters: Mapping[str, Any],
) -> Checked:
    expects, confirms = both["expects"], both["confirms"]
    wanted = await expects.rows(conns[places["expects"]], **{name: parameters[name] for name in expects.names})
    violations = []
    for start in range(0, len(wanted), KEYS_AT_ONCE):
        part = wanted[start : start + KEYS_AT_ONCE]
        rows = await confirms.rows(conns[places["confirms"]], keys=[row["key"] for row in part])
        so = {(row["key"], row["value"]) for row in rows}
        violations += [Violation(row["key"], row["what"]) for row in part if (row["key"], row["value"]) not in so]
    return Checked(check, f"{places['expects']} + {places['confirms']}", expects.why, tuple(violations))


def default_since(hours: float) -> datetime:
    """So many hours ago."""
    return utc_now() - timedelta(hours=hours)
