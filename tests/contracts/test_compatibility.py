"""The compatibility check against a file of pairs: old schema, new schema, where it must object (empty: compatible)."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.compatibility import differences

PAIRS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("compatibility_pairs.json").read_text())


@pytest.mark.parametrize("pair", PAIRS, ids=[pair["name"] for pair in PAIRS])
def test_a_change_is_judged_as_the_pair_says(pair: dict[str, Any]) -> None:
    found = [difference.at for difference in differences(pair["old"], pair["new"])]

    assert sorted(found) == sorted(pair["incompatible_at"])


@pytest.mark.parametrize("pair", PAIRS, ids=[pair["name"] for pair in PAIRS])
def test_every_schema_is_compatible_with_itself(pair: dict[str, Any]) -> None:
    assert differences(pair["old"], pair["old"]) == []
    assert differences(pair["new"], pair["new"]) == []


def test_the_pairs_have_names_of_their_own() -> None:
    assert len({pair["name"] for pair in PAIRS}) == len(PAIRS)
