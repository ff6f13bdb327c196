"""What a shop shows of its people: member of its cooperative, certified in a scheme.

What must stay true: a badge that has ended is not shown, though nobody says when it ends.
"""

from collections.abc import Iterable, Mapping

MEMBER = "koperasi"
CERTIFIED = "bersertifikat:"


def living(badges: Mapping[str, int | None], now_seconds: float) -> list[str]:
    """The badges that are shown at a moment (Unix time), in their order."""
    return sorted(badge for badge, until in badges.items() if until is None or until > now_seconds)


def wanting(schemes: Mapping[str, str], categories: Iterable[str], held: Iterable[str]) -> dict[str, str]:
    """Of these categories, those that need a certificate that nobody of the shop holds, and of which scheme."""
    held = set(held)
    return {each: schemes[each] for each in categories if each in schemes and schemes[each] not in held}
