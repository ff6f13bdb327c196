"""The audit of a whole stack: every service's database, its own checks, the checks between services, delivery.

Reads with the role `lumbung_audit`, which may do nothing else. Checks are looked at twice, some seconds apart, when the
first look finds something: what was only on its way is gone by then, and under load nothing has to stand still. A check
that cannot be run is an error of the audit, never a clean result.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg

from deploy import registry
from shared import audit
from shared.audit import AuditConnection, Checked, Flow, Listener, Violation
from shared.clock import utc_now
from shared.handlers import Handlers
from shared.sql import Queries

BETWEEN_SERVICES = Queries(Path(__file__).parent / "cli" / "audit.sql")
KEYS_AT_ONCE = 5000
SAMPLE = 20_000  # events per topic whose order is checked, events whose text is scanned

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


async def nobody_is_behind(_: list[Handlers]) -> list[str]:
    """For databases without Kafka: whatever was delivered was handled already."""
    return []


async def run(
    addresses: Mapping[str, str],
    groups: Mapping[str, list[Handlers]],
    *,
    since: datetime,
    passed: Passed = nobody_is_behind,
    look_again_seconds: float = 3.0,
    sample: int = SAMPLE,
) -> Findings:
    """Audit the databases at `addresses` (service to DSN), with the handler groups of each service.

    Raises OSError or asyncpg.PostgresError when it could not look.
    """
    since = since.replace(second=0, microsecond=0)
    async with _connections(addresses) as conns:
        owners = [await audit.owner(name, conn) for name, conn in conns.items()]
        listeners = [Listener(handlers, conns[name]) for name in conns for handlers in groups.get(name, [])]
        behind = await passed([listener.handlers for listener in listeners])
        findings = Findings(since, utc_now(), await audit.compare(owners, listeners, since=since), behind=behind)
        findings.checks = await audit.check_order(owners, listeners, since=since, most=sample)
        parameters = {"since": since, "most": sample}
        first = await _checks(conns, parameters)
        if any(check.violations for check in first):
            await asyncio.sleep(look_again_seconds)
            again = {(check.name, check.place): check for check in await _checks(conns, parameters)}
            first = [audit.still_there(check, again[check.name, check.place]) for check in first]
        findings.checks += first
    return findings


@asynccontextmanager
async def _connections(addresses: Mapping[str, str]) -> AsyncIterator[dict[str, AuditConnection]]:
    async with AsyncExitStack() as stack:
        conns: dict[str, AuditConnection] = {}
        for name, dsn in addresses.items():
            conn: AuditConnection = await asyncpg.connect(
                dsn,
                timeout=10,
                command_timeout=120,
                server_settings={"application_name": "lumbung-audit", "timezone": "UTC", "jit": "off"},
            )
            stack.push_async_callback(conn.close)
            conns[name] = conn
        yield conns


async def _checks(conns: dict[str, AuditConnection], parameters: Mapping[str, Any]) -> list[Checked]:
    found: list[Checked] = []
    for name, conn in conns.items():
        found += await audit.run_checks(name, conn, audit.kernel_checks, parameters)
        own = registry.SERVICES_FOLDER / name / "audit.sql"
        if own.exists():
            found += await audit.run_checks(name, conn, Queries(own), parameters)
    for check in sorted({query.name.split("/")[0] for query in BETWEEN_SERVICES}):
        both = {query.name.split("/")[2]: query for query in BETWEEN_SERVICES if query.name.startswith(check + "/")}
        places = {part: query.name.split("/")[1] for part, query in both.items()}
        if all(place in conns for place in places.values()):
            found.append(await _between(check, both, places, conns, parameters))
    return found


async def _between(
    check: str,
    both: Mapping[str, Any],
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
    return Checked(check, f"{places['expects']} + {places['confirms']}", expects.why, tuple(violations[:100]))


def default_since(hours: float) -> datetime:
    """So many hours ago."""
    return utc_now() - timedelta(hours=hours)
