"""Clock steps of a day both ways, for the whole machine: services, PostgreSQL, Kafka and sandboxes see them at once."""

import asyncio
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.stage import claims_of
from deploy.local.layout import PROJECT
from deploy.local.postgres import place_postgres
from faults.books import Auditing, Outcome
from faults.catalogue import Run, fault
from faults.ground import Ground
from faults.market import Tally

DAY = 86_400
STEPS = (DAY, 0, -DAY, 0, DAY)  # in the end the day has passed: what was due tomorrow is due
STEP_SECONDS = 12.0
# The order in which events were recorded is judged by the clock that was stepped, so it is not judged here.
# Orders that wait when it jumps a day ahead are out of time, so they only have to end.
AUDITING = Auditing(as_meant=False, hours=96, not_judged=frozenset({"events_in_order_per_key"}))


@fault(
    "clock-steps-of-a-day",
    "The machine's clock jumps a day ahead and back: orders end early or late, none is lost, doubled or stuck.",
    spoils=True,
)
async def clock_steps_of_a_day(run: Run, *, without: Sequence[str] = ()) -> Outcome:
    """Wall clocks only; monotonic ones go on, as they do when a real clock is set."""
    outcome = run.outcome("clock-steps-of-a-day", "every process's wall clock stepped by a day, both ways")
    if shutil.which("cc") is None or sys.platform != "linux":
        outcome.skipped = "no C compiler to make the shifted clock with"
        return outcome
    clock = await _with_clock(run.ground, without)

    async def breaking(tally: Tally) -> None:
        for step in STEPS:
            placed = len(tally.placed_at)
            with clock.open("r+b") as file:  # in place: a mapped file that is cut short kills who reads it
                file.write(struct.pack("=q", step))
            run.ground.forget_tokens()
            await run.ground.sign_in()
            outcome.faults += await _not_moved(run.ground, step)
            outcome.runs += 1
            await asyncio.sleep(STEP_SECONDS)
            outcome.notes.append(f"at {step / DAY:+.0f} days {len(tally.placed_at) - placed} orders were placed")
            if len(tally.placed_at) == placed:
                outcome.faults.append(f"no order was placed at {step / DAY:+.0f} days")

    return await replace(run, auditing=AUDITING).under_load(outcome, breaking, placers=1)


async def _not_moved(ground: Ground, step: int) -> list[str]:
    """Sentences about clocks that do not tell the stepped time: PostgreSQL's, and identity's in a token."""
    ((of_database,),) = await ground.look("orders", "now")
    told = {"PostgreSQL": of_database.timestamp(), "identity": claims_of(ground.tokens[0])["iat"]}
    meant = time.time() + step
    return [f"{who}'s clock is {at - meant:.0f} s off" for who, at in told.items() if abs(at - meant) > 60]


async def _with_clock(ground: Ground, without: Sequence[str]) -> Path:
    """Start the stack again under a clock that can be stepped; the file that says by how much."""
    folder = Path(place_postgres(ground.layout).data).parent  # where PostgreSQL's own user may read
    library, clock = folder / "clock.so", folder / "clock"
    source = str(PROJECT / "faults" / "clock.c")
    await asyncio.to_thread(
        subprocess.run, ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), source, "-ldl"], check=True
    )
    clock.write_bytes(struct.pack("=q", 0))
    for path in (library, clock):
        path.chmod(0o755)
    await ground.restart(environment={"LD_PRELOAD": str(library), "FAULTS_CLOCK": str(clock)}, without=without)
    return clock
