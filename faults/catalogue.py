"""The list of faults: each is a function that breaks something under load and says what it found."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from faults.books import Auditing, Outcome, close
from faults.ground import Ground
from faults.market import LIFE_SECONDS, Market, Tally

CLIENTS = 32  # who live whole lives at the same time
SERVICES_UNDER_LOAD = (
    "orders", "orders-worker", "catalog", "identity", "cooperatives", "financing", "programmes", "storefront",
)  # fmt: skip


@dataclass
class Run:
    """One run of the suite: where, how much, which seed."""

    ground: Ground
    orders: int
    seed: int
    patience_seconds: float = LIFE_SECONDS  # until a life without progress is given up
    auditing: Auditing = field(default_factory=Auditing)

    def rng(self, name: str) -> random.Random:
        """Chance of its own for each fault, so that one can be repeated alone."""
        return random.Random(f"{self.seed} {name}")

    def outcome(self, name: str, did: str) -> Outcome:
        """An outcome to be filled."""
        return Outcome(name=name, did=did, seed=self.seed)

    async def under_load(
        self,
        outcome: Outcome,
        breaking: Callable[[Tally], Awaitable[None]],
        *,
        orders: int | None = None,
        placers: int = 0,
        places_only: bool = False,
    ) -> Outcome:
        """Let people buy while `breaking` happens, and on until it is over; then look at what became of it.

        `placers`: clients beside them that place ten orders a second each and wait for nothing.
        """
        market = Market(self.ground, self.seed + sum(outcome.name.encode()), CLIENTS, places_only=places_only)
        market.life_seconds = self.patience_seconds
        is_over = asyncio.Event()

        async def broken() -> None:
            try:
                await _first_orders(market.tally)
                await breaking(market.tally)
            finally:
                is_over.set()

        crowd = Market(self.ground, market.seed + 1, placers, tally=market.tally, places_only=True, pause_seconds=0.1)
        crowd.life_seconds = self.patience_seconds
        async with asyncio.TaskGroup() as group:  # when breaking fails nobody buys on into the next test
            group.create_task(broken())
            group.create_task(market.run(orders or self.orders, is_over))
            group.create_task(crowd.run(0, is_over))
        return await close(
            self.ground,
            outcome,
            market.tally,
            drain_seconds=self.patience_seconds / 2,
            auditing=self.auditing,
        )


Fault = Callable[[Run], Awaitable[Outcome]]
F = TypeVar("F", bound=Callable[..., Awaitable[Outcome]])


@dataclass(frozen=True)
class Listed:
    """A fault and what is known of it before it runs. `spoils`: the stack is thrown away afterwards."""

    name: str
    promise: str
    happen: Fault
    is_control: bool
    is_short: bool
    spoils: bool


FAULTS: dict[str, Listed] = {}


def fault(
    name: str, promise: str, *, is_control: bool = False, is_short: bool = False, spoils: bool = False
) -> Callable[[F], F]:
    """Put a fault on the list. A control takes a protection away, and must be seen to fail."""

    def declare(function: F) -> F:
        assert name not in FAULTS, f"two faults are named {name}"
        FAULTS[name] = Listed(name, promise, function, is_control, is_short, spoils or is_control)
        return function

    return declare


async def _first_orders(tally: Tally) -> None:
    """Nothing breaks before people buy."""
    for _ in range(600):
        if tally.orders:
            return
        await asyncio.sleep(0.1)


@asynccontextmanager
async def stopped(ground: Ground, *names: str) -> AsyncIterator[None]:
    """Processes of the stack that are stopped, so that others can take their place, and started again in the end."""
    for name in names:
        await ground.command("stop", name)
    try:
        yield
    finally:
        await ground.command("up")
