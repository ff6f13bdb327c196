"""Looks at what must hold at any instant while the load runs (V1's calls, V3, V6, V8, V10), every few seconds.

Each look is one statement, so one snapshot. What it costs is measured with the rest: it reads small tables.
"""

import asyncio
import re
from collections import defaultdict
from pathlib import Path

import asyncpg

from bench.online_marketplace.facts import queries, reading
from bench.online_marketplace.population import World
from deploy.local.files import read_json
from deploy.local.processes import WORKER
from deploy.local.stack import SERVICES, recorded_pid
from shared.db import CONNECTION_LOST

LOOK_SECONDS = 2
FOUND_MAX = 20
ESTABLISHED = "01"
_SOCKET = re.compile(r"socket:\[([0-9]+)\]")


class Watcher:
    """Collects findings by invariant, and which measured service was seen calling which other one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._versions: dict[str, int] = {}
        self.found: dict[str, list[str]] = defaultdict(list)
        self.calls: set[tuple[str, str]] = set()
        self.looks = 0
        self.interrupted: list[str] = []

    async def run(self) -> None:
        """Look until cancelled. A database that was killed on purpose is looked at again when it is back."""
        while True:
            try:
                await self.look()
            except (asyncpg.PostgresError, *CONNECTION_LOST) as error:
                self.interrupted.append(repr(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """One look at everything."""
        async with reading(self._world, "catalog") as conn:
            for name, query, says in (
                ("V10", queries.overdrawn, "more set aside than there is"),
                ("V3", queries.uneven_reservations, "reserved is not the sum of its open reservations"),
                ("V8", queries.orphaned_stock, "stock without its product, or of another version"),
            ):
                for row in await query.rows(conn):
                    self._note(name, f"{row[0]}: {says}")
        async with reading(self._world, "orders") as conn:
            self.compare({row[0]: row[1] for row in await queries.moved_offers.rows(conn, shops=self._world.shops)})
        self.calls |= await asyncio.to_thread(calls_between, self._world)
        self.looks += 1

    def compare(self, versions: dict[str, int]) -> None:
        """Note each copy that is older than it was at the last look."""
        for product, version in versions.items():
            if version < self._versions.get(product, 0):
                self._note("V6", f"{product}: was at {self._versions[product]}, is at {version}")
        self._versions |= versions

    def _note(self, name: str, sentence: str) -> None:
        if len(self.found[name]) < FOUND_MAX:
            self.found[name].append(sentence)


def calls_between(world: World) -> set[tuple[str, str]]:
    """Which of the measured services has a connection open to another service's HTTP port.

    Identity is left out: its signing keys are fetched now and then, by no transaction.
    """
    ports = {world.stack.ports[name]: name for name in SERVICES if name != "identity"}
    state = read_json(world.stack.home / "state.json")
    found = set()
    for process in ("orders", "orders-worker", "catalog"):
        caller, pid = process.removesuffix(WORKER), recorded_pid(state, process)
        if pid is None or not pid.is_alive():
            continue
        sockets = _sockets_of(pid.number)
        for line in Path(f"/proc/{pid.number}/net/tcp").read_text().splitlines()[1:]:
            columns = line.split()
            port = int(columns[2].rpartition(":")[2], 16)
            if columns[3] == ESTABLISHED and columns[9] in sockets and ports.get(port, caller) != caller:
                found.add((caller, ports[port]))
    return found


def _sockets_of(pid: int) -> set[str]:
    sockets = set()
    for place in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = place.readlink()
        except FileNotFoundError:
            continue  # closed in this moment
        if match := _SOCKET.fullmatch(str(target)):
            sockets.add(match[1])
    return sockets
