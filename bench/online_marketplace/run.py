"""One profile from nothing to verdicts: a fresh stack, a population, loads, rest, every check."""

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from bench import machine, measure
from bench.online_marketplace import checks, metrics
from bench.online_marketplace.disturb import kill_each, tell_again
from bench.online_marketplace.driver import Driver
from bench.online_marketplace.facts import Isolation, Run, come_to_rest, deadlocks, read_facts
from bench.online_marketplace.journal import Look, Outcome
from bench.online_marketplace.population import ENVIRONMENT, World, populate, sign_in
from bench.online_marketplace.profiles import Profile
from bench.online_marketplace.watcher import LOOK_SECONDS, Watcher
from bench.online_marketplace.workload import Kind
from bench.stage import Stage, lumbung
from deploy.local.layout import PROJECT
from deploy.local.stack import load_stack

TOKEN_SECONDS = 1800  # after so long everybody signs in again, well before tokens end
EXAMPLES_MAX = 5
CONSUMER = "programmes"  # consumes orders' events, and nobody waits for it
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the stack of the benchmark lives."""

    home: str
    port_base: str

    def lumbung(self, *arguments: str, **environment: str) -> None:
        """The command on this stack. Raises CalledProcessError."""
        lumbung(*arguments, **{"LUMBUNG_HOME": self.home, "LUMBUNG_PORT_BASE": self.port_base} | environment)


async def run_profile(
    profile: Profile, place: Place, *, seed: int, pgbench_seconds: int, is_kept: bool, say: Say
) -> dict[str, Any]:
    """All figures and verdicts of a profile; the stack is gone afterwards unless it is to be kept."""
    environment = ENVIRONMENT | {"LUMBUNG_SANDBOX_ACCEPTANCE": str(profile.acceptance)}
    await asyncio.to_thread(place.lumbung, "down", "--delete-data")
    await asyncio.to_thread(place.lumbung, "up", **environment)
    stack = load_stack(PROJECT / place.home)
    began = time.monotonic()
    world = await populate(stack, profile, seed=seed)
    await come_to_rest(world)
    took = time.monotonic() - began
    say(f"{profile.name}: {profile.customers} customers, {profile.sellers} sellers, {profile.products} products "
        f"in {took:.0f} s")  # fmt: skip
    driver = Driver(world, seed)
    watcher = Watcher(world)
    deadlocks_before = await deadlocks(world)
    await driver.marks.start()
    watching = asyncio.create_task(watcher.run())
    points, kills, isolated = [], [], None
    try:
        signed_in = time.monotonic()
        for concurrency in profile.concurrency:
            if time.monotonic() - signed_in > TOKEN_SECONDS:
                await sign_in(world)
                signed_in = time.monotonic()
            point, killed = await _load(driver, concurrency, profile)
            kills += killed
            points.append(point)
            say(f"{profile.name}: {concurrency} in flight: {point['tx_per_s']} tx/s, "
                f"{point['checkouts_per_s']} checkouts/s, others {point['others'] or 'none'}")  # fmt: skip
        if profile.kills:
            isolated = await _without_a_consumer(driver, place, profile)
            say(f"{profile.name}: without {CONSUMER}: {isolated.without_per_s} checkouts/s, "
                f"with it {isolated.with_per_s}")  # fmt: skip
        unrest = await come_to_rest(world)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    again = await tell_again(world, profile.republished_share, random.Random(seed))
    await driver.marks.stop()
    run = await _collect(world, driver, watcher)
    run.unrest = unrest + again[2]
    run.republished = again[:2]
    run.kills, run.kills_meant = kills, profile.kills
    # A look takes a while when all is busy, and what is killed cannot be looked at.
    run.looks_alive_min = round(len(profile.concurrency) * profile.seconds / LOOK_SECONDS / 4)
    run.isolated = isolated
    run.deadlocks = await deadlocks(world) - deadlocks_before
    verdicts = checks.verdicts(run)
    failed = [name for name, findings in verdicts.items() if findings]
    say(f"{profile.name}: {len(run.facts.orders)} orders, {run.republished[0]} events told again, "
        f"broken invariants: {', '.join(failed) or 'none'}")  # fmt: skip
    pgbench = [await measure.pgbench(Stage(stack), pgbench_seconds) for _ in range(2)] if pgbench_seconds else []
    if not is_kept:
        await asyncio.to_thread(place.lumbung, "down", "--delete-data")
    figures = {
        "profile": asdict(profile),
        "seed": seed,
        "populated_s": round(took, 1),
        "points": points,
        "best": max(points, key=lambda point: point["tx_per_s"]),
        "pgbench_per_s": round(statistics.median(pgbench), 1) if pgbench else None,
        "orders": len(run.facts.orders),
        "republished": run.republished[0],
        "kills": [name for name, _ in kills],
        "isolation": None if isolated is None else asdict(isolated),
        "live_looks": watcher.looks,
        "invariants": {check.id: _verdict(check, verdicts[check.id]) for check in checks.CHECKS},
    }
    return machine.stamped(figures)


async def _load(driver: Driver, concurrency: int, profile: Profile) -> tuple[dict[str, Any], list[tuple[str, float]]]:
    """One point of the sweep, and what was killed meanwhile."""
    stack = driver.world.stack
    cpu: list[tuple[float, dict[str, float]]] = []

    async def look_at_cpu() -> None:
        since, until = metrics.window(0, profile.seconds)
        await asyncio.sleep(since)
        cpu.append((time.monotonic(), metrics.cpu_seconds(stack)))
        await asyncio.sleep(until - since)
        cpu.append((time.monotonic(), metrics.cpu_seconds(stack)))

    async with asyncio.TaskGroup() as group:
        group.create_task(look_at_cpu())
        blows = kill_each(driver.world, profile.kills, profile.seconds, held_down=profile.held_down)
        killing = group.create_task(blows)
        loading = group.create_task(driver.run(concurrency=concurrency, seconds=profile.seconds))
    since, until = metrics.window(*loading.result())
    (before_at, before), (after_at, after) = cpu
    figures = metrics.summary(driver.journal, since, until)
    await come_to_rest(driver.world)
    point = {"concurrency": concurrency} | figures
    return point | {"cpu_percent": metrics.cpu_percent(before, after, after_at - before_at)}, killing.result()


async def _without_a_consumer(driver: Driver, place: Place, profile: Profile) -> Isolation:
    """V18: checkouts a second with and without a service that only listens."""
    seconds = profile.seconds / 3

    async def marked_in_thirds() -> tuple[int, int, int]:
        begin, end = await driver.run(concurrency=profile.concurrency[0], seconds=seconds)
        thirds = [0, 0, 0]
        for done in driver.journal.done:
            if done.kind is Kind.CHECKOUT and done.outcome is Outcome.SUCCESS and begin <= done.ended < end:
                thirds[int(3 * (done.ended - begin) / (end - begin))] += 1
        return thirds[0], thirds[1], thirds[2]

    with_it = await marked_in_thirds()
    await asyncio.to_thread(place.lumbung, "stop", CONSUMER)
    without = await marked_in_thirds()
    await asyncio.to_thread(place.lumbung, "up")
    return Isolation(round(sum(with_it) / seconds, 1), round(sum(without) / seconds, 1), without)


async def _collect(world: World, driver: Driver, watcher: Watcher) -> Run:
    looks = await _looks_at_rest(world)
    mirror = {p.product_id: (p.version, p.unit_price_minor) for shop in world.mirror for p in shop}
    return Run(
        driver.journal,
        await read_facts(world),
        mirror,
        alive=dict(watcher.found),
        looks_at_rest=looks,
        looks_alive=watcher.looks,
        calls=watcher.calls,
    )


async def _looks_at_rest(world: World) -> list[Look]:
    api = world.api("orders")
    looks = []
    for shop_id, seller in zip(world.shops, world.sellers, strict=True):
        path = f"/v1/shops/{shop_id}/dashboard?with_parcels=true"
        figures = (await api.call("GET", path, seller.token)).body
        listed = tuple((parcel["parcel_id"], parcel["cost_minor"]) for parcel in figures["open"])
        looks.append(Look(shop_id, figures["open_parcels"], figures["open_minor"], listed))
    return looks


def _verdict(check: checks.Check, findings: checks.Findings | None) -> dict[str, Any]:
    if findings is None:
        return {"criterion": check.criterion, "found": None, "examples": []}
    return {"criterion": check.criterion, "found": len(findings), "examples": findings[:EXAMPLES_MAX]}
