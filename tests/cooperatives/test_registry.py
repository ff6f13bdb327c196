"""Cooperatives over HTTP: registered, listed, their offices."""

from tests.cooperatives.conftest import Office


async def test_a_list_needs_nobody(office: Office) -> None:
    answer = await office.get("/v1/cooperatives?region=99")

    assert answer == {"items": [], "next_cursor": None}
