"""A short seeded part of `make faults`: the same code with fewer orders and fewer deaths.

LUMBUNG_SEED repeats a run.
"""

import os
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from bench.stage import say
from faults import kills, outages, report, storms
from faults.books import Outcome, close
from faults.catalogue import FAULTS, Run
from faults.ground import Ground
from faults.market import Market

assert kills and outages and storms
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


@pytest.mark.parametrize(
    ("lost", "differences", "unfinished", "is_seen"), [(1, 0, 0, True), (0, 1, 0, True), (0, 0, 9, False)]
)
def test_a_control_must_lose_or_double_and_not_only_be_slow(
    lost: int, differences: int, unfinished: int, is_seen: bool
) -> None:
    outcome = Outcome("x", "-", 1, runs=1, lost=lost, differences=differences, unfinished=unfinished, is_control=True)

    assert outcome.is_as_promised == is_seen


def test_a_control_with_a_sign_must_show_it() -> None:
    shown = Outcome(
        "x", "-", 1, runs=1, faults=["nobody was refused with 503"], is_control=True, sign="nobody was refused"
    )

    assert shown.is_as_promised
    assert not replace(shown, sign="still open").is_as_promised
    assert not replace(shown, sign="still open", lost=1).is_as_promised
    assert not replace(shown, runs=0).is_as_promised, "it never happened"


def test_a_run_that_was_broken_off_goes_on_with_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "RESULT", tmp_path / "faults.json")
    monkeypatch.setattr(report, "commit", lambda: "this")
    monkeypatch.setattr(report, "PAGE", tmp_path / "page.md")
    (tmp_path / "page.md").write_text(f"{report.BEGIN}{report.END}")
    good, other_code, bad = (
        Outcome(name, "nothing", 7, commit=code, asked=10, audit="clean", lost=lost)
        for name, code, lost in (
            ("kill-kafka", "this", 0),
            ("kill-postgres", "another", 0),
            ("disk-full", "this", 1),
        )
    )
    report.keep([each.as_document() for each in (good, other_code, bad)], seed=7, is_part=False)

    done = report.done_before(list(FAULTS), seed=7, orders=10)

    assert [outcome["name"] for outcome in done] == ["kill-kafka"]
    assert report.done_before(list(FAULTS), seed=8, orders=10) == []
    assert report.done_before(list(FAULTS), seed=7, orders=11) == []
    monkeypatch.setattr(report, "commit", lambda: "this" + report.CHANGED)
    assert report.done_before(list(FAULTS), seed=7, orders=10) == []
    assert "`disk-full`" in (tmp_path / "page.md").read_text()


def test_what_is_only_skipped_is_not_clean() -> None:
    skipped = Outcome("x", "nothing", 1, skipped="no such thing here")

    assert not skipped.is_clean
    assert skipped.is_as_promised
