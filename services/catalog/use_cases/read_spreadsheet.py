"""Read an uploaded file in a process of its own, so that a hostile one can waste only what that process was given.

The process gets the file on its standard input and writes one JSON line per row, the first line being how many there
are. Run as a program, this module is that process.
"""

import asyncio
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from services.catalog.domain.spreadsheet import Cell, Unreadable, read

PROJECT = Path(__file__).parents[3]
LINE_BYTES_MAX = 1024 * 1024
GAVE_UP = "Berkas tidak bisa dibaca dalam batas waktu dan memori yang wajar."


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What reading one file may cost."""

    rows: int
    memory_bytes: int
    cpu_seconds: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Reading:
    """A file being read: how many rows it has, which columns are not read, and the rows as they come."""

    total: int
    unknown: tuple[str, ...]
    rows: AsyncIterator[tuple[int, dict[str, Cell]]]


@asynccontextmanager
async def reading(content: bytes, limits: ReadingLimits) -> AsyncIterator[Reading]:
    """The rows of a file. Raises Unreadable with a sentence for the seller. The process is gone when this ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.catalog.use_cases.read_spreadsheet",
        *map(str, (limits.rows, limits.memory_bytes, limits.cpu_seconds)),
        cwd=PROJECT,
        env={},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=LINE_BYTES_MAX,
    )
    assert process.stdin is not None and process.stdout is not None
    feeding = asyncio.create_task(_feed(process.stdin, content))
    try:
        first = await _line(process.stdout, limits.seconds)
        if "refused" in first:
            raise Unreadable(first["refused"])
        yield Reading(first["total"], tuple(first["unknown"]), _rows(process.stdout, first["total"], limits.seconds))
    finally:
        feeding.cancel()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        with suppress(asyncio.CancelledError):
            await feeding


async def _feed(stdin: asyncio.StreamWriter, content: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # it died; what it wrote before says why
        stdin.write(content)
        await stdin.drain()
        stdin.close()


async def _rows(stdout: asyncio.StreamReader, total: int, seconds: float) -> AsyncIterator[tuple[int, dict[str, Cell]]]:
    for _ in range(total):
        line = await _line(stdout, seconds)
        yield line["number"], line["cells"]


async def _line(stdout: asyncio.StreamReader, seconds: float) -> dict[str, Any]:
    try:
        async with asyncio.timeout(seconds):
            raw = await stdout.readline()
    except (TimeoutError, ValueError) as error:  # ValueError: a line longer than we take
        raise Unreadable(GAVE_UP) from error
    if not raw.endswith(b"\n"):
        raise Unreadable(GAVE_UP)
    line: dict[str, Any] = orjson.loads(raw)
    return line


def main() -> None:
    """Read standard input within the limits given as arguments, and answer by lines."""
    rows_max, memory_bytes, cpu_seconds = map(int, sys.argv[1:4])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    out = sys.stdout.buffer
    try:
        table = read(sys.stdin.buffer.read(), rows_max=rows_max)
    except Unreadable as refusal:
        out.write(orjson.dumps({"refused": str(refusal)}) + b"\n")
        return
    out.write(orjson.dumps({"total": len(table.rows), "unknown": table.unknown}) + b"\n")
    for number, cells in table.rows:
        out.write(orjson.dumps({"number": number, "cells": cells}) + b"\n")


if __name__ == "__main__":
    main()
