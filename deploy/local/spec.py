"""What the supervisor must know about a process; plain values, so that a list of processes is data."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Http:
    """Ready when a GET of the path is answered with 200."""

    port: int
    path: str = "/readyz"


@dataclass(frozen=True)
class Tcp:
    """Ready when the port takes a connection."""

    port: int


@dataclass(frozen=True)
class Answers:
    """Ready when a command ends with 0."""

    command: tuple[str, ...]


Readiness = Http | Tcp | Answers


@dataclass(frozen=True)
class ProcessSpec:
    """One process of the stack. A task runs once and must end with 0; anything else is kept running."""

    name: str
    purpose: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    depends: tuple[str, ...] = ()
    ready: Readiness | None = None
    is_task: bool = False
    ports: tuple[int, ...] = ()
    url: str | None = None
    folder: str | None = None
    ready_seconds: float = 60.0
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 10.0
    # What the kernel sends when the supervisor is killed. Our services survive kill -9, so they get just that.
    death_signal: int = signal.SIGKILL
    uid: int = -1
    gid: int = -1


def with_dependencies(specs: Sequence[ProcessSpec], names: Sequence[str]) -> list[str]:
    """The names and all they depend on, in the order of `specs`.

    Raises KeyError for a name that is not there.
    """
    by_name = {spec.name: spec for spec in specs}
    wanted: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in wanted:
            wanted.add(name)
            pending += by_name[name].depends
    return [spec.name for spec in specs if spec.name in wanted]
