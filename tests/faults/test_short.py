"""A short seeded part of `make faults`: the same code with fewer orders and fewer deaths.

LUMBUNG_SEED repeats a run.
"""

import os
from dataclasses import replace
from uuid import uuid4

import pytest

from faults import kills
from faults.books import Outcome, close
from faults.catalogue import FAULTS, Run, say
from faults.ground import Ground
from faults.market import Market

assert kills
SEED = int(os.environ.get("LUMBUNG_SEED", "1"))
ORDERS = 60


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", [listed.name for listed in FAULTS.values() if listed.is_short])
async def test_a_fault_loses_doubles_and_leaves_nothing(ground: Ground, name: str) -> None:
    run = Run(ground, ORDERS, SEED, patience_seconds=100)

    outcome = await FAULTS[name].happen(run)

    say(f"{outcome.did}: {outcome.runs} times, seed {SEED}; {outcome.orders} orders; {outcome.notes}")
    assert outcome.runs
    assert outcome.orders >= ORDERS
    assert outcome.is_clean, outcome


@pytest.mark.timeout(120)
async def test_an_order_that_is_gone_and_one_that_nobody_asked_for_are_counted(ground: Ground) -> None:
    run = Run(ground, 3, SEED)
    market = Market(ground, SEED + 5, clients=2, places_only=True)
    tally = await market.run(3)
    clean = await close(ground, run.outcome("clean", "nothing"), tally)
    gone, unasked = str(uuid4()), next(iter(tally.orders))
    ground.answered = (ground.answered | {gone}) - {unasked}

    spoilt = await close(ground, run.outcome("spoilt", "nothing"), tally)

    assert (clean.lost, clean.doubled) == (0, 0)
    assert (spoilt.lost, spoilt.doubled) == (1, 1)
    assert not spoilt.is_clean
    assert not replace(clean, is_control=True).is_as_promised, "a control that is clean has failed"


def test_what_is_only_skipped_is_not_clean() -> None:
    skipped = Outcome("x", "nothing", 1, skipped="no such thing here")

    assert not skipped.is_clean
    assert skipped.is_as_promised
