"""Cooperatives over HTTP: registered, listed, their offices."""

from uuid import UUID, uuid4

import pytest

from shared.contracts.cooperatives import CooperativeRegistered
from shared.testing.delivery import published
from tests.cooperatives.conftest import Office, new_cooperative


async def test_registering_publishes_the_cooperative_and_makes_its_founders_candidates(office: Office) -> None:
    cooperative = await office.cooperative(region_code="18.71")

    (fact,) = await published(office.db, CooperativeRegistered, cooperative_id=cooperative.cooperative_id)
    members = await office.get(f"{cooperative.path}/members", cooperative.chair)
    shown = await office.get(cooperative.path)
    assert (fact.kind, fact.region_code) == ("primer", "18.71")
    assert {UUID(member["member_id"]) for member in members["items"]} == set(cooperative.founders)
    assert {(member["state"], member["is_founder"]) for member in members["items"]} == {("candidate", True)}
    assert (shown["principal_savings_minor"], shown["mandatory_savings_minor"]) == (100_000, 20_000)


async def test_the_same_key_registers_one_cooperative(office: Office) -> None:
    person, body, key = office.person(), new_cooperative(), uuid4().hex

    first = await office.post("/v1/cooperatives", person, body, key=key, status=201)
    again = await office.post("/v1/cooperatives", person, body, key=key, status=201)

    assert first.json() == again.json()
    assert len((await office.get(f"/v1/cooperatives?q={body['name']}"))["items"]) == 1


async def test_whoever_registers_without_an_office_becomes_the_chair(office: Office) -> None:
    person = office.person()

    made = await office.post("/v1/cooperatives", person, new_cooperative(), status=201)

    offices = await office.get(f"/v1/cooperatives/{made.json()['cooperative_id']}/officers", person)
    assert [(o["account_id"], o["role"]) for o in offices["items"]] == [(str(person.account_id), "ketua")]


@pytest.mark.parametrize(
    ("other", "slug"),
    [
        ({"founders": [{"name": f"Pendiri {n}"} for n in range(8)]}, "too-few-founders"),
        ({"founders": [{"name": "Pendiri"} for _ in range(9)]}, "too-few-founders"),
        ({"kind": "sekunder", "founders": [{"name": "Kop A"}, {"name": "Kop B"}]}, "too-few-founders"),
        ({"region_code": "99.99"}, "unknown-region"),
        ({"founders": [{"name": f"P {n}", "identity_number": "9" * 16} for n in range(9)]}, "identity-number-refused"),
        ({"quorum": {"numerator": 3, "denominator": 2}}, "malformed"),
    ],
)
async def test_what_cannot_be_registered_is_refused(office: Office, other: dict[str, object], slug: str) -> None:
    answer = await office.post("/v1/cooperatives", office.person(), new_cooperative(**other))

    assert answer.json()["type"].endswith(slug), answer.text


async def test_a_secondary_cooperative_is_founded_by_three_cooperatives(office: Office) -> None:
    founders = [{"name": f"Koperasi {n}"} for n in range(3)]

    await office.post(
        "/v1/cooperatives", office.person(), new_cooperative(kind="sekunder", founders=founders), status=201
    )


async def test_a_legal_number_is_registered_once(office: Office) -> None:
    number = f"AHU-{uuid4().hex[:10]}"
    await office.post("/v1/cooperatives", office.person(), new_cooperative(legal_number=number), status=201)

    answer = await office.post("/v1/cooperatives", office.person(), new_cooperative(legal_number=number))

    assert answer.json()["type"].endswith("number-taken")


async def test_a_region_includes_the_regions_in_it_and_names_are_searched(office: Office) -> None:
    name = f"Koperasi Cari {uuid4().hex[:6]}%"
    made = (await office.post("/v1/cooperatives", office.person(), new_cooperative(name=name), status=201)).json()

    found = await office.get("/v1/cooperatives?region=18&q=" + name.lower().replace("%", "%25"))
    elsewhere = await office.get("/v1/cooperatives?region=36&q=" + name.lower().replace("%", "%25"))

    assert [item["cooperative_id"] for item in found["items"]] == [made["cooperative_id"]]
    assert elsewhere["items"] == []


async def test_pages_of_the_list_follow_each_other(office: Office) -> None:
    tag = uuid4().hex[:8]
    for number in range(3):
        body = new_cooperative(name=f"Koperasi {tag} {number}")
        await office.post("/v1/cooperatives", office.person(), body, status=201)

    first = await office.get(f"/v1/cooperatives?q={tag}&limit=2")
    second = await office.get(f"/v1/cooperatives?q={tag}&limit=2&cursor={first['next_cursor']}")

    assert [item["name"][-1] for item in first["items"] + second["items"]] == ["0", "1", "2"]
    assert second["next_cursor"] is None


async def test_an_officer_appoints_another_and_a_supervisor_only_looks(office: Office) -> None:
    cooperative = await office.cooperative()
    supervisor = office.person()
    body = {"account_id": str(supervisor.account_id), "role": "pengawas"}

    await office.post(f"{cooperative.path}/officers", cooperative.chair, body, status=201)
    twice = await office.post(f"{cooperative.path}/officers", cooperative.chair, body)
    by_supervisor = await office.post(f"{cooperative.path}/officers", supervisor, body)

    assert twice.json()["type"].endswith("office-taken")
    assert (by_supervisor.status_code, by_supervisor.json()["type"][-13:]) == (403, "not-your-task")
    await office.get(f"{cooperative.path}/members", supervisor)


async def test_the_last_acting_officer_stays(office: Office) -> None:
    cooperative = await office.cooperative()

    answers = [
        await office.client.delete(
            f"{cooperative.path}/officers/{person.account_id}", headers=cooperative.chair.headers
        )
        for person in (cooperative.treasurer, cooperative.secretary, cooperative.chair)
    ]

    assert [answer.status_code for answer in answers] == [204, 204, 409]
    await office.get(f"{cooperative.path}/members", cooperative.secretary, status=404)


async def test_people_find_the_offices_that_they_hold_and_no_others(office: Office) -> None:
    first, other = await office.cooperative(), await office.cooperative()

    mine = await office.get("/v1/me/offices", first.treasurer)
    nobodys = await office.get("/v1/me/offices", office.person())

    assert [(each["cooperative_id"], each["role"]) for each in mine["items"]] == [
        (str(first.cooperative_id), "bendahara")
    ]
    assert str(other.cooperative_id) not in str(mine)
    assert nobodys == {"items": []}
