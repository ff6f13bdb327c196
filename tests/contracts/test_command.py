"""The command `contracts`: what changed since a revision, told apart from what may change."""

import json
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploy.cli.contracts import PLACE, contracts, incompatibilities, released
from shared.contracts import publish


@pytest.fixture
def current() -> dict[str, dict[str, Any]]:
    return {name: publish.schema_of(cls) for name, cls in publish.declared().items()}


def test_nothing_stands_in_the_way_of_the_same_schemas(current: dict[str, dict[str, Any]]) -> None:
    assert incompatibilities(current) == {}


def test_a_removed_event_and_a_narrowed_field_are_both_told(current: dict[str, dict[str, Any]]) -> None:
    old = deepcopy(current)
    old["orders.order_archived.v1"] = old["orders.order_paid.v1"]
    old["orders.order_paid.v1"]["properties"]["amount_minor"]["maximum"] = 7

    broken = incompatibilities(old)

    assert set(broken) == {"orders.order_archived.v1", "orders.order_paid.v1"}
    assert "maximum" in broken["orders.order_paid.v1"][0]


def test_the_schemas_of_a_revision_are_read_from_git(tmp_path: Path, current: dict[str, dict[str, Any]]) -> None:
    folder = tmp_path / PLACE
    folder.mkdir(parents=True)
    for name, text in publish.written().items():
        (folder / name).write_text(text)
    author = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "released"], ["tag", "v1"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)

    assert released("v1", root=tmp_path) == current


def test_show_prints_schema_and_example() -> None:
    shown = CliRunner().invoke(contracts, ["show", "orders.order_placed.v1"])

    assert shown.exit_code == 0
    assert set(json.loads(shown.output)) == {"schema", "example"}


def test_an_unknown_event_is_refused_with_a_sentence() -> None:
    shown = CliRunner().invoke(contracts, ["show", "orders.order_eaten.v1"])

    assert shown.exit_code == 1
    assert "There is no event orders.order_eaten.v1" in shown.output
