"""Trainings over HTTP: announced, taken part in, completed; the last seat; who may see what."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.programmes.handlers import handlers
from shared.clock import utc_now
from shared.contracts.identity import AccountErased
from shared.contracts.programmes import CertificateIssued, TrainingCompleted
from shared.testing import check_handler, deliver, published
from tests.programmes.conftest import Desk, once, today, tomorrow, training_body


async def seats(desk: Desk, training_id: UUID) -> tuple[int, dict[str, int]]:
    """What the training counts as taken, and its enrolments by state."""
    async with desk.db.reading() as conn:
        taken = await conn.fetchval("SELECT taken FROM trainings WHERE training_id = $1", training_id)
        rows = await conn.fetch(
            "SELECT state::text, count(*) AS count FROM enrolments WHERE training_id = $1 GROUP BY 1", training_id
        )
    return taken, {row["state"]: row["count"] for row in rows}


async def test_a_province_acts_for_its_regencies_and_nobody_elses(desk: Desk) -> None:
    _, province = desk.person("government:18")
    _, regency = desk.person("government:18.01")
    _, nobody = desk.person()

    made = await desk.client.post("/v1/trainings", json=training_body(), headers=once(province))
    of_the_province = await desk.client.post(
        "/v1/trainings", json=training_body() | {"region_code": "18"}, headers=once(regency)
    )
    elsewhere = await desk.client.post(
        "/v1/trainings", json=training_body() | {"region_code": "36.01"}, headers=once(province)
    )
    by_nobody = await desk.client.post("/v1/trainings", json=training_body(), headers=once(nobody))
    nowhere = await desk.client.post(
        "/v1/trainings", json=training_body() | {"region_code": "18.99"}, headers=once(province)
    )

    codes = [each.status_code for each in (made, of_the_province, elsewhere, by_nobody, nowhere)]
    assert codes == [201, 403, 403, 403, 404]
    shown = (await desk.client.get(f"/v1/trainings/{made.json()['training_id']}")).json()
    assert (shown["region_name"], shown["taken"]) == ("Kabupaten Lampung Selatan, Lampung", 0)


async def test_the_same_key_announces_one_training(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    headers = once(officer)

    first = await desk.client.post("/v1/trainings", json=training_body(), headers=headers)
    again = await desk.client.post("/v1/trainings", json=training_body(), headers=headers)

    assert first.json() == again.json()


async def test_trainings_are_listed_a_page_at_a_time_by_region_and_scheme(desk: Desk) -> None:
    _, officer = desk.person("operator")
    scheme = f"uji-{uuid4().hex[:12]}"
    made = {str(await desk.training(officer, scheme=scheme, region_code=code)) for code in ("18.01", "18.71", "36.01")}

    everywhere, cursor = set(), ""
    for _ in range(3):
        page = (await desk.client.get(f"/v1/trainings?scheme={scheme}&limit=1{cursor}")).json()
        everywhere |= {item["training_id"] for item in page["items"]}
        cursor = f"&cursor={page['next_cursor']}"
    lampung = (await desk.client.get(f"/v1/trainings?scheme={scheme}&region=18")).json()["items"]
    bad = await desk.client.get("/v1/trainings?cursor=W10")

    assert everywhere == made
    assert page["next_cursor"] is None
    assert {item["region_code"] for item in lampung} == {"18.01", "18.71"}
    assert bad.status_code == 422


async def test_twenty_people_and_three_seats_make_three_and_a_queue(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    training_id = await desk.training(officer, capacity=3)

    people = [desk.person()[1] for _ in range(20)]
    answers = await asyncio.gather(*(desk.enrol(training_id, headers) for headers in people))

    assert sorted(answer["status"] for answer in answers) == ["enrolled"] * 3 + ["waiting"] * 17
    assert await seats(desk, training_id) == (3, {"enrolled": 3, "waiting": 17})


async def test_one_person_at_once_from_two_phones_gets_one_seat(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    training_id = await desk.training(officer)
    _, headers = desk.person()

    path, body = f"/v1/trainings/{training_id}/enrolments", {"name": "Budi"}
    answers = await asyncio.gather(*(desk.client.post(path, json=body, headers=headers) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} == {
        "urn:lumbung:problem:enrolled-already"
    }
    assert await seats(desk, training_id) == (1, {"enrolled": 1})


async def test_who_withdraws_gives_the_seat_to_who_waited_longest(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    training_id = await desk.training(officer, capacity=1)
    (_, first), (_, second), (_, third) = desk.person(), desk.person(), desk.person()
    seat = await desk.enrol(training_id, first)
    waiting = await desk.enrol(training_id, second)
    await desk.enrol(training_id, third)
    place = (await desk.client.get("/v1/enrolments", headers=third)).json()["items"][0]["place_in_queue"]

    gone = await desk.client.delete(f"/v1/enrolments/{seat['enrolment_id']}", headers=first)
    again = await desk.client.delete(f"/v1/enrolments/{seat['enrolment_id']}", headers=first)
    mine = (await desk.client.get("/v1/enrolments", headers=second)).json()["items"]

    assert (place, gone.status_code, again.status_code) == (2, 204, 409)
    assert [(item["enrolment_id"], item["status"]) for item in mine] == [(waiting["enrolment_id"], "enrolled")]
    assert await seats(desk, training_id) == (1, {"withdrawn": 1, "enrolled": 1, "waiting": 1})
    assert (await desk.enrol(training_id, first))["status"] == "waiting"  # who withdrew may come again


@pytest.mark.parametrize("name", ["李小龙", "x" * 101, "123", "Siti\nAminah", "<b>"])
async def test_a_name_that_cannot_stand_on_a_certificate_is_refused(desk: Desk, name: str) -> None:
    _, officer = desk.person("government:18")
    training_id = await desk.training(officer)
    _, headers = desk.person()

    answer = await desk.client.post(f"/v1/trainings/{training_id}/enrolments", json={"name": name}, headers=headers)

    assert answer.status_code == 422
    assert await seats(desk, training_id) == (0, {})


async def test_a_training_that_is_over_takes_nobody(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    day = (today() - timedelta(days=1)).isoformat()
    training_id = await desk.training(officer, starts_on=day, ends_on=day)
    _, headers = desk.person()

    answer = await desk.client.post(f"/v1/trainings/{training_id}/enrolments", json={"name": "Budi"}, headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:lumbung:problem:training-over")


async def test_who_passed_is_certified_once_and_who_failed_is_not(desk: Desk) -> None:
    _, officer = desk.person("government:18.01")
    training_id = await desk.training(officer)
    (person_id, passing), (other_id, failing) = desk.person(), desk.person()
    one = (await desk.enrol(training_id, passing))["enrolment_id"]
    two = (await desk.enrol(training_id, failing))["enrolment_id"]

    issued = await desk.complete(training_id, officer, {one: "passed", two: "failed"})
    path = f"/v1/trainings/{training_id}/completions"
    again = await desk.client.post(path, json={"results": [{"enrolment_id": one, "result": "passed"}]}, headers=officer)
    otherwise = await desk.client.post(
        path, json={"results": [{"enrolment_id": two, "result": "passed"}]}, headers=officer
    )

    assert [each["enrolment_id"] for each in issued] == [one]
    assert again.json() == {"certificates": []}
    assert (otherwise.status_code, otherwise.json()["refusals"]) == (
        409,
        [{"enrolment_id": two, "why": "the enrolment is failed"}],
    )
    (completed,) = await published(desk.db, TrainingCompleted, training_id=training_id)
    (certified,) = await published(desk.db, CertificateIssued, training_id=training_id)
    assert (completed.person_id, str(completed.enrolment_id)) == (person_id, one)
    assert (certified.person_id, certified.scheme) == (person_id, "keamanan-pangan")
    assert certified.expires_at.date() == certified.issued_at.replace(year=certified.issued_at.year + 3).date()
    assert await published(desk.db, CertificateIssued, person_id=other_id) == []


async def test_who_did_not_come_does_not_pass_and_then_nobody_is_recorded(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    training_id = await desk.training(officer)
    came, stayed = desk.person()[1], desk.person()[1]
    one = (await desk.enrol(training_id, came))["enrolment_id"]
    two = (await desk.enrol(training_id, stayed))["enrolment_id"]
    await desk.client.post(
        f"/v1/trainings/{training_id}/attendances",
        json={"day": today().isoformat(), "enrolment_ids": [one]},
        headers=officer,
    )

    answer = await desk.client.post(
        f"/v1/trainings/{training_id}/completions",
        json={"results": [{"enrolment_id": each, "result": "passed"} for each in (one, two)]},
        headers=officer,
    )

    assert (answer.status_code, [each["enrolment_id"] for each in answer.json()["refusals"]]) == (409, [two])
    assert await seats(desk, training_id) == (2, {"enrolled": 2})
    assert await published(desk.db, CertificateIssued, training_id=training_id) == []


async def test_days_that_are_not_the_trainings_are_refused(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    training_id = await desk.training(officer, ends_on=tomorrow())
    enrolment_id = (await desk.enrol(training_id, desk.person()[1]))["enrolment_id"]

    path = f"/v1/trainings/{training_id}"
    not_yet = await desk.client.post(
        f"{path}/attendances", json={"day": tomorrow(), "enrolment_ids": [enrolment_id]}, headers=officer
    )
    too_early = await desk.client.post(
        f"{path}/completions",
        json={"results": [{"enrolment_id": enrolment_id, "result": "failed"}]},
        headers=officer,
    )
    backwards = await desk.client.post(
        "/v1/trainings", json=training_body() | {"starts_on": tomorrow()}, headers=once(officer)
    )

    assert [each.status_code for each in (not_yet, too_early, backwards)] == [409, 409, 422]


async def test_what_is_not_yours_reads_as_not_found(desk: Desk) -> None:
    _, officer = desk.person("government:18.01")
    _, other_officer = desk.person("government:36")
    _, machine = desk.person("government:18.01", kind="client")
    training_id = await desk.training(officer)
    (_, person), (_, other_person) = desk.person(), desk.person()
    enrolment_id = (await desk.enrol(training_id, person))["enrolment_id"]
    path = f"/v1/trainings/{training_id}"
    came = {"day": today().isoformat(), "enrolment_ids": [enrolment_id]}
    results = {"results": [{"enrolment_id": enrolment_id, "result": "failed"}]}

    answers = [
        await desk.client.get(f"{path}/enrolments", headers=other_officer),
        await desk.client.post(f"{path}/attendances", json=came, headers=other_officer),
        await desk.client.post(f"{path}/completions", json=results, headers=other_officer),
        await desk.client.delete(f"/v1/enrolments/{enrolment_id}", headers=other_person),
        await desk.client.delete(f"/v1/enrolments/{enrolment_id}", headers=officer),
    ]
    refused = [
        await desk.client.get(f"{path}/enrolments", headers=person),
        await desk.client.post(f"{path}/enrolments", json={"name": "Mesin"}, headers=machine),
    ]
    others_training = await desk.training(officer)
    mixed = await desk.client.post(f"/v1/trainings/{others_training}/attendances", json=came, headers=officer)
    theirs = (await desk.client.get("/v1/enrolments", headers=other_person)).json()["items"]
    list_for_officer = (await desk.client.get(f"{path}/enrolments", headers=officer)).json()["items"]

    assert [each.status_code for each in answers] == [404] * 5
    assert [each.status_code for each in refused] == [403, 403]
    assert mixed.status_code == 404
    assert theirs == []
    assert [(each["name"], each["status"], each["days_attended"]) for each in list_for_officer] == [
        ("Siti Aminah", "enrolled", 0)
    ]


async def test_who_leaves_loses_name_and_seat(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    training_id = await desk.training(officer, capacity=1)
    (leaving, headers), (_, waiting) = desk.person(), desk.person()
    await desk.enrol(training_id, headers, "Nama Yang Dihapus")
    second = await desk.enrol(training_id, waiting)

    await check_handler(desk.db, handlers, AccountErased(account_id=leaving, erased_at=utc_now()))

    listed = (await desk.client.get(f"/v1/trainings/{training_id}/enrolments", headers=officer)).json()["items"]
    assert [(each["name"], each["status"]) for each in listed] == [(None, "withdrawn"), ("Siti Aminah", "enrolled")]
    assert listed[1]["enrolment_id"] == second["enrolment_id"]
    assert await seats(desk, training_id) == (1, {"withdrawn": 1, "enrolled": 1})


async def test_a_stranger_leaves_without_a_trace(desk: Desk) -> None:
    await check_handler(desk.db, handlers, AccountErased(account_id=uuid4(), erased_at=utc_now()))


async def test_a_token_that_outlives_its_account_brings_no_name_back(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    training_id = await desk.training(officer)
    left, headers = desk.person()
    await deliver(desk.db, handlers, AccountErased(account_id=left, erased_at=utc_now()))

    answer = await desk.client.post(
        f"/v1/trainings/{training_id}/enrolments", json={"name": "Siti Aminah"}, headers=headers
    )

    assert answer.status_code == 409 and answer.json()["type"].endswith("account-gone")
    assert await seats(desk, training_id) == (0, {})


async def test_who_takes_part_while_being_forgotten_leaves_no_name(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    training_id = await desk.training(officer)
    people = [desk.person() for _ in range(8)]
    path = f"/v1/trainings/{training_id}/enrolments"

    await asyncio.gather(
        *(desk.client.post(path, json={"name": "Siti Aminah"}, headers=headers) for _, headers in people),
        *(deliver(desk.db, handlers, AccountErased(account_id=left, erased_at=utc_now())) for left, _ in people),
    )

    listed = (await desk.client.get(path, headers=officer)).json()["items"]
    assert [each["name"] for each in listed if each["name"] is not None] == []
