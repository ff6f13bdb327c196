"""kill -9: each service, Kafka and PostgreSQL at random, and services at the named points of delivery."""

import asyncio
import time
from collections.abc import Sequence

from bench.stage import say
from faults.books import Outcome
from faults.catalogue import SERVICES_UNDER_LOAD, Run, fault, stopped
from faults.keeper import PASSES, Keeper
from faults.market import Tally

COMMITS = ("before_commit", "after_commit")
POINTS = (*COMMITS, "after_send", "after_handler")
DEATHS_OF_EACH = 2
WRITTEN_LATE = (
    "synchronous_commit = off", "wal_writer_delay = '10s'", "wal_writer_flush_after = '1GB'", "wal_buffers = '256MB'",
    "bgwriter_lru_maxpages = 0",
)  # fmt: skip
PASSES_WITHOUT = (5, 30)  # what one death loses is enough to be seen
SHORT = 100  # fewer orders than these: the part that every `make test` runs
DEATHS_AT_POINTS = 8  # of each process, at least
POINTS_SECONDS_MAX = 420.0  # a service without a protection may come to a standstill


@fault(
    "kill-services",
    "A service that is killed comes back, and every order that was answered 201 ends right, once.",
    is_short=True,
)
async def kill_services(run: Run) -> Outcome:
    """Each service dies by SIGKILL at random moments."""
    rng = run.rng("kill-services")
    outcome = run.outcome("kill-services", "kill -9 of each service, in random order, at random moments")
    victims = [name for name in SERVICES_UNDER_LOAD for _ in range(DEATHS_OF_EACH)]
    rng.shuffle(victims)
    if run.orders < SHORT:
        victims = ["orders", "orders-worker", "catalog"]

    async def breaking(_: Tally) -> None:
        for victim in victims:
            await asyncio.sleep(rng.uniform(0.2, 1.5))
            pid = await run.ground.kill(victim)
            await run.ground.back(victim, not_pid=pid)
            outcome.runs += 1

    return await run.under_load(outcome, breaking)


async def _kill_infrastructure(run: Run, name: str, times: int) -> Outcome:
    rng = run.rng(f"kill-{name}")
    outcome = run.outcome(f"kill-{name}", f"kill -9 of {name} at random moments")

    async def breaking(_: Tally) -> None:
        for _time in range(times):
            await asyncio.sleep(rng.uniform(1, 4))
            pid = await run.ground.kill(name)
            await run.ground.back(name, not_pid=pid, seconds=120)
            outcome.runs += 1

    return await run.under_load(outcome, breaking)


@fault("kill-kafka", "A broker that is killed loses no event that the product needs: the outbox sends again.")
async def kill_kafka(run: Run) -> Outcome:
    """The broker dies, three times."""
    return await _kill_infrastructure(run, "kafka", 3)


@fault("kill-postgres", "201 is durable: a database that is killed has every answered order.")
async def kill_postgres(run: Run) -> Outcome:
    """PostgreSQL dies with all its processes, three times."""
    return await _kill_infrastructure(run, "postgres", 3)


@fault(
    "kill-postgres-without-durable-commits",
    "Control: with synchronous_commit off, the same kill is seen to lose answered orders.",
    is_control=True,
)
async def kill_postgres_without_durable_commits(run: Run) -> Outcome:
    """Take away what makes 201 durable, and whatever else writes the log along the way."""
    for setting in WRITTEN_LATE:
        await run.ground.as_superuser(f"ALTER SYSTEM SET {setting}")
    await run.ground.back("postgres", not_pid=await run.ground.kill("postgres"))  # the buffers are of its start
    outcome = await _kill_infrastructure(run, "postgres", 2)
    outcome.name, outcome.is_control = "kill-postgres-without-durable-commits", True
    return outcome


async def _kill_at_points(run: Run, name: str, deaths: int, *points: str, without: tuple[str, ...] = ()) -> Outcome:
    rng = run.rng(name)
    outcome = run.outcome(name, f"kill -9 of orders and catalog at {', '.join(points)}")
    async with stopped(run.ground, "orders", "catalog"):
        passes = PASSES_WITHOUT if without else PASSES
        keepers = [
            Keeper(run.ground, process, rng, reached, without=without, passes=passes)
            for process, reached in _reached(points).items()
        ]
        mortal = [keeper for keeper in keepers if keeper.is_mortal]
        for keeper in keepers:
            await keeper.start()

        async def breaking(_: Tally) -> None:
            deadline = time.monotonic() + (60 if without else POINTS_SECONDS_MAX)
            while min(keeper.deaths for keeper in mortal) < deaths and time.monotonic() < deadline:
                await asyncio.sleep(0.2)
            for keeper in mortal:
                await keeper.let_live()

        try:
            await run.under_load(outcome, breaking, placers=2)
        finally:
            for keeper in keepers:
                await keeper.stop()
    outcome.runs = sum(keeper.deaths for keeper in keepers)
    died_at = {point: sum(keeper.died_at[point] for keeper in keepers) for point in points}
    outcome.notes.insert(0, f"deaths: {died_at}")
    outcome.faults += [f"nothing died at {point}" for point, died in died_at.items() if not died]
    if (fewest := min(keeper.deaths for keeper in mortal)) < deaths:
        outcome.faults.append(f"a process died {fewest} times instead of {deaths}")
    say(f"    deaths: {died_at}")
    return outcome


def _reached(points: Sequence[str]) -> dict[str, list[str]]:
    """The processes of orders and catalog, and which points each can die at: who only answers sends nothing."""
    commits = [point for point in points if point in COMMITS]
    return {"orders-worker": list(points), "orders": commits, "catalog": list(points)}


@fault(
    "kill-at-named-points",
    "Killed before the commit, between commit and send, between send and cursor, between handler and offset: once.",
)
async def kill_at_named_points(run: Run) -> Outcome:
    """The four points at which delivery could lose or double."""
    return await _kill_at_points(run, "kill-at-named-points", DEATHS_AT_POINTS if run.orders >= 1000 else 4, *POINTS)


@fault(
    "kill-with-answers-before-the-commit",
    "Control: where who waits goes on before the commit, a kill is seen to lose what was answered or acknowledged.",
    is_control=True,
)
async def kill_with_answers_before_the_commit(run: Run) -> Outcome:
    """Written behind."""
    return await _kill_without(
        run, "kill-with-answers-before-the-commit", "before_commit", without="commits_before_answers"
    )


@fault(
    "kill-with-events-after-the-commit",
    "Control: where what happened and its events are committed one after the other, a kill is seen to lose events.",
    is_control=True,
)
async def kill_with_events_after_the_commit(run: Run) -> Outcome:
    """Two writes in the place of an outbox."""
    return await _kill_without(
        run,
        "kill-with-events-after-the-commit",
        "after_commit",
        without="events_in_the_transaction",
        sign="never said",
    )


@fault(
    "kill-with-offsets-before-handlers",
    "Control: with offsets committed before the handlers ran, a kill is seen to lose events.",
    is_control=True,
)
async def kill_with_offsets_before_handlers(run: Run) -> Outcome:
    """At most once, as many consumers are written."""
    return await _kill_without(
        run, "kill-with-offsets-before-handlers", "before_handler", without="offsets_after_handlers"
    )


@fault(
    "kill-with-cursor-before-send",
    "Control: with the relay's cursor moved before Kafka acknowledged, a kill is seen to lose events.",
    is_control=True,
)
async def kill_with_cursor_before_send(run: Run) -> Outcome:
    """Fire and forget."""
    return await _kill_without(run, "kill-with-cursor-before-send", "after_send", without="acknowledged_sends")


async def _kill_without(run: Run, name: str, point: str, *, without: str, sign: str = "") -> Outcome:
    """Three deaths of each process, where its protection is needed and is not there. `sign`: what must be found."""
    outcome = await _kill_at_points(run, name, 3, point, without=(without,))
    outcome.is_control, outcome.sign = True, sign
    return outcome
