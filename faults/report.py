"""Writes the measured part of docs/reliability.md, between its two marks, from the result of a run."""

from datetime import UTC, datetime
from typing import Any

from deploy.local.layout import PROJECT
from faults.books import Outcome
from faults.catalogue import FAULTS
from faults.ground import SHORT_CLOCKS

__all__ = ["SHORT_CLOCKS", "document", "write"]

PAGE = PROJECT / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


def document(outcomes: list[Outcome], *, seed: int, machine: dict[str, Any]) -> dict[str, Any]:
    """The result as plain values; sums over all faults that are no controls."""
    real = [outcome for outcome in outcomes if not outcome.is_control and not outcome.skipped]
    controls = [outcome for outcome in outcomes if outcome.is_control]
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "machine": machine,
        "tests": len(outcomes),
        "runs": sum(outcome.runs for outcome in outcomes),
        "orders": sum(outcome.orders for outcome in real),
        "lost": sum(outcome.lost for outcome in real),
        "doubled": sum(outcome.doubled for outcome in real),
        "unfinished": sum(outcome.unfinished for outcome in real),
        "differences": sum(outcome.differences for outcome in real),
        "violations": sum(outcome.violations for outcome in real),
        "controls": len(controls),
        "controls_seen_to_fail": sum(outcome.is_as_promised for outcome in controls),
        "skipped": [outcome.name for outcome in outcomes if outcome.skipped],
        "not_as_promised": sum(not outcome.is_as_promised for outcome in outcomes),
        "outcomes": [outcome.as_document() for outcome in outcomes],
    }


def write(result: dict[str, Any]) -> None:
    """Replace what lies between the marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(result)}\n{END}{after}", encoding="utf-8")


def table(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        f"Run of {result['at']}, seed {result['seed']}, {result['machine']['cores']} cores: {result['tests']} tests, "
        f"{result['runs']} faults, {result['orders']:,} orders; lost {result['lost']}, doubled {result['doubled']}, "
        f"unfinished {result['unfinished']}; audit: {result['differences']} differences, {result['violations']} "
        f"violations. {result['controls_seen_to_fail']} of {result['controls']} controls were seen to fail.",
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
