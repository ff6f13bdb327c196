"""Finding out before the start whether somebody else already listens where a process of the stack wants to."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import psutil

from deploy.local.layout import HOST, LocalStackError


def is_free(port: int) -> bool:
    """Whether a listener could open the port now (a connection that is still winding down does not count)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def holder_of(port: int) -> str | None:
    """The process that listens on the port, as `name, pid 123`; None if the system does not tell us."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            try:
                return f"{psutil.Process(connection.pid).name()}, pid {connection.pid}"
            except psutil.NoSuchProcess:
                return None
    return None


def taken_sentence(port: int, *, wanted_by: str, holder: str | None, port_base: int) -> str:
    """Which port, who has it, who needs it, what to do."""
    other = port_base + 10_000 if port_base + 20_000 < 65_535 else 20_000
    by_whom = f" by {holder}" if holder else ""
    return (
        f"Port {port} is taken{by_whom}, and {wanted_by} needs it. "
        f"Stop that process, or move this stack: LUMBUNG_PORT_BASE={other} ./lumbung up"
    )


def require_free(ports: Mapping[str, int], *, port_base: int) -> None:
    """Raise LocalStackError with one sentence per port that is taken; `ports` is process name to port."""
    sentences = [
        taken_sentence(port, wanted_by=name, holder=holder_of(port), port_base=port_base)
        for name, port in ports.items()
        if not is_free(port)
    ]
    if sentences:
        raise LocalStackError("\n".join(sentences))
