"""Every case of every file of vectors, and the runner: a wrong expectation, an unknown kind or file fails."""

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploy.vectors.__main__ import main, summary
from deploy.vectors.cases import REMARKS
from deploy.vectors.run import FOLDER, SUITES, Outcome, run_folder

OUTCOMES = run_folder(Path(os.environ.get("VECTORS_DIR") or FOLDER))
File = dict[str, Any]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: f"{outcome.file}-{outcome.case}-{outcome.kind}")
def test_vector(outcome: Outcome) -> None:
    assert outcome.faults == ()


def test_every_known_kind_has_a_case_of_ours() -> None:
    ours = {(outcome.file.removesuffix(".json"), outcome.kind) for outcome in run_folder(FOLDER)}

    known = {(subject, kind) for subject, suite in SUITES.items() for kind in suite.checks}
    assert known <= ours


def _planted(folder: Path, subject: str, change: Callable[[File], object]) -> list[Outcome]:
    file = json.loads((FOLDER / f"{subject}.json").read_text())
    change(file)
    (folder / f"{subject}.json").write_text(json.dumps(file))
    return run_folder(folder)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() if key not in REMARKS for leaf in _leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, inner in enumerate(value) for leaf in _leaves(inner, (*path, index))]
    return [path]


def _spoilt(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value is None:
        return "something"
    return "9" + str(value)


@pytest.mark.parametrize("subject", sorted(SUITES))
def test_a_changed_expectation_fails_wherever_it_is(tmp_path: Path, subject: str) -> None:
    """One copy of a case for the first and the last thing that it expects, each with that thing spoilt."""
    original = json.loads((FOLDER / f"{subject}.json").read_text())
    spoilt = []
    for case in original["vectors"]:
        leaves = _leaves(case["expect"], ("expect",))
        questions_come_first = isinstance(case["expect"], list)
        for leaf in {leaves[-1]} if questions_come_first else {leaves[0], leaves[-1]}:
            planted = copy.deepcopy(case)
            holder = planted
            for key in leaf[:-1]:
                holder = holder[key]
            holder[leaf[-1]] = _spoilt(holder[leaf[-1]])
            planted["id"] = f"{case['id']} {leaf}"
            spoilt.append(planted)

    outcomes = _planted(tmp_path, subject, lambda file: file["vectors"].extend(spoilt))

    planted_ids = {case["id"] for case in spoilt}
    assert {outcome.case for outcome in outcomes if outcome.faults} == planted_ids


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda file: file["vectors"][0].update(kind="horoscope"), "nobody knows the kind of case 'horoscope'"),
        (lambda file: file["vectors"][0].pop("kind"), "nobody knows the kind of case '?'"),
        (lambda file: file["vectors"][0]["expect"].update(colour="blue"), "colour: the product has no answer to this"),
        (lambda file: file["vectors"][0].update(expect={}), "the case expects nothing"),
        (lambda file: file["vectors"][0].update(expect={"note": "only words"}), "the case expects nothing"),
        (lambda file: file["vectors"][0].pop("expect"), "the case expects nothing"),
        (lambda file: file["vectors"][0].pop("input"), "KeyError: 'input'"),
        (lambda file: file["vectors"].clear(), "the file has no cases"),
        (lambda file: file.pop("vectors"), "this is no file of vectors: KeyError('vectors')"),
        (lambda file: file.update(more_rules=[1]), "nobody knows the table 'more_rules'"),
    ],
)
def test_what_nobody_knows_fails(tmp_path: Path, change: Callable[[File], object], sentence: str) -> None:
    outcomes = _planted(tmp_path, "shu", change)

    assert [fault for outcome in outcomes for fault in outcome.faults] == [sentence]


def test_an_entry_of_a_list_is_held_to_all_that_it_expects(tmp_path: Path) -> None:
    def ask_more(file: File) -> None:
        case = next(case for case in file["vectors"] if case["kind"] == "kur_bracket")
        case["expect"][0]["collateral"] = False

    outcomes = _planted(tmp_path, "loans", ask_more)

    faults = [fault for outcome in outcomes for fault in outcome.faults]
    assert faults == ["[0].collateral: the product has no answer to this"]


def test_a_longer_schedule_than_expected_fails(tmp_path: Path) -> None:
    def shorten(file: File) -> None:
        case = next(case for case in file["vectors"] if case["id"] == "LN-S1")
        case["expect"] = {"rows": case["expect"]["rows"][:-1]}

    outcomes = _planted(tmp_path, "loans", shorten)

    assert [fault for outcome in outcomes for fault in outcome.faults] == ["rows: expected 11 rows, got 12"]


@pytest.mark.parametrize("text", ["{", "[]", '{"vectors": null}', '{"vectors": {"a": 1}}', '{"vectors": ["a"]}'])
def test_a_file_that_holds_no_vectors_fails(tmp_path: Path, text: str) -> None:
    (tmp_path / "shu.json").write_text(text)

    assert [outcome.state for outcome in run_folder(tmp_path)] == ["failed"]


def test_the_command_prints_a_table_and_says_by_its_exit_code_whether_all_is_well(tmp_path: Path) -> None:
    clean = CliRunner().invoke(main, ["--folder", str(FOLDER)])
    (tmp_path / "weather.json").write_text('{"vectors": []}')
    unknown = CliRunner().invoke(main, ["--folder", str(tmp_path), "--json"])
    nothing = CliRunner().invoke(main, ["--folder", str(tmp_path / "empty")])

    passed, failed, skipped = summary(run_folder(FOLDER))["all"]
    assert clean.exit_code == 0
    assert clean.output.splitlines()[0].split() == ["file", "passed", "failed", "skipped"]
    assert f"{passed}     0       {skipped}" in clean.output
    assert (passed > 150, failed) == (True, 0)
    assert unknown.exit_code == 1
    assert json.loads(unknown.output)["files"]["all"] == {"passed": 0, "failed": 1, "skipped": 0}
    assert nothing.exit_code == 1
    assert "there are no vectors here" in nothing.output


def test_a_second_file_of_a_subject_is_run_as_well(tmp_path: Path) -> None:
    (tmp_path / "shu-more.json").write_text((FOLDER / "shu.json").read_text())

    assert {outcome.state for outcome in run_folder(tmp_path)} == {"passed"}
