"""What the audit costs while it runs beside a load: in throughput, and in processor time, which tells it finer."""

import asyncio
import math
import os
import signal
import statistics
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg
import psutil

from deploy.cli.audit import WATCHING_SHARE
from deploy.local.layout import PROJECT
from faults.books import Outcome
from faults.catalogue import Run, fault
from faults.keeper import dies_with_us
from faults.market import Tally
from shared.db import RawConnection

AIM_PERCENT = 5.0
PAIRS, PAIRS_OF_CONTROL, WINDOW_SECONDS = 40, 10, 6.0
WORKING_PERCENT_MIN = 0.5  # of the processors: with less it did not look at all
RESTS_WITHIN_SECONDS, LOOKS_AT_REST = 20.0, 3
STARTING_SECONDS = 8.0  # Python and its libraries are loaded: no part of what a look costs
TOO_DEAR = f"more than {AIM_PERCENT:.0f} %"

AUDITS = "SELECT pid, state <> 'idle' AS is_asked FROM pg_stat_activity WHERE application_name = 'lumbung-audit'"


@dataclass
class Windows:
    """What was seen beside the audit, or while it was stopped: orders a second in each window, and time in all."""

    rates: list[float] = field(default_factory=list)
    audit_seconds: float = 0.0  # of processors
    seconds: float = 0.0

    @property
    def percent(self) -> float:
        """Of the processors' time, what the audit and the backends that answer it took."""
        return 100 * self.audit_seconds / (self.seconds * (os.cpu_count() or 1))


@fault(
    "audit-costs-little",
    f"The audit may run all the time: it takes at most {AIM_PERCENT:.0f} % of the processors, and not surely more of "
    "throughput.",
    spoils=True,
)
async def audit_costs_little(run: Run) -> Outcome:
    """As `./lumbung audit --watch` does it."""
    return await _beside_a_load(run, "audit-costs-little", WATCHING_SHARE, PAIRS if run.orders >= 1000 else 4)


@fault(
    "audit-that-never-rests",
    f"Control: an audit that works all the time is seen to cost more than {AIM_PERCENT:.0f} %.",
    is_control=True,
)
async def audit_that_never_rests(run: Run) -> Outcome:
    """The same without rest."""
    outcome = await _beside_a_load(run, "audit-that-never-rests", 1.0, PAIRS_OF_CONTROL)
    outcome.is_control, outcome.sign = True, f"{TOO_DEAR} of the processors"
    return outcome


async def _beside_a_load(run: Run, name: str, share: float, pairs: int) -> Outcome:
    """One load; the audit beside it works and is stopped in turns, so that a slower or faster machine is no difference.

    Windows come in pairs whose order changes (ABBA). What counts is the sum of all windows: it looks in bursts, and a
    median would pass over them.
    """
    outcome = run.outcome(
        name, f"lumbung audit --watch 1 --share {share} beside the load, stopped in every other window"
    )
    beside, stopped = Windows(), Windows()

    async def breaking(tally: Tally) -> None:
        audit = await _watching(run, share)
        conn = await asyncpg.connect(run.ground.stack.superuser_dsn())
        try:
            await _look(conn, audit, tally, Windows(), until_it_rests=share < 1)
            for number in range(pairs):
                for windows in (beside, stopped) if number % 2 else (stopped, beside):
                    if windows is beside:
                        audit.send_signal(signal.SIGCONT)
                    else:
                        audit.send_signal(signal.SIGSTOP)
                        await _until_answered(conn)
                    await _look(conn, audit, tally, windows, until_it_rests=windows is beside and share < 1)
                outcome.runs += 1
        finally:
            await conn.close()
            if audit.returncode is None:
                audit.send_signal(signal.SIGCONT)
                audit.terminate()
            await audit.wait()

    await run.under_load(outcome, breaking, places_only=True)
    _judge(outcome, beside, stopped)
    return outcome


def _judge(outcome: Outcome, beside: Windows, stopped: Windows) -> None:
    """The cost in all windows together, and whether it was the audit's: it must have worked, and only when let go.

    Throughput of a shared machine is uncertain by some percent; what is surely too much counts (two standard errors).
    """
    cost = 100 * (1 - sum(beside.rates) / sum(stopped.rates))
    each = [100 * (1 - one / other) for one, other in zip(beside.rates, stopped.rates, strict=True)]
    error = statistics.stdev(each) / math.sqrt(len(each))
    outcome.notes.append(
        f"throughput beside the audit is {cost:.1f} % less ({len(each)} pairs of windows, standard error {error:.1f}); "
        f"it took {beside.percent:.2f} % of the processors beside, {stopped.percent:.2f} % while stopped"
    )
    if beside.percent < WORKING_PERCENT_MIN or stopped.percent > beside.percent / 4:
        outcome.faults.append("the audit did not work when it was let go, or worked when it was stopped")
    if beside.percent > AIM_PERCENT:
        outcome.faults.append(f"{TOO_DEAR} of the processors")
    if cost - 2 * error > AIM_PERCENT:
        outcome.faults.append(f"{TOO_DEAR} of throughput")


async def _until_answered(conn: RawConnection) -> None:
    """What it had asked when it was stopped is worked on all the same."""
    deadline = time.monotonic() + RESTS_WITHIN_SECONDS
    while time.monotonic() < deadline and any(row["is_asked"] for row in await conn.fetch(AUDITS)):
        await asyncio.sleep(0.1)


async def _look(
    conn: RawConnection,
    audit: asyncio.subprocess.Process,
    tally: Tally,
    windows: Windows,
    *,
    until_it_rests: bool = False,
) -> None:
    """Let a window pass, and add what is seen in it. Backends that come and go are seen ten times a second.

    `until_it_rests`: then it can be stopped; a query that it is stopped in would take it long, and it would rest for
    much longer.
    """
    began, placed = time.monotonic(), len(tally.placed_at)
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    looks_at_rest = 0
    while (seconds := time.monotonic() - began) < WINDOW_SECONDS or (
        until_it_rests and looks_at_rest < LOOKS_AT_REST and seconds < WINDOW_SECONDS + RESTS_WITHIN_SECONDS
    ):
        backends = await conn.fetch(AUDITS)
        looks_at_rest = 0 if any(row["is_asked"] for row in backends) else looks_at_rest + 1
        for pid in (audit.pid, *(row["pid"] for row in backends)):
            with suppress(psutil.NoSuchProcess):
                last[pid] = sum(psutil.Process(pid).cpu_times()[:2])
                first.setdefault(pid, last[pid])
        await asyncio.sleep(0.1)
    windows.rates.append((len(tally.placed_at) - placed) / seconds)
    windows.audit_seconds += sum(last.values()) - sum(first.values())
    windows.seconds += seconds


async def _watching(run: Run, share: float) -> asyncio.subprocess.Process:
    """The audit as it runs all the time, once it has looked for the first time."""
    process = await asyncio.create_subprocess_exec(
        *dies_with_us(), sys.executable, "-m", "deploy.cli", "audit", "--watch", "1", "--share", str(share), "--json",
        cwd=PROJECT, env=os.environ | run.ground.environment, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await asyncio.sleep(STARTING_SECONDS)
    if process.returncode is not None:
        raise RuntimeError(f"the audit ended with {process.returncode}")
    return process
