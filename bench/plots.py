"""Pictures of `make bench` beside those of Online Marketplace: where accepting goes, parts taken away, processes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import ablation, machine, processes
from bench.svg import MARGIN, WIDTH, bar, document, legend, text, upright

LEFT, RIGHT, TOP = 270, 70, 84
LOADS = (("sagas", "whole sagas"), ("accept", "accepted orders"))
PROFILE_LINES = 12


def write(details: dict[str, Any], folder: Path, notes: Sequence[str]) -> list[Path]:
    """A picture of each of these measurements that is there; where they are.

    `notes` say on what this run was made; what a quick run took over has notes of its own.
    """
    pictures = {}
    if profile := details.get("accept", {}).get("profile"):
        pictures["accept-profile"] = profile_lines(profile, notes)
    if found := details.get("ablation"):
        rows = [(f"without {part.title}", found["without"][part.name]) for part in ablation.parts_of(found)]
        title = "Throughput without one part (everything = 1)"
        pictures["ablation"] = ratios(rows, title=title, notes=_notes(found))
    if found := details.get("processes"):
        names = [name for name in processes.TITLES if name in found["sagas"]]
        rows = [(processes.SHORT[name], {load: found[load][name] for load, _ in LOADS}) for name in names]
        title = "Throughput by processes and cores (one process per service on all cores = 1)"
        pictures["processes"] = ratios(rows, title=title, notes=_notes(found))
    paths = []
    for name, picture in pictures.items():
        path = folder / f"{name}.svg"
        path.write_text(picture, encoding="utf-8")
        paths.append(path)
    return paths


def ratios(rows: Sequence[tuple[str, dict[str, Any]]], *, title: str, notes: Sequence[str]) -> str:
    """Two bars a row, sagas and accepted orders; the line at 1 is the full thing."""
    values = [figures["ratio"] for _, row in rows for figures in row.values() if figures is not None]
    highest = max([*values, 1.1])
    group = 40
    bottom = TOP + group * len(rows)

    def length(ratio: float) -> float:
        return (WIDTH - LEFT - RIGHT) * ratio / float(highest)

    parts = [*legend(TOP - 34, [label for _, label in LOADS])]
    for mark in (0.0, 0.5, 1.0):
        parts.append(upright(LEFT + length(mark), TOP - 6, bottom - 6))
        parts.append(text(LEFT + length(mark), TOP - 12, f"{mark:g}", size=10, anchor="middle", tone="soft"))
    for number, (label, row) in enumerate(rows):
        y = TOP + number * group
        parts.append(text(LEFT - 12, y + 18, label, anchor="end"))
        for colour, (load, _) in enumerate(LOADS):
            figures = row[load]
            at = y + 10 + colour * 14
            if figures is None:
                parts.append(text(LEFT + 6, at, "has no part in it", size=10, tone="soft"))
                continue
            parts.append(bar(LEFT, at - 9, length(figures["ratio"]), 12, colour))
            parts.append(text(LEFT + length(figures["ratio"]) + 6, at + 1, f"{figures['ratio']:.2f}", size=11))
    return document(parts, bottom=bottom, title=title, notes=notes)


def profile_lines(profile: Sequence[Sequence[Any]], notes: Sequence[str]) -> str:
    """The functions in which the accepting process spends most time of its own."""
    shown = profile[:PROFILE_LINES]
    highest = max(share for _, share in shown)
    top, row = 46, 31
    parts = []
    for number, (name, share) in enumerate(shown):
        y = top + number * row
        length = (WIDTH - 2 * MARGIN - RIGHT) * share / highest
        parts += [
            text(MARGIN, y + 11, name, size=11),
            bar(MARGIN, y + 15, length, 9, 0),
            text(MARGIN + length + 6, y + 24, f"{100 * share:.1f}", size=11),
        ]
    title = "Accepting orders: own time by function, percent of the process (py-spy)"
    return document(parts, bottom=top + row * len(shown) + 6, title=title, notes=notes)


def _notes(found: dict[str, Any]) -> list[str]:
    return [*machine.lines(found["machine"]), f"{found['at']}, {found['seconds']:g} s a load"]
