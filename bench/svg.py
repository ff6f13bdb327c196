"""Pictures as plain SVG, for light and dark: a picture is a few hundred bytes of text and reads well in a diff.

What must stay true: every picture says in its title what is measured and in which unit, and below it on what machine,
with which versions and on which commit (bench/machine.py).
"""

from collections.abc import Iterable, Sequence
from html import escape

WIDTH, MARGIN = 760, 20
TITLE_BASELINE = 28
NOTE_STEP = 14
COLOURS = (  # by number: on paper, on a dark screen; neighbours differ in lightness, too
    ("#2f6f4f", "#5fb58a"),
    ("#c98a1b", "#e0b04f"),
    ("#8b3a3a", "#d98080"),
    ("#3b6ea5", "#79aee0"),
    ("#7a5c99", "#b79ad6"),
    ("#5f8f8b", "#93c4c0"),
    ("#a0785a", "#cfa888"),
    ("#7c7c7c", "#a8a8a8"),
)


def _rules(which: int) -> str:
    paper, ink, soft, line = (
        ("#ffffff", "#24302a", "#5d6b63", "#d5dcd8"),
        ("#141a17", "#e4ebe7", "#9fada6", "#37423c"),
    )[which]
    rules = [f".paper{{fill:{paper}}}.ink{{fill:{ink}}}.soft{{fill:{soft}}}.line{{stroke:{line}}}"]
    rules.append(f"text{{paint-order:stroke;stroke:{paper};stroke-width:3px;stroke-linejoin:round}}")
    rules += [f".f{n}{{fill:{pair[which]}}}.s{n}{{stroke:{pair[which]}}}" for n, pair in enumerate(COLOURS)]
    return "".join(rules)


STYLE = f"<style>{_rules(0)}@media(prefers-color-scheme:dark){{{_rules(1)}}}</style>"


def bar(x: float, y: float, width: float, height: float, colour: int) -> str:
    """A bar; never so short that it cannot be seen."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(1.0, width):.1f}" height="{height:g}" rx="2" '
        f'class="f{colour % len(COLOURS)}"/>'
    )


def text(x: float, y: float, words: str, *, size: int = 12, anchor: str = "start", tone: str = "ink") -> str:
    """Words; `tone` is ink, soft, or f with the number of a colour."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" class="{tone}">{escape(words)}</text>'
    )


def upright(x: float, top: float, bottom: float) -> str:
    """A line of the grid, from top to bottom."""
    return f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}" class="line"/>'


def level(left: float, right: float, y: float) -> str:
    """A line of the grid, from left to right."""
    return f'<path d="M{left:.1f} {y:.1f}H{right:.1f}" class="line"/>'


def legend(y: float, names: Sequence[str]) -> list[str]:
    """What the colours mean, in one row from the left."""
    parts = []
    x = float(MARGIN)
    for number, name in enumerate(names):
        parts += [bar(x, y - 9, 10, 10, number), text(x + 15, y, name, size=11)]
        x += 15 + 6.3 * len(name) + 22
    return parts


def document(parts: Iterable[str], *, bottom: float, title: str, notes: Sequence[str]) -> str:
    """The whole picture; `parts` end at `bottom`."""
    height = bottom + 14 + NOTE_STEP * len(notes)
    footer = [
        text(MARGIN, bottom + 14 + NOTE_STEP * number, note, size=10, tone="soft") for number, note in enumerate(notes)
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}" font-family="system-ui, sans-serif">'
    )
    paper = f'<rect width="{WIDTH}" height="{height:.0f}" class="paper"/>'
    return (
        "\n".join([head, STYLE, paper, text(MARGIN, TITLE_BASELINE, title, size=15), *parts, *footer, "</svg>"]) + "\n"
    )
