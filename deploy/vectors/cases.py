"""What a case is, how the answer of the product is held against it, and how text from a file becomes numbers.

What must stay true: everything that a case expects is compared, and an expectation that nobody answers is a difference;
numbers are compared exactly, after the rounding that the file declares and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from shared.exact import exact, to_places

Answer = Any
Case = Mapping[str, Any]
Check = Callable[[Case, Mapping[str, Any]], Answer]  # (case, whole file) -> what the product answers
Table = Callable[[Any], tuple[Answer, Any]]  # table of the file -> (what the product answers, what is expected)

REMARKS = frozenset({"note", "uncertain", "source"})


@dataclass(frozen=True, slots=True)
class Exact:
    """An unrounded value; a file may print it with any of these numbers of places, rounded half up."""

    value: Fraction
    places: tuple[int, ...] = (6, 8)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was refused; a file may say more than we do, after the same words."""

    text: str


@dataclass(frozen=True, slots=True)
class ByKey:
    """Rows of which a file may print only some, found by the value of `key`."""

    key: str
    rows: Sequence[Mapping[str, Any]]


def whole(value: int | str | Decimal) -> int:
    """A whole number of the file; raises ValueError when it is none."""
    number = number_of(value)
    if number.denominator != 1:
        raise ValueError(f"{value} is not whole")
    return number.numerator


def number_of(value: int | str | Decimal) -> Fraction:
    """A number of the file, exactly as written."""
    if isinstance(value, bool):
        raise ValueError(f"{value} is no number")
    return exact(value)


def day(case: Case, otherwise: str) -> date:
    """The day that a case speaks of (`as_of` of its input), or the day on which its file was true."""
    given = case.get("input")
    text = given.get("as_of", otherwise) if isinstance(given, dict) else otherwise
    return date.fromisoformat(text)


def has_expectation(expected: Any) -> bool:
    """Whether there is anything to compare: an empty table passes always, which proves nothing."""
    return bool(set(expected) - REMARKS) if isinstance(expected, dict) else expected != []


def of_entry(entry: Mapping[str, Any], *asked: str) -> dict[str, Any]:
    """The question of a list entry, repeated in the answer; whatever else the entry holds is an expectation."""
    return {key: entry[key] for key in asked if key in entry}


def differences(expected: Any, answer: Answer, at: str = "") -> Iterator[str]:
    """Sentences about everything in which the answer is not what is expected."""
    if isinstance(expected, dict):
        yield from _dict_differences(expected, answer, at)
    elif isinstance(answer, ByKey):
        yield from _rows_differences(expected, answer, at)
    elif isinstance(expected, list):
        if not isinstance(answer, list | tuple) or len(answer) != len(expected):
            yield f"{at or 'answer'}: expected {len(expected)} entries, got {_show(answer)}"
            return
        for index, (want, got) in enumerate(zip(expected, answer, strict=True)):
            yield from differences(want, got, f"{at}[{index}]")
    elif not _is_equal(expected, answer):
        yield f"{at or 'answer'}: expected {expected!r}, got {_show(answer)}"


def _dict_differences(expected: Mapping[str, Any], answer: Answer, at: str) -> Iterator[str]:
    if not isinstance(answer, Mapping):
        yield f"{at or 'answer'}: expected {dict(expected)!r}, got {_show(answer)}"
        return
    for key, want in expected.items():
        place = f"{at}.{key}" if at else str(key)
        if key in REMARKS:
            continue
        if key not in answer:
            yield f"{place}: the product has no answer to this"
        else:
            yield from differences(want, answer[key], place)


def _rows_differences(expected: Any, answer: ByKey, at: str) -> Iterator[str]:
    by_key = {row[answer.key]: row for row in answer.rows}
    if not isinstance(expected, list) or not expected:
        yield f"{at}: expected {expected!r}, got {len(answer.rows)} rows"
        return
    for row in expected:
        number = row.get(answer.key)
        if number not in by_key:
            yield f"{at}: there is no row {number}"
        else:
            yield from differences(row, by_key[number], f"{at}[{number}]")
    if expected[-1].get(answer.key) != answer.rows[-1][answer.key]:
        yield f"{at}: expected {expected[-1].get(answer.key)} rows, got {answer.rows[-1][answer.key]}"


def _is_equal(expected: Any, answer: Answer) -> bool:
    if isinstance(answer, Exact):
        return _is_number(expected) and any(
            Decimal(to_places(answer.value, places)) == Decimal(expected) for places in answer.places
        )
    if isinstance(answer, Reason):
        return isinstance(expected, str) and bool(answer.text) and expected.startswith(answer.text)
    if isinstance(answer, datetime):
        return isinstance(expected, str) and datetime.fromisoformat(expected) == answer
    return type(expected) is type(answer) and bool(expected == answer)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return False
    try:
        return Decimal(value).is_finite()
    except InvalidOperation:
        return False


def _show(answer: Answer) -> str:
    if isinstance(answer, Exact):
        return to_places(answer.value, answer.places[-1])
    if isinstance(answer, Reason):
        return repr(answer.text)
    return repr(answer)
