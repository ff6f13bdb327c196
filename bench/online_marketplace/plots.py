"""Three pictures of a run: throughput over concurrency, latencies by kind, where the time goes."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.svg import WIDTH, bar, document, legend, level, text, upright

ROW, LEFT, RIGHT, TOP = 26, 150, 90, 66
SHARES = (("p50_ms", "p50"), ("p90_ms", "p90"), ("p99_ms", "p99"))
OTHERS_BELOW_PERCENT = 1.0


def write(result: dict[str, Any], folder: Path, name: str, notes: Sequence[str] = ()) -> list[Path]:
    """All pictures of one profile's result; where they are. `notes` say on what it was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    best = result["best"]
    profile = result["profile"]["name"]
    at = f"{profile}, {best['concurrency']} in flight"
    pictures = {
        "throughput": throughput(result["points"], title=f"{profile}: counted transactions a second", notes=notes),
        "latency": latencies(best["kinds"], title=f"Latency in ms, logarithmic: {at}", notes=notes),
        "time": where(best["cpu_percent"], title=f"Processor by process, percent of one core: {at}", notes=notes),
    }
    paths = []
    for what, picture in pictures.items():
        path = folder / f"{name}-{what}.svg"
        path.write_text(picture, encoding="utf-8")
        paths.append(path)
    return paths


def throughput(points: Sequence[dict[str, Any]], *, title: str, notes: Sequence[str] = ()) -> str:
    """A line of transactions, one of checkouts, over the number in flight."""
    left, floor = 80, 290
    top_value = rounded_up(max([point["tx_per_s"] for point in points] + [1.0]))
    step = (WIDTH - left - RIGHT) / max(1, len(points) - 1)

    def place(number: int, value: float) -> tuple[float, float]:
        return left + number * step, floor - (floor - TOP) * value / top_value

    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = floor - (floor - TOP) * share
        parts.append(level(left, WIDTH - RIGHT, y))
        parts.append(text(left - 10, y + 4, f"{top_value * share:,.0f}", anchor="end", tone="soft"))
    for colour, (key, label) in enumerate((("tx_per_s", "all"), ("checkouts_per_s", "checkouts"))):
        places = [place(number, point[key]) for number, point in enumerate(points)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" class="s{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="f{colour}"/>' for x, y in places]
        parts.append(text(places[-1][0] + 10, places[-1][1] + 4, label, tone=f"f{colour}"))
    for number, point in enumerate(points):
        parts.append(text(place(number, 0)[0], floor + 18, str(point["concurrency"]), anchor="middle", tone="soft"))
    parts.append(text((left + WIDTH - RIGHT) / 2, floor + 38, "transactions in flight", anchor="middle", tone="soft"))
    return document(parts, bottom=floor + 52, title=title, notes=notes)


def rounded_up(value: float) -> float:
    """The next of 1, 2, 4, 5, 8, 10 times a power of ten: a scale whose quarters can be read."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 4, 5, 8, 10) if power * step >= value * 0.999)


def latencies(kinds: dict[str, Any], *, title: str, notes: Sequence[str] = ()) -> str:
    """Three bars a kind, on a logarithmic scale from 1 ms."""
    shown = {kind: figures for kind, figures in kinds.items() if figures["count"]}
    highest = max([figures["p99_ms"] for figures in shown.values()] + [10.0])
    top, group = TOP + 22, 54
    bottom = top + group * len(shown)

    def length(milliseconds: float) -> float:
        return (WIDTH - LEFT - RIGHT) * math.log10(max(1.0, milliseconds)) / math.log10(highest)

    parts = legend(TOP - 16, [label for _, label in SHARES])
    for power in range(int(math.log10(highest)) + 1):
        x = LEFT + length(10**power)
        parts.append(upright(x, top - 6, bottom - 8))
        parts.append(text(x, top - 12, f"{10**power:,}", size=10, anchor="middle", tone="soft"))
    for number, (kind, figures) in enumerate(shown.items()):
        y = top + number * group
        parts.append(text(LEFT - 10, y + 23, kind.replace("_", " "), anchor="end"))
        for colour, (key, _) in enumerate(SHARES):
            parts.append(bar(LEFT, y + colour * 13, length(figures[key]), 11, colour))
            parts.append(text(LEFT + length(figures[key]) + 6, y + colour * 13 + 9, f"{figures[key]:,.0f}", size=10))
    return document(parts, bottom=bottom, title=title, notes=notes)


def where(cpu_percent: dict[str, float], *, title: str, notes: Sequence[str] = ()) -> str:
    """One bar a process; what uses next to nothing is summed."""
    shown = {name: value for name, value in cpu_percent.items() if value >= OTHERS_BELOW_PERCENT}
    rest = sum(value for name, value in cpu_percent.items() if name not in shown)
    rows = [*shown.items(), ("all others", rest)]
    highest = max([value for _, value in rows] + [1.0])
    top = TOP - 16
    parts = []
    for number, (name, value) in enumerate(rows):
        y = top + number * ROW
        length = (WIDTH - LEFT - RIGHT) * value / highest
        parts.append(text(LEFT - 10, y + 14, name, anchor="end"))
        parts.append(bar(LEFT, y, length, 18, 0))
        parts.append(text(LEFT + length + 6, y + 14, f"{value:.1f}"))
    return document(parts, bottom=top + len(rows) * ROW + 4, title=title, notes=notes)
