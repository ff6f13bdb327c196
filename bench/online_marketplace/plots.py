"""Three pictures of a run as plain SVG: throughput over concurrency, latencies by kind, where the time goes.

Written by hand, without a library: a picture is a few hundred bytes of text and reads well in a diff.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

WIDTH, ROW, LEFT, RIGHT, TOP = 720, 26, 150, 90, 54
INK, FAINT = "#24302a", "#c9d2cc"
COLOURS = ("#2f6f4f", "#c98a1b", "#8b3a3a", "#3b6ea5", "#7a5c99", "#5f8f8b", "#a0785a", "#8c8c8c")
SHARES = (("p50_ms", "p50"), ("p90_ms", "p90"), ("p99_ms", "p99"))
OTHERS_BELOW_PERCENT = 1.0


def write(result: dict[str, Any], folder: Path, name: str) -> list[Path]:
    """All pictures of one profile's result; where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    best = result["best"]
    at = f"{result['profile']['name']}, {best['concurrency']} in flight"
    pictures = {
        "throughput": throughput(result["points"], title=f"{result['profile']['name']}: counted transactions a second"),
        "latency": latencies(best["kinds"], title=f"Latency in ms (logarithmic), {at}"),
        "time": where(best["cpu_percent"], title=f"Percent of one core, {at}"),
    }
    paths = []
    for what, text in pictures.items():
        path = folder / f"{name}-{what}.svg"
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def throughput(points: Sequence[dict[str, Any]], *, title: str) -> str:
    """A line of transactions, one of checkouts, over the number in flight."""
    height, floor = 320, 270
    top_value = max([point["tx_per_s"] for point in points] + [1.0])
    step = (WIDTH - LEFT - RIGHT) / max(1, len(points) - 1)

    def place(number: int, value: float) -> tuple[float, float]:
        return LEFT + number * step, floor - (floor - TOP) * value / top_value

    parts = [_text(LEFT, 24, title, size=15)]
    for share in (0.0, 0.5, 1.0):
        y = floor - (floor - TOP) * share
        parts.append(f'<path d="M{LEFT} {y:.0f}H{WIDTH - RIGHT}" stroke="{FAINT}"/>')
        parts.append(_text(LEFT - 10, y + 4, f"{top_value * share:,.0f}", anchor="end"))
    for key, label, colour in (("tx_per_s", "all", COLOURS[0]), ("checkouts_per_s", "checkouts", COLOURS[1])):
        places = [place(number, point[key]) for number, point in enumerate(points)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
        parts.append(_text(places[-1][0] + 8, places[-1][1] + 4, label, colour=colour))
    for number, point in enumerate(points):
        parts.append(_text(place(number, 0)[0], floor + 20, str(point["concurrency"]), anchor="middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, floor + 40, "transactions in flight", anchor="middle"))
    return _svg(parts, height, title)


def latencies(kinds: dict[str, Any], *, title: str) -> str:
    """Three bars a kind, on a logarithmic scale from 1 ms."""
    shown = {kind: figures for kind, figures in kinds.items() if figures["count"]}
    highest = max([figures["p99_ms"] for figures in shown.values()] + [10.0])
    parts = [_text(LEFT, 24, title, size=15)]
    y = TOP
    for kind, figures in shown.items():
        parts.append(_text(LEFT - 10, y + ROW, kind.replace("_", " "), anchor="end"))
        for number, (key, label) in enumerate(SHARES):
            length = (WIDTH - LEFT - RIGHT) * math.log10(max(1.0, figures[key])) / math.log10(highest)
            parts.append(_bar(LEFT, y + number * 13, length, 11, COLOURS[number]))
            parts.append(_text(LEFT + length + 6, y + number * 13 + 9, f"{label} {figures[key]:,.0f}", size=10))
        y += 52
    return _svg(parts, y + 10, title)


def where(cpu_percent: dict[str, float], *, title: str) -> str:
    """One bar a process; what uses next to nothing is summed."""
    shown = {name: value for name, value in cpu_percent.items() if value >= OTHERS_BELOW_PERCENT}
    rest = sum(value for name, value in cpu_percent.items() if name not in shown)
    rows = [*shown.items(), ("all others", rest)]
    highest = max([value for _, value in rows] + [1.0])
    parts = [_text(LEFT, 24, title, size=15)]
    for number, (name, value) in enumerate(rows):
        y = TOP + number * ROW
        length = (WIDTH - LEFT - RIGHT) * value / highest
        parts.append(_text(LEFT - 10, y + 14, name, anchor="end"))
        parts.append(_bar(LEFT, y, length, 18, COLOURS[number % len(COLOURS)]))
        parts.append(_text(LEFT + length + 6, y + 14, f"{value:.1f}"))
    return _svg(parts, TOP + len(rows) * ROW + 10, title)


def _bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(1.0, width):.1f}" height="{height}" rx="2" fill="{colour}"/>'


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", colour: str = INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
    )


def _svg(parts: Iterable[str], height: float, title: str) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}" font-family="system-ui, sans-serif">'
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"
