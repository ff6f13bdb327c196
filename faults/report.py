"""Writes the measured part of docs/reliability.md, between its two marks, from the result of a run."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from typing import Any

from deploy.local.layout import PROJECT
from faults.catalogue import FAULTS

RESULT = PROJECT / "bench" / "results" / "faults-latest.json"
PAGE = PROJECT / "docs" / "reliability.md"
CHANGED = "+changes"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


def commit() -> str:
    """The code as it is here: its commit, with a mark when more than results was changed since."""
    git = ["git", "-C", str(PROJECT)]
    said = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
    if said.returncode != 0:
        return "unknown"
    others = [":!bench/results", ":!docs"]
    changed = subprocess.run(
        [*git, "status", "--porcelain", "-uno", "--", ".", *others], capture_output=True, text=True
    )
    return said.stdout.strip()[:12] + (CHANGED if changed.stdout.strip() else "")


def kept() -> list[dict[str, Any]]:
    """The outcomes of the result file."""
    outcomes: list[dict[str, Any]] = json.loads(RESULT.read_text())["outcomes"] if RESULT.exists() else []
    return [outcome for outcome in outcomes if outcome["name"] in FAULTS]


def done_before(names: list[str], *, seed: int, orders: int) -> list[dict[str, Any]]:
    """What `--resume` need not run again: these tests, as promised, with this code, seed and number of orders."""
    code = commit()
    if code.endswith(CHANGED):  # who knows which changes
        return []
    return [
        outcome
        for outcome in kept()
        if outcome["name"] in names
        and outcome["as_promised"]
        and (outcome.get("commit"), outcome["seed"], outcome.get("asked")) == (code, seed, orders)
    ]


def document(outcomes: list[dict[str, Any]], *, seed: int) -> dict[str, Any]:
    """The result as plain values; sums over all faults that are no controls."""
    real = [outcome for outcome in outcomes if not outcome["is_control"] and not outcome["skipped"]]
    controls = [outcome for outcome in outcomes if outcome["is_control"] and not outcome["skipped"]]
    summed = ("orders", "lost", "doubled", "unfinished", "differences", "violations")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "machine": {"cores": os.cpu_count(), "system": platform.platform()},
        "tests": len(outcomes),
        "commits": sorted({outcome.get("commit") or "unknown" for outcome in outcomes}),
        "seconds": round(sum(outcome["seconds"] for outcome in outcomes)),
        "runs": sum(outcome["runs"] for outcome in outcomes),
        **{key: sum(outcome[key] for outcome in real) for key in summed},
        "controls": len(controls),
        "controls_seen_to_fail": sum(outcome["as_promised"] for outcome in controls),
        "skipped": [outcome["name"] for outcome in outcomes if outcome["skipped"]],
        "not_as_promised": [outcome["name"] for outcome in outcomes if not outcome["as_promised"]],
        "outcomes": outcomes,
    }


def keep(fresh: list[dict[str, Any]], *, seed: int, is_part: bool) -> dict[str, Any]:
    """Write the result file and the table; what a part of the suite did not run stays as it was, with its time."""
    outcomes = {outcome["name"]: outcome for outcome in fresh}
    if is_part:
        for outcome in kept():  # two parts may run side by side on two stacks: the later outcome counts
            name = outcome["name"]
            if name not in outcomes or outcome["at"] > outcomes[name]["at"]:
                outcomes[name] = outcome
    listed = [outcomes[name] for name in FAULTS if name in outcomes]
    result = document(listed, seed=seed)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2, default=str) + "\n")
    write(result)
    return result


def write(result: dict[str, Any]) -> None:
    """Replace what lies between the marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(result)}\n{END}{after}", encoding="utf-8")


def table(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        f"Last run {result['at']}, code {', '.join(result['commits'])}, seed {result['seed']}, "
        f"{result['machine']['cores']} cores, {result['seconds'] / 60:.0f} minutes: {result['tests']} tests, "
        f"{result['runs']} faults, {result['orders']:,} orders; lost {result['lost']}, doubled {result['doubled']}, "
        f"unfinished {result['unfinished']}; audit: {result['differences']} differences, {result['violations']} "
        f"violations. {result['controls_seen_to_fail']} of {result['controls']} controls were seen to fail. "
        "`make faults` places at least 5,000 orders in each test under load, 1,500 or fewer in a control; the column "
        "says how many it were.",
        "",
        "| test | what is promised | times | orders | lost | doubled | unfinished | audit | verdict |",
        "|---|---|---:|---:|---:|---:|---:|---|---|",
    ]
    for outcome in result["outcomes"]:
        verdict = outcome["skipped"] and f"skipped: {outcome['skipped']}"
        if not verdict:
            word = "seen to fail" if outcome["is_control"] else "as promised"
            verdict = word if outcome["as_promised"] else "**not as promised**"
        figures = " | ".join(str(outcome[key]) for key in ("runs", "orders", "lost", "doubled", "unfinished", "audit"))
        lines.append(f"| `{outcome['name']}` | {FAULTS[outcome['name']].promise} | {figures} | {verdict} |")
    return "\n".join(lines)
