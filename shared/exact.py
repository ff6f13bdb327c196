"""Exact numbers for rates and shares: rationals in, a stated rounding out.

What must stay true: nothing is rounded on the way. A calculation keeps `Fraction`s and becomes whole rupiah only in
`money.allocate`, or in one of the functions here, each of which says in its name which way it goes.
"""

from decimal import Decimal
from fractions import Fraction


def exact(value: int | str | Decimal | Fraction) -> Fraction:
    """The number that was written: "0.181", 12, Decimal("6.5"), "3/4". Raises ValueError for anything else."""
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"{value} is no number to calculate with")
    return Fraction(value)


def percent(value: int | str | Decimal | Fraction) -> Fraction:
    """So many hundredths: percent("0.5") of an amount is amount * 1/200."""
    return exact(value) / 100


def half_up(value: Fraction) -> int:
    """The nearest whole number; a half goes away from zero (0.5 to 1, -0.5 to -1)."""
    nearest = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return -nearest if value < 0 else nearest


def down(value: Fraction) -> int:
    """The whole part of a number that is not negative. Raises ValueError for a negative one."""
    if value < 0:
        raise ValueError("only numbers that are not negative are rounded down")
    return value.numerator // value.denominator


def up(value: Fraction) -> int:
    """The smallest whole number that is not below the value (3/4 of 37 members are 28)."""
    return -(-value.numerator // value.denominator)


def to_places(value: Fraction, places: int) -> str:
    """Decimal text with exactly so many places, halves away from zero: "43.80"."""
    scaled = half_up(value * 10**places)
    whole, part = divmod(abs(scaled), 10**places)
    sign = "-" if scaled < 0 else ""
    return f"{sign}{whole}.{part:0{places}d}" if places else f"{sign}{whole}"


def to_text(value: Fraction, places: int = 6) -> str:
    """Decimal text with at most so many places and no zeros behind the last digit: "106615.384615", "20"."""
    text = to_places(value, places)
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent_of(part: int, whole: int) -> Fraction | None:
    """How many percent of `whole` are in `part`; None when there is no whole to speak of.

    Raises ValueError when either is negative. More than 100 is possible (assets against a plan).
    """
    if part < 0 or whole < 0:
        raise ValueError("a percentage needs counts that are not negative")
    return Fraction(100 * part, whole) if whole else None
