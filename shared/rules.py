"""Dated rules of the country (rates, thresholds, switches), read from a `rules.json` beside the code that uses them.

What must stay true: every version of a rule names its legal source and the day it begins; the version in force on a day
is the youngest that had begun; a day before all versions has no rule, which is an error and never a guess. Numbers that
are not whole are written as text ("0.275"), so that no float is ever made of them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from shared.exact import exact


class NoRule(ValueError):
    """No rule covers this: none is in force on that day, or it does not know that case."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One version of a rule. `source` is its legal basis and how sure we are of it."""

    name: str
    valid_from: date
    source: str
    values: Mapping[str, Any]

    def get(self, key: str) -> Any:
        """A value as it is written in the file. Raises NoRule when this version does not have it."""
        if key not in self.values:
            raise NoRule(f"the rule {self.name} of {self.valid_from} has no {key}")
        return self.values[key]

    def whole(self, key: str) -> int:
        """An amount in rupiah, a count, a number of days. Raises NoRule when it is missing or not whole."""
        value = self.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise NoRule(f"{key} of the rule {self.name} is not a whole number")
        return value

    def number(self, key: str) -> Fraction:
        """A rate or a fraction. Raises NoRule when it is missing."""
        return exact(self.get(key))

    def flag(self, key: str) -> bool:
        """A switch. Raises NoRule when it is missing or neither true nor false."""
        value = self.get(key)
        if not isinstance(value, bool):
            raise NoRule(f"{key} of the rule {self.name} is no switch")
        return value

    def table(self, key: str) -> Mapping[str, Any]:
        """A value per name. Raises NoRule when it is missing or no table."""
        value = self.get(key)
        if not isinstance(value, dict):
            raise NoRule(f"{key} of the rule {self.name} is no table")
        return value

    def entry(self, key: str, name: str) -> Any:
        """What a table says of one name. Raises NoRule when the table does not know it."""
        table = self.table(key)
        if name not in table:
            raise NoRule(f"the rule {self.name} knows no {name!r} among its {key}")
        return table[name]


@dataclass(frozen=True, slots=True)
class Rules:
    """All versions of all rules of one file, oldest first."""

    versions: Mapping[str, tuple[Rule, ...]]

    def in_force(self, name: str, on: date) -> Rule:
        """The version that holds on that day. Raises NoRule when there is none."""
        begun = [rule for rule in self.versions.get(name, ()) if rule.valid_from <= on]
        if not begun:
            raise NoRule(f"no rule {name} is in force on {on}")
        return begun[-1]


def load(path: Path) -> Rules:
    """Read a file of rules. Raises ValueError, with the rule's name, when a version is incomplete or out of order."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> Rules:
    """Rules from JSON: `{"name": [{"valid_from": ..., "source": ..., "values": {...}}, ...]}`."""
    versions = {}
    for name, entries in json.loads(text, parse_float=_refuse_float).items():
        rules = tuple(
            Rule(name, date.fromisoformat(entry["valid_from"]), entry["source"], entry["values"]) for entry in entries
        )
        days = [rule.valid_from for rule in rules]
        if not rules or days != sorted(set(days)):
            raise ValueError(f"the versions of the rule {name} are not in the order of their days")
        if not all(rule.source.strip() for rule in rules):
            raise ValueError(f"a version of the rule {name} names no source")
        versions[name] = rules
    return Rules(versions)


def _refuse_float(text: str) -> NoReturn:
    raise ValueError(f"write {text} as text, so that it stays exact")
