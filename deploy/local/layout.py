"""Where one local stack keeps its files and which ports it uses.

Two settings decide everything: `LUMBUNG_HOME` (data folder, `.local/stack` by default) and
`LUMBUNG_PORT_BASE` (8000 by default). A demo and a test stack differ in these two only and never touch each
other's files. Downloads that are the same for every stack live beside them in `.local/`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SHARED_CACHE = PROJECT / ".local"

PORT_BASE_DEFAULT = 8000
PORT_OFFSETS = {
    "storefront": 0,
    "identity": 1,
    "catalog": 2,
    "orders": 3,
    "cooperatives": 4,
    "financing": 5,
    "programmes": 6,
    "storefront-worker": 20,
    "identity-worker": 21,
    "catalog-worker": 22,
    "orders-worker": 23,
    "cooperatives-worker": 24,
    "financing-worker": 25,
    "programmes-worker": 26,
    "payments": 90,
    "notices": 91,
    "kafka": 92,
    "kafka-controller": 93,
    "bank": 94,
    "postgres": 432,
}
HOST = "127.0.0.1"
WISHES = "environment.json"


class LocalStackError(Exception):
    """Something about this machine or this stack stands in the way.

    The text is one sentence for the person at the keyboard.
    """


@dataclass(frozen=True)
class Layout:
    """The files and ports of one stack."""

    home: Path
    port_base: int

    def port(self, name: str) -> int:
        """The TCP port of a process; raises KeyError for a name that has none."""
        return self.port_base + PORT_OFFSETS[name]

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def state_file(self) -> Path:
        """What the supervisor last knew about each process."""
        return self.home / "state.json"

    @property
    def desired_file(self) -> Path:
        """Which processes should run; the command line writes it, the supervisor obeys it."""
        return self.home / "desired.json"

    @property
    def wishes_file(self) -> Path:
        """The LUMBUNG_ variables that people gave to `up`."""
        return self.home / WISHES

    @property
    def two_processes_file(self) -> Path:
        """The services that run as two processes (LUMBUNG_TWO_PROCESSES)."""
        return self.home / "two_processes.json"

    @property
    def stack_file(self) -> Path:
        return self.home / "stack.json"

    @property
    def secrets_file(self) -> Path:
        return self.home / "secrets.json"

    @property
    def lock_file(self) -> Path:
        """Held by the supervisor as long as it lives, so that there is never a second one."""
        return self.home / "supervisor.lock"

    @property
    def postgres_record(self) -> Path:
        """Says where the database files are, as they are elsewhere when the project lies on a path only root
        may enter.
        """
        return self.home / "postgres.json"

    @property
    def kafka_record(self) -> Path:
        """Says which Java and which jars Kafka runs from."""
        return self.home / "kafka.json"

    @property
    def sandbox(self) -> Path:
        """Where the payment and notice sandboxes keep their state and keys."""
        return self.home / "sandbox"

    @property
    def kafka_home(self) -> Path:
        return self.home / "kafka"

    def create(self) -> None:
        """Make the folders."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)


def current_layout() -> Layout:
    """The layout that the environment asks for; LocalStackError if the port base is absurd."""
    home = Path(os.environ.get("LUMBUNG_HOME") or SHARED_CACHE / "stack")
    if not home.is_absolute():
        home = PROJECT / home
    raw = os.environ.get("LUMBUNG_PORT_BASE") or str(recorded_port_base(home) or PORT_BASE_DEFAULT)
    highest = max(PORT_OFFSETS.values())
    if not raw.isdigit() or not 1024 <= int(raw) <= 65535 - highest:
        raise LocalStackError(f"LUMBUNG_PORT_BASE must be a number from 1024 to {65535 - highest}, but it is {raw!r}.")
    return Layout(home=home, port_base=int(raw))


def recorded_port_base(home: Path) -> int | None:
    """The base that the stack in this folder was made with, so that `LUMBUNG_HOME` alone is enough to speak
    to it.
    """
    record = home / "port_base"
    try:
        text = record.read_text().strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() else None


def remember_port_base(layout: Layout) -> None:
    (layout.home / "port_base").write_text(f"{layout.port_base}\n")
