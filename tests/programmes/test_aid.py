"""The aid register: small at once, large by a second officer, once a programme, person and year."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.programmes.handlers import counting
from shared.clock import utc_now
from shared.contracts.catalog import ShopOpened
from shared.contracts.programmes import AidGranted
from shared.testing import deliver, published
from tests.programmes.conftest import Desk, once

SMALL, LARGE = 5_000_000, 5_000_001


def aid_body(person_id: UUID, **other: Any) -> dict[str, Any]:
    """What an officer enters."""
    return {
        "person_id": str(person_id),
        "programme": "alat-produksi",
        "year": 2026,
        "kind": "equipment",
        "amount_minor": SMALL,
        "region_code": "18.01",
    } | other


async def test_small_aid_is_granted_at_once_and_told(desk: Desk) -> None:
    _, officer = desk.person("government:18.01")
    person_id, headers = desk.person()

    answer = await desk.client.post("/v1/aids", json=aid_body(person_id), headers=once(officer))
    mine = (await desk.client.get("/v1/aids", headers=headers)).json()["items"]

    assert (answer.status_code, answer.json()["status"]) == (201, "granted")
    assert [(item["aid_id"], item["amount_minor"]) for item in mine] == [(answer.json()["aid_id"], SMALL)]
    (granted,) = await published(desk.db, AidGranted, person_id=person_id)
    assert (granted.kind, granted.amount_minor, granted.region_code) == ("equipment", SMALL, "18.01")


async def test_the_same_key_enters_it_once(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    person_id, _ = desk.person()
    headers = once(officer)

    first = await desk.client.post("/v1/aids", json=aid_body(person_id), headers=headers)
    again = await desk.client.post("/v1/aids", json=aid_body(person_id), headers=headers)

    assert first.json() == again.json()
    assert len(await published(desk.db, AidGranted, person_id=person_id)) == 1


async def test_large_aid_needs_a_second_officer_whoever_asks_first(desk: Desk) -> None:
    _, proposing = desk.person("government:18")
    _, deciding = desk.person("government:18.01")
    person_id, _ = desk.person()
    made = (
        await desk.client.post("/v1/aids", json=aid_body(person_id, amount_minor=LARGE), headers=once(proposing))
    ).json()
    path = f"/v1/aids/{made['aid_id']}/approve"

    own = await desk.client.post(path, headers=proposing)
    untold = await published(desk.db, AidGranted, person_id=person_id)
    second = await asyncio.gather(*(desk.client.post(path, headers=deciding) for _ in range(5)))

    assert made["status"] == "proposed"
    assert (own.status_code, own.json()["type"]) == (403, "urn:lumbung:problem:second-person-needed")
    assert untold == []
    assert sorted(each.status_code for each in second) == [200] + [409] * 4
    assert len(await published(desk.db, AidGranted, person_id=person_id)) == 1


async def test_the_database_itself_refuses_one_officer_for_large_aid(desk: Desk) -> None:
    officer_id, officer = desk.person("government:18")
    person_id, _ = desk.person()
    made = (
        await desk.client.post("/v1/aids", json=aid_body(person_id, amount_minor=LARGE), headers=once(officer))
    ).json()

    with pytest.raises(asyncpg.CheckViolationError, match="aids_second_person"):
        async with desk.db.transaction() as conn:
            await conn.execute(
                "UPDATE aids SET state = 'granted', decided_by = $2, decided_at = now() WHERE aid_id = $1",
                UUID(made["aid_id"]),
                officer_id,
            )


async def test_the_same_aid_twice_is_refused_also_at_once_and_from_two_officers(desk: Desk) -> None:
    (_, one), (_, two) = desk.person("government:18"), desk.person("government:18.01")
    person_id, _ = desk.person()

    answers = await asyncio.gather(
        *(
            desk.client.post("/v1/aids", json=aid_body(person_id, amount_minor=amount), headers=once(officer))
            for officer in (one, two)
            for amount in (SMALL, LARGE)
        )
    )
    next_year = await desk.client.post("/v1/aids", json=aid_body(person_id, year=2027), headers=once(one))

    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]
    assert {each.json()["type"] for each in answers if each.status_code == 409} == {"urn:lumbung:problem:aid-twice"}
    assert next_year.status_code == 201


async def test_refused_aid_may_be_proposed_anew(desk: Desk) -> None:
    (_, one), (_, two) = desk.person("government:18"), desk.person("government:18")
    person_id, _ = desk.person()
    body = aid_body(person_id, amount_minor=LARGE)
    made = (await desk.client.post("/v1/aids", json=body, headers=once(one))).json()

    refused = await desk.client.post(f"/v1/aids/{made['aid_id']}/refuse", headers=two)
    late = await desk.client.post(f"/v1/aids/{made['aid_id']}/approve", headers=two)
    anew = await desk.client.post("/v1/aids", json=body, headers=once(one))

    assert refused.json()["status"] == "refused"
    assert (late.status_code, anew.status_code) == (409, 201)
    assert await published(desk.db, AidGranted, person_id=person_id) == []


async def test_nobody_grants_to_themselves(desk: Desk) -> None:
    officer_id, officer = desk.person("government:18")
    _, other = desk.person("government:18")

    entered = await desk.client.post("/v1/aids", json=aid_body(officer_id), headers=once(officer))
    made = await desk.client.post("/v1/aids", json=aid_body(officer_id, amount_minor=LARGE), headers=once(other))
    decided = await desk.client.post(f"/v1/aids/{made.json()['aid_id']}/approve", headers=officer)

    assert (entered.status_code, entered.json()["type"]) == (409, "urn:lumbung:problem:not-to-yourself")
    assert (decided.status_code, decided.json()["type"]) == (409, "urn:lumbung:problem:not-to-yourself")


async def test_a_shop_must_be_the_persons_own(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    person_id, _ = desk.person()
    shop_id = uuid4()
    body = aid_body(person_id, shop_id=str(shop_id))

    unknown = await desk.client.post("/v1/aids", json=body, headers=once(officer))
    await deliver(
        desk.db,
        counting,
        ShopOpened(shop_id=shop_id, owner_id=person_id, region_code="18.01", sequence=1, opened_at=utc_now()),
    )
    known = await desk.client.post("/v1/aids", json=body, headers=once(officer))

    assert (unknown.status_code, unknown.json()["type"]) == (409, "urn:lumbung:problem:shop-not-of-person")
    assert known.status_code == 201


async def test_other_regions_and_other_people_see_nothing(desk: Desk) -> None:
    _, officer = desk.person("government:18.01")
    _, elsewhere = desk.person("government:36")
    person_id, _ = desk.person()
    _, stranger = desk.person()
    made = (
        await desk.client.post("/v1/aids", json=aid_body(person_id, amount_minor=LARGE), headers=once(officer))
    ).json()
    path = f"/v1/aids/{made['aid_id']}"

    decided = [
        (await desk.client.post(f"{path}/{verb}", headers=headers)).status_code
        for verb in ("approve", "refuse")
        for headers in (elsewhere, stranger, {})
    ]
    entered = await desk.client.post("/v1/aids", json=aid_body(person_id, year=2028), headers=once(elsewhere))
    registers = [
        (await desk.client.get(f"/v1/aids/register?{query}limit=100", headers=headers)).json()["items"]
        for headers, query in ((elsewhere, ""), (elsewhere, "region=18.01&"), (officer, "region=18.01&"))
    ]
    theirs = (await desk.client.get("/v1/aids", headers=stranger)).json()["items"]
    by_nobody = await desk.client.get("/v1/aids/register", headers=stranger)

    assert decided == [404, 403, 401] * 2
    assert entered.status_code == 403
    assert [made["aid_id"] in {item["aid_id"] for item in register} for register in registers] == [False, False, True]
    assert theirs == []
    assert by_nobody.status_code == 403
