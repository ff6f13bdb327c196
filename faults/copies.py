"""Copies of a played stack's databases, made once, thrown away and made again as often as a test spoils one."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg

from deploy import audit, registry
from deploy.audit import Findings
from deploy.local.stack import SERVICES
from faults.ground import Ground
from shared.clock import utc_now

Superuser = "asyncpg.Connection[asyncpg.Record]"


@dataclass
class Copies:
    """One copy per service. While they are made, the services must be stopped."""

    ground: Ground
    prefix: str = "faults_copy"
    made: set[str] = field(default_factory=set)

    def name(self, service: str) -> str:
        """The database of the copy."""
        return f"{self.prefix}_{service}"

    @property
    def pattern(self) -> str:
        """The names of the copies, for copies of copies."""
        return self.prefix + "_{service}"

    async def make(self, *services: str, of: str = "{service}") -> None:
        """Fresh copies of these services' databases (or of databases named after the pattern `of`)."""
        for service in services:
            source = of.format(service=service)
            await self.ground.as_superuser(f"DROP DATABASE IF EXISTS {self.name(service)} WITH (FORCE)")
            await self.ground.as_superuser(
                f"CREATE DATABASE {self.name(service)} TEMPLATE {source} OWNER lumbung_owner STRATEGY wal_log"
            )
            grant = f"GRANT CONNECT ON DATABASE {self.name(service)} TO {service}, lumbung_audit"
            await self.ground.as_superuser(grant)
            self.made.add(service)

    async def drop(self) -> None:
        """Throw all away."""
        for service in list(self.made):
            await self.ground.as_superuser(f"DROP DATABASE IF EXISTS {self.name(service)} WITH (FORCE)")
            self.made.discard(service)

    async def corrupt(self, service: str, *statements: str) -> str:
        """Change what nobody may change: as the superuser, without triggers and constraints; the last one's status."""
        conn: Any = await asyncpg.connect(self.ground.stack.superuser_dsn(self.name(service)))
        try:
            await conn.execute("SET session_replication_role = replica")
            status = ""
            for statement in statements:
                status = str(await conn.execute(statement))
            return status
        finally:
            await conn.close()

    async def audit(self) -> Findings:
        """Look at all copies, with the audit's own role."""
        addresses = {
            service: self.ground.stack.audit_dsn(service).rsplit("/", 1)[0] + f"/{self.name(service)}"
            for service in SERVICES
        }
        groups = {service: registry.handler_groups(service) for service in SERVICES}
        return await audit.run(
            addresses, groups, since=utc_now() - timedelta(hours=24), look_again_seconds=0.01, settle_seconds=0
        )


def found_in(findings: Findings) -> set[str]:
    """The names of what is not zero: checks, and `delivery` when events differ."""
    names = {check.name for check in findings.checks if check.violations}
    return names | ({"delivery"} if any(flow.missing or flow.extra for flow in findings.flows) else set())
