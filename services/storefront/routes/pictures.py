"""Our own drawings: the sign of the rice barn, and a picture for each category where a product has no photo.

`drawings/` holds one SVG per category in black and white on a 100 by 100 field; here it gets the colours of a tint and
a field strewn with grains. No scripts, fonts or foreign references.
"""

import hashlib
from pathlib import Path
from typing import Final

from markupsafe import Markup

_FOLDER: Final = Path(__file__).parent.parent / "drawings"
SIGN: Final = "logo"
BARN: Final = "lumbung"

# Background, light and dark colour: paddy, leaf, clay, dusk.
TINTS: Final = (
    ("#fbeecb", "#e2b24a", "#8a5a12"),
    ("#e6f0dc", "#9cc27f", "#2f6b3a"),
    ("#f9e1d3", "#e49a72", "#9a3b1b"),
    ("#e9e4f0", "#a99ac6", "#4d3f74"),
)
GRAIN: Final = "M0 -6c3 3 3 9 0 12c-3 -3 -3 -9 0 -12z"


def _shapes(path: Path) -> str:
    """What is inside the `<svg>` element."""
    text = path.read_text(encoding="utf-8")
    return text[text.index(">") + 1 : text.rindex("</svg>")]


ICON: Final = (_FOLDER / f"{SIGN}.svg").read_text(encoding="utf-8")
LOGO: Final = Markup(ICON)  # noqa: S704 - our own drawing
_SHAPES: Final = {path.stem: _shapes(path) for path in sorted(_FOLDER.glob("*.svg")) if path.stem != SIGN}
CATEGORIES: Final = frozenset(_SHAPES)


def address_of(category: str, tint: int) -> str:
    """Where the drawing of a category is; the barn stands for a category without one."""
    return f"/gambar/{category if category in _SHAPES else BARN}-{tint % len(TINTS)}.svg"


def tint_of(product_id: str) -> int:
    """Which tint a product has: always the same one, so that neighbours differ and a page looks the same tomorrow."""
    return hashlib.sha256(product_id.encode()).digest()[0] % len(TINTS)


def category_svg(category: str, tint: int) -> str | None:
    """The drawing of a category in a tint; None when either is unknown."""
    shapes = _SHAPES.get(category)
    if shapes is None or not 0 <= tint < len(TINTS):
        return None
    background, light, dark = TINTS[tint]
    drawing = shapes.replace('"#000"', f'"{dark}"').replace('"#fff"', f'"{light}"').replace("\n", "")
    grains = "".join(
        f'<path d="{GRAIN}" transform="translate({x} {y}) rotate({(x * 7 + y * 3) % 90 - 45})"/>'
        for x in range(12, 200, 44)
        for y in range(16 + (x // 44 % 2) * 22, 200, 44)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200">'
        f'<path fill="{background}" d="M0 0h200v200H0z"/><g fill="{light}" opacity=".28">{grains}</g>'
        '<circle cx="100" cy="100" r="76" fill="#fff" opacity=".75"/>'
        f'<g transform="translate(42 42) scale(1.16)">{drawing}</g></svg>'
    )
