"""Region codes beyond the vectors: searching by name, and where a place lies."""

import pytest

from shared import regions


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
