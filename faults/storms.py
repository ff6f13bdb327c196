"""Consumer groups without rest, a full disk, and clocks that jump."""

import asyncio
import os
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from uuid import uuid4

import aiokafka.errors
import httpx2

from deploy.local.postgres import place_postgres
from faults.books import Outcome
from faults.catalogue import Run, fault
from faults.market import ANSWER_SECONDS, Tally
from services.catalog.handlers import handlers as of_catalog
from services.orders.handlers import handlers as of_orders
from shared.kafka import Consumer, KafkaAccess

STORM_MEMBERS = 24
SMALL_DISK_MB = 96
FULL_SECONDS = 20.0
NO_ANSWER = 0  # in the place of a status


@fault("rebalance-storm", "Members that come and go cost time; every event is still handled once, in order.")
async def rebalance_storm(run: Run, *, is_lying: bool = False) -> Outcome:
    """Strangers join the groups of catalog and orders, take partitions, handle nothing, and leave.

    One that is lying says that it has handled what it got.
    """
    rng = run.rng("rebalance-storm")
    outcome = run.outcome("rebalance-storm", "a member joins and leaves the groups of catalog and orders")

    async def breaking(_: Tally) -> None:
        for number in range(STORM_MEMBERS):
            handlers = of_catalog if number % 2 else of_orders
            service = "catalog" if number % 2 else "orders"
            access = KafkaAccess(run.ground.stack.kafka_bootstrap, *run.ground.stack.kafka_user(service))
            stranger = Consumer(
                access, group_id=handlers.group_id, client_id="stranger", topics=handlers.topics, types=()
            )
            try:
                async with asyncio.timeout(20):
                    await stranger.start()
                    polled = await stranger.poll(wait_seconds=rng.uniform(0.1, 1.5), most=10)
                    if is_lying and polled.offsets:
                        await stranger.commit(polled.offsets)
                    outcome.runs += 1
            except (aiokafka.errors.KafkaError, TimeoutError) as error:
                outcome.notes.append(f"a stranger did not get in: {type(error).__name__}")
            finally:
                await stranger.close()
            await asyncio.sleep(rng.uniform(0, 0.5))
        if outcome.runs < STORM_MEMBERS / 2:
            outcome.faults.append(f"only {outcome.runs} of {STORM_MEMBERS} strangers got in")

    return await run.under_load(outcome, breaking)


@fault(
    "disk-full",
    "A service whose disk is full refuses with 503; no event is set aside for it; with room again all goes on.",
)
async def disk_full(run: Run) -> Outcome:
    """Catalog's database on a small disk of its own, which a file fills under load."""
    outcome = run.outcome("disk-full", f"the disk of catalog's database full for {FULL_SECONDS:.0f} s")
    place = place_postgres(run.ground.layout)
    if os.geteuid() != 0:
        outcome.skipped = "only root may mount a small disk"
        return outcome
    disk = Path(place.data).parent / "small-disk"
    disk.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MB}m", "lumbung-faults", str(disk)], capture_output=True
    )
    if mounted.returncode != 0:
        outcome.skipped = f"no disk could be mounted: {mounted.stderr.decode().strip()}"
        disk.rmdir()
        return outcome
    try:
        folder = disk / "space"
        folder.mkdir()
        shutil.chown(folder, place.uid if place.uid >= 0 else os.getuid(), place.gid if place.gid >= 0 else os.getgid())
        await run.ground.stop_services()
        await run.ground.as_superuser(f"CREATE TABLESPACE small LOCATION '{folder}'")
        await run.ground.as_superuser("ALTER DATABASE catalog SET TABLESPACE small")
        await run.ground.command("up")

        async def breaking(tally: Tally) -> None:
            await asyncio.sleep(2)
            filling = disk / "filling"
            await asyncio.to_thread(_fill, filling)
            outcome.runs += 1
            refused = await _change_stock(run, outcome)
            filling.unlink()
            outcome.notes.append(f"changes of stock refused with 503 meanwhile: {refused}")
            if not refused:
                outcome.faults.append("nobody was refused with 503")
            said = run.ground.log_of("postgres").read_text(errors="replace").count("No space left on device")
            outcome.notes.append(f"PostgreSQL said {said} times that there is no room")
            if not said:
                outcome.faults.append("the disk was never full")

        await run.under_load(outcome, breaking, placers=2)
        if set_aside := await run.ground.look("catalog", "set_aside_for_room"):
            outcome.faults.append(f"set aside because there was no room: {len(set_aside)} events")
        await run.ground.stop_services()
        await run.ground.as_superuser("ALTER DATABASE catalog SET TABLESPACE pg_default")
        await run.ground.as_superuser("DROP TABLESPACE small")
        await run.ground.command("up")
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", "--lazy", str(disk)], capture_output=True)
    return outcome


async def _change_stock(run: Run, outcome: Outcome) -> int:
    """What a seller does while the disk is full, with a new key each time; how often 503 was the answer."""
    statuses: Counter[int] = Counter()
    address = f"{run.ground.stack.url('catalog')}/v1/products/{run.ground.products[0]}/stock"
    deadline = time.monotonic() + FULL_SECONDS
    async with httpx2.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as http:
        while time.monotonic() < deadline:
            headers = {"authorization": f"Bearer {run.ground.seller}", "idempotency-key": uuid4().hex}
            try:
                answer = await http.post(address, json={"change": 1}, headers=headers)
            except httpx2.HTTPError:
                statuses[NO_ANSWER] += 1
            else:
                statuses[answer.status_code] += 1
                if answer.status_code == 503 and "retry-after" not in answer.headers:
                    outcome.faults.append("503 without Retry-After")
            await asyncio.sleep(0.2)
    if statuses[NO_ANSWER]:
        outcome.faults.append(f"{statuses[NO_ANSWER]} changes of stock had no answer")
    if odd := set(statuses) - {200, 503, NO_ANSWER}:
        outcome.faults.append(f"a change of stock was answered {odd}")
    return statuses[503]


def _fill(path: Path) -> None:
    """Write until nothing fits any more."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65_536)
        except OSError:
            return
