"""`python -m deploy.vectors`: run all cases of VECTORS_DIR and say per file how many passed, failed and were skipped.

What must stay true: the exit code is 0 only when there were cases and none failed.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from deploy.cli.output import emit_table
from deploy.vectors.run import FOLDER, Outcome, run_folder

STATES = ("passed", "failed", "skipped")


def summary(outcomes: list[Outcome]) -> dict[str, list[int]]:
    """How many passed, failed and were skipped per file, and in all at the end."""
    files = sorted({outcome.file for outcome in outcomes})
    counts = {}
    for name in [*files, "all"]:
        states = [outcome.state for outcome in outcomes if name in {outcome.file, "all"}]
        counts[name] = [states.count(state) for state in STATES]
    return counts


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="Instead of VECTORS_DIR or tests/vectors.")
@click.option("--json", "as_json", is_flag=True, help="Answer as one JSON document.")
def main(folder: Path | None, as_json: bool) -> None:
    """Run the domain vectors through the product's own functions."""
    outcomes = run_folder(folder or Path(os.environ.get("VECTORS_DIR") or FOLDER))
    counts = summary(outcomes)
    if as_json:
        files = {name: dict(zip(STATES, numbers, strict=True)) for name, numbers in counts.items()}
        cases = [asdict(outcome) | {"state": outcome.state} for outcome in outcomes]
        click.echo(json.dumps({"files": files, "cases": cases}, indent=2, ensure_ascii=False))
    else:
        emit_table(["file", *STATES], [[name, *numbers] for name, numbers in counts.items()])
        for outcome in outcomes:
            for sentence in outcome.faults:
                click.echo(f"FAILED {outcome.file} {outcome.case} ({outcome.kind}): {sentence}")
            if outcome.skipped:
                click.echo(f"skipped {outcome.file} {outcome.case}: {outcome.skipped}")
    sys.exit(any(outcome.faults for outcome in outcomes))


if __name__ == "__main__":
    main()
