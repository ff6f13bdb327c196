"""Region codes against the vectors; a kind of case that nobody taught this file fails."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared import regions

FOLDER = Path(os.environ.get("VECTORS_DIR") or Path(__file__).parent.parent / "vectors")
FILE: dict[str, Any] = json.loads((FOLDER / "regions.json").read_text())

CHECKS: dict[str, Callable[[str], object]] = {
    "name": regions.name_of,
    "parent": regions.parent_of,
    "unknown": regions.name_of,
    "districts_of": lambda code: [district.name for district in regions.districts_of(code)],
}


@pytest.mark.parametrize("case", FILE["vectors"], ids=lambda case: f"{case['id']}-{case['kind']}")
def test_region_vector(case: dict[str, Any]) -> None:
    assert case["kind"] in CHECKS, f"no check for the kind of case {case['kind']!r}"
    assert CHECKS[case["kind"]](case["input"]) == case["expect"]


def test_all_provinces_and_the_two_known_provinces_regencies_are_equal() -> None:
    assert [{"code": r.code, "name": r.name} for r in regions.provinces()] == FILE["provinces"]
    for province in FILE["province_detail"]:
        expected = [(r["code"], r["name"]) for r in FILE["regencies"] if r["province"] == province]
        assert [(r.code, r.name) for r in regions.regencies_of(province)] == expected
        districts = [d for regency in regions.regencies_of(province) for d in regions.districts_of(regency.code)]
        assert len(districts) == FILE["province_detail"][province]["districts"]


def test_there_are_as_many_as_the_ministry_counts() -> None:
    assert len(regions.provinces()) == FILE["counts"]["provinces"]
    assert len(regions.regencies()) == FILE["counts"]["regencies_cities"]


def test_a_statistics_office_code_is_unknown_and_not_another_place() -> None:
    for code in FILE["bps_lampung_codes_are_different"]["codes"]:
        assert regions.name_of(code) is None


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Serang", "36.04"),
        ("kota serang", "36.73"),
        ("bandar lampung", "18.71"),
        ("kab. lampung selatan", "18.01"),
        ("BANTEN", "36"),
        ("pandegelang", "36.01"),
        ("tulang bawang b", "18.12"),
    ],
)
def test_search_finds_the_place_that_was_meant(text: str, first: str) -> None:
    assert regions.search(text)[0].code == first


def test_search_stays_inside_a_province_and_finds_nothing_in_nothing() -> None:
    assert {region.code for region in regions.search("selatan", within="18")} == {"18.01"}
    assert regions.search("  ") == ()
    assert regions.search("zzzzzzzz") == ()


def test_the_full_name_says_where_it_lies() -> None:
    assert regions.full_name_of("18.72") == "Kota Metro, Lampung"
    assert regions.full_name_of("99") is None
