"""Money: whole numbers in the smallest unit in use, beside their currency.

IDR has no minor unit in use (1 = one rupiah) although ISO 4217 lists two decimals. There are no floats and no
implicit rounding: a sum is divided only by `allocate`, which says where the remainder goes.
"""

from collections.abc import Sequence

from babel.numbers import format_currency

CURRENCY = "IDR"
AMOUNT_MINOR_MAX = 1_000_000_000_000_000  # a quadrillion rupiah; far above any order, far below 2**63


def allocate(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Split `total_minor` by `weights` so that the parts sum to it exactly.

    Each part is floored; the units left over go one each to the largest fractional parts, ties to the part listed first
    (largest remainder). Raises ValueError for a negative total or weight, or when all weights are zero.
    """
    if total_minor < 0 or any(weight < 0 for weight in weights):
        raise ValueError("allocate needs a total and weights that are not negative")
    whole = sum(weights)
    if whole == 0:
        raise ValueError("allocate needs at least one weight above zero")
    parts = [total_minor * weight // whole for weight in weights]
    by_fraction = sorted(range(len(weights)), key=lambda i: -(total_minor * weights[i] % whole))
    for i in by_fraction[: total_minor - sum(parts)]:
        parts[i] += 1
    return parts


def rupiah(amount_minor: int) -> str:
    """The amount as people write it: `Rp1.234.567`."""
    return format_currency(amount_minor, "IDR", "¤#,##0;-¤#,##0", locale="id_ID", currency_digits=False)
