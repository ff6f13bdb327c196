"""Runs cases from files through the product's own functions: the one place that says which kind means which function.

What must stay true: a file, a kind or a table that nobody knows fails, as does a folder without cases; nothing is
passed over in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from deploy.vectors import governance, identity, loans, payments, surplus, taxes
from deploy.vectors.cases import Check, Reason, Table, differences, has_expectation

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "vectors"
DESCRIPTIONS = frozenset({"conventions", "keys", "vectors"})


@dataclass(frozen=True, slots=True)
class Suite:
    """What is known of a subject: kinds of cases, tables beside them, and what the product does not hold."""

    checks: Mapping[str, Check]
    tables: Mapping[str, Table] = field(default_factory=dict)
    skips: Mapping[str, str] = field(default_factory=dict)


SUITES: dict[str, Suite] = {
    "consent": Suite(governance.CONSENT_CHECKS),
    "governance": Suite(governance.CHECKS),
    "identity": Suite(identity.CHECKS),
    "loans": Suite(loans.CHECKS),
    "qris": Suite(payments.QRIS_CHECKS),
    "regions": Suite(identity.REGION_CHECKS, identity.REGION_TABLES, identity.REGION_SKIPS),
    "shu": Suite(surplus.CHECKS),
    "snap": Suite(payments.SNAP_CHECKS),
    "tax_fees": Suite(taxes.CHECKS),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case: passed, failed with sentences, or skipped with a reason."""

    file: str
    case: str
    kind: str
    faults: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def state(self) -> str:
        """One of the three words."""
        return "failed" if self.faults else "skipped" if self.skipped else "passed"


def run_folder(folder: Path) -> list[Outcome]:
    """All cases of all `.json` files of a folder; a folder without any is itself a failure."""
    paths = sorted(folder.glob("*.json"))
    if not paths:
        return [Outcome(str(folder), "-", "-", ("there are no vectors here",))]
    return [outcome for path in paths for outcome in run_file(path)]


def run_file(path: Path) -> Iterator[Outcome]:
    """All cases of one file. `shu.json` and `shu-more.json` are both of the subject `shu`."""
    suite = SUITES.get(re.split(r"[-.]", path.name)[0])
    if suite is None:
        yield Outcome(path.name, "-", "-", ("nobody knows what this file is about",))
        return
    try:
        file = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        cases = file["vectors"]
        if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
            raise TypeError("vectors is no list of cases")
    except (ValueError, KeyError, TypeError) as error:
        yield Outcome(path.name, "-", "-", (f"this is no file of vectors: {error!r}",))
        return
    if not cases:
        yield Outcome(path.name, "-", "-", ("the file has no cases",))
    for case in cases:
        yield run_case(path.name, suite, case, file)
    yield from _run_tables(path.name, suite, file)


def run_case(file_name: str, suite: Suite, case: Mapping[str, Any], file: Mapping[str, Any]) -> Outcome:
    """One case. What the product refuses in an unexpected way is a failure of the case, not of the run."""
    name, kind = str(case.get("id", "?")), str(case.get("kind", "?"))
    check = suite.checks.get(kind)
    if check is None:
        return Outcome(file_name, name, kind, (f"nobody knows the kind of case {kind!r}",))
    if not has_expectation(case.get("expect", {})):
        return Outcome(file_name, name, kind, ("the case expects nothing",))
    try:
        faults = tuple(differences(case["expect"], check(case, file)))
    except Exception as error:
        if isinstance(error, ValueError) and isinstance(case["expect"], dict) and "error" in case["expect"]:
            faults = tuple(differences(case["expect"], {"error": Reason(str(error))}))
        else:
            faults = (f"{type(error).__name__}: {error}",)
    return Outcome(file_name, name, kind, faults)


def _run_tables(file_name: str, suite: Suite, file: Mapping[str, Any]) -> Iterator[Outcome]:
    for key, content in file.items():
        if key in DESCRIPTIONS or not isinstance(content, dict | list):
            continue
        table = suite.tables.get(key)
        if table is None:
            yield Outcome(file_name, key, "table", (f"nobody knows the table {key!r}",))
            continue
        try:
            answer, expected = table(content)
            faults = tuple(differences(expected, answer, key))
        except Exception as error:
            faults = (f"{type(error).__name__}: {error}",)
        yield Outcome(file_name, key, "table", faults)
        for name, reason in suite.skips.items():
            if name.split(".")[0] == key:
                yield Outcome(file_name, name, "table", skipped=reason)
