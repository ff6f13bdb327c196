"""Not yours reads as not found: each path with a stranger's, a member's and another cooperative's officer's token."""

from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from tests.cooperatives.conftest import LIMIT, Cooperative, Member, Office
from tests.cooperatives.test_books import sale

VOLUNTARY = {"kind": "voluntary", "amount_minor": 1}

PATHS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "{c}/officers", None),
    ("POST", "{c}/officers", {"account_id": str(UUID(int=1)), "role": "ketua"}),
    ("DELETE", "{c}/officers/{chair}", None),
    ("POST", "{c}/applications", {"name": "Orang Lain", "has_account": False, "identity_number": "1801014107900009"}),
    ("GET", "{c}/applications", None),
    ("POST", "{c}/applications/{application}/approve", None),
    ("POST", "{c}/applications/{application}/reject", None),
    ("GET", "{c}/members", None),
    ("GET", "{c}/members/{member}", None),
    ("GET", "{c}/members/{member}/savings", None),
    ("POST", "{c}/members/{member}/deposits", VOLUNTARY),
    ("POST", "{c}/members/{member}/withdrawals", VOLUNTARY),
    ("POST", "{c}/members/{member}/end", {"reason": "resigned"}),
    ("POST", "{c}/members/{member}/suspend", None),
    ("POST", "{c}/members/{member}/resume", None),
    ("POST", "{c}/members/{member}/link-codes", None),
    ("GET", "{c}/register", None),
    ("GET", "{c}/dues", None),
    ("PUT", "{c}/dues", {"from_month": "2999-01-01", "monthly_minor": 1}),
    ("GET", "{c}/withdrawals", None),
    ("POST", "{c}/withdrawals/{withdrawal}/approve", None),
    ("POST", "{c}/withdrawals/{withdrawal}/refuse", None),
    ("POST", "{c}/journals", sale()),
    ("GET", "{c}/journals", None),
    ("POST", "{c}/journals/{journal}/approve", None),
    ("POST", "{c}/journals/{journal}/refuse", None),
    ("GET", "{c}/ledger/trial-balance", None),
    ("GET", "{c}/ledger/accounts/1101/entries", None),
]
INNER = [
    (method, path, body) for method, path, body in PATHS if "/{" in path.removeprefix("{c}") and "chair" not in path
]


class World:
    """A cooperative with one of each thing, and people who have no business with it."""

    office: Office
    cooperative: Cooperative
    other: Cooperative
    member: Member
    ids: dict[str, str]

    def address(self, path: str, cooperative: Cooperative) -> str:
        """The path within a cooperative."""
        return path.format(c=cooperative.path, **self.ids)

    async def ask(self, method: str, path: str, headers: dict[str, str], body: Any) -> int:
        """The status of the answer."""
        headers = headers | {"Idempotency-Key": uuid4().hex}
        answer = await self.office.client.request(method, path, json=body, headers=headers)
        return answer.status_code


@pytest_asyncio.fixture(scope="module")
async def world(office: Office) -> World:
    """Everything that has an id of its own."""
    world = World()
    world.office, world.cooperative, world.other = office, await office.cooperative(), await office.cooperative()
    path = world.cooperative.path
    world.member = await office.member(world.cooperative, voluntary_minor=LIMIT + 1)
    applied = await office.post(f"{path}/applications", office.person(), {"name": "Calon"}, status=201)
    waiting = await office.post(
        f"{path}{world.member.path}/withdrawals",
        world.cooperative.treasurer,
        {"kind": "voluntary", "amount_minor": LIMIT + 1},
        status=201,
    )
    journal = await office.post(f"{path}/journals", world.cooperative.treasurer, sale(), status=201)
    world.ids = {
        "chair": str(world.cooperative.chair.account_id),
        "application": applied.json()["application_id"],
        "member": str(world.member.member_id),
        "withdrawal": waiting.json()["withdrawal_id"],
        "journal": journal.json()["journal_id"],
    }
    return world


@pytest.mark.parametrize(("method", "path", "body"), PATHS)
async def test_who_holds_no_office_there_finds_nothing(
    world: World, method: str, path: str, body: dict[str, Any] | None
) -> None:
    address = world.address(path, world.cooperative)

    answers = {
        "stranger": await world.ask(method, address, world.office.person().headers, body),
        "member": await world.ask(method, address, world.member.person.headers, body),
        "officer of another": await world.ask(method, address, world.other.chair.headers, body),
        "operator": await world.ask(method, address, world.office.person(roles=["operator"]).headers, body),
        "nobody": await world.ask(method, address, {}, body),
    }

    assert answers == {"stranger": 404, "member": 404, "officer of another": 404, "operator": 404, "nobody": 401}


@pytest.mark.parametrize(("method", "path", "body"), INNER)
async def test_what_is_of_another_cooperative_is_not_in_ones_own(
    world: World, method: str, path: str, body: dict[str, Any] | None
) -> None:
    address = world.address(path, world.other)

    assert await world.ask(method, address, world.other.chair.headers, body) == 404


async def test_a_statement_is_the_members_own(world: World) -> None:
    path = f"/v1/me/savings?member_id={world.member.member_id}"

    answers = [
        await world.ask("GET", path, person.headers, None)
        for person in (world.member.person, world.office.person(), world.cooperative.chair)
    ]

    assert answers == [200, 404, 404]


async def test_nobody_sees_anothers_memberships(world: World) -> None:
    assert (await world.office.get("/v1/me/memberships", world.office.person()))["items"] == []


async def test_nothing_came_of_all_that(world: World) -> None:
    shown = await world.office.shown(world.cooperative, world.member)

    assert (shown["state"], shown["voluntary_minor"]) == ("active", LIMIT + 1)
