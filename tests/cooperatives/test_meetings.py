"""Meetings of members: invited in time, with a quorum, one vote each, once; minutes that two officers sign."""

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.cooperatives import MeetingClosed
from shared.testing.delivery import published
from tests.cooperatives.conftest import Office
from tests.cooperatives.world import USUAL, make_world, meeting_body


async def test_a_meeting_from_the_invitation_to_sealed_minutes(office: Office) -> None:
    world = await make_world(office)
    meeting = await world.meeting(present=7)
    accounts = await world.moved(meeting)
    surplus = await world.moved(meeting, "surplus", USUAL)
    await world.all_vote(meeting, accounts, but=2)
    for person, choice in zip(world.people[:6], ["yes", "yes", "yes", "no", "no", "abstain"], strict=True):
        await office.post(f"{meeting}/ballots", person, {"motion_id": surplus, "choice": choice}, status=201)

    closed = await world.close(meeting)

    assert closed["state"] == "closed"
    assert closed["quorum"] == {
        "numerator": 1, "denominator": 2, "is_more_than": True, "members": 10, "needed": 6, "present_at_opening": 7,
        "is_reached": True,
    }  # fmt: skip
    assert [(m["yes"], m["no"], m["abstain"], m["is_carried"]) for m in closed["motions"]] == [
        (7, 0, 0, True), (3, 2, 1, False),
    ]  # fmt: skip
    assert [signature["role"] for signature in closed["signatures"]] == ["ketua", "sekretaris"]
    (event,) = await published(office.db, MeetingClosed, cooperative_id=world.cooperative_id)
    assert (event.members, event.present, event.has_quorum, event.motions_passed, event.motions_rejected) == (
        10, 7, True, 1, 1,
    )  # fmt: skip
    assert event.minutes_sha256 == closed["minutes_sha256"]


async def test_minutes_say_everything_and_their_hash_can_be_computed_again(office: Office) -> None:
    world = await make_world(office)
    meeting = await world.meeting()
    motion = await world.moved(meeting)
    await office.post(f"{meeting}/ballots", world.people[0], {"motion_id": motion, "choice": "yes"}, status=201)
    await office.client.get(f"{meeting}/minutes", headers=world.chair.headers)
    await world.close(meeting)

    sealed = await office.get(f"{meeting}/minutes", world.people[5])

    assert hashlib.sha256(sealed["text"].encode()).hexdigest() == sealed["minutes_sha256"]
    minutes = sealed["minutes"]
    assert json.loads(sealed["text"]) == minutes
    assert (minutes["members"], minutes["present"], minutes["quorum"]["needed"]) == (10, 10, 6)
    assert minutes["invitation"]["days_required"] == 14
    assert minutes["accountability_due_on"] == "2026-06-30" and minutes["is_in_time"] is False
    assert [line["register_number"] for line in minutes["roll"]] == list(range(1, 11))
    assert minutes["motions"][0]["votes"] == [{"member_id": str(world.members[0]), "choice": "yes"}]
    assert "Anggota" not in sealed["text"]  # names stay in the register


async def test_minutes_are_printed_in_indonesian(office: Office) -> None:
    world = await make_world(office)
    meeting = await world.meeting()
    await world.moved(meeting, "surplus", USUAL)
    await office.post(f"{meeting}/close", world.chair, status=200)

    headers = world.chair.headers | {"Accept": "text/html,application/xhtml+xml"}
    page = await office.client.get(f"{meeting}/minutes", headers=headers)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for words in ("Berita Acara Rapat Anggota Tahunan", "Kuorum tercapai", "Dana cadangan", "40 %", "Anggota 3",
                  "belum ditandatangani", "melewati batas waktu"):  # fmt: skip
        assert words in page.text, words
    as_html = await office.client.get(f"{meeting}/minutes?format=html", headers=world.chair.headers)
    assert as_html.text == page.text


async def test_members_are_invited_early_enough(office: Office) -> None:
    world = await make_world(office)
    body = meeting_body() | {"invited_on": (utc_now() - timedelta(days=12)).date().isoformat()}

    answer = await office.post(f"{world.path}/meetings", world.chair, body, status=409)

    assert answer.json()["type"].endswith("invited-too-late")
    assert (await office.get(f"{world.path}/meetings", world.chair))["items"] == []


async def test_an_annual_meeting_comes_after_its_book_year(office: Office) -> None:
    world = await make_world(office)

    answer = await office.post(
        f"{world.path}/meetings", world.chair, meeting_body(year=day_of(utc_now()).year), status=409
    )

    assert answer.json()["type"].endswith("year-not-over")
    await office.post(
        f"{world.path}/meetings", world.chair, meeting_body("extraordinary", day_of(utc_now()).year), status=201
    )


async def test_without_a_quorum_it_does_not_open_and_can_still_be_closed(office: Office) -> None:
    world = await make_world(office)
    meeting = f"{world.path}/meetings/{await world.called()}"
    motion = await world.moved(meeting)
    there = [str(member) for member in world.members[:5]]
    await office.post(f"{meeting}/roll", world.secretary, {"member_ids": there}, status=200)

    answer = await office.post(f"{meeting}/open", world.chair, status=409)
    assert answer.json()["type"].endswith("no-quorum")
    assert "6 are needed" in answer.json()["detail"]
    answer = await office.post(f"{meeting}/ballots", world.chair, {"motion_id": motion, "choice": "yes"}, status=409)
    assert answer.json()["type"].endswith("wrong-meeting-state")
    closed = await world.close(meeting)

    assert closed["motions"][0]["is_carried"] is False
    (event,) = await published(office.db, MeetingClosed, cooperative_id=world.cooperative_id)
    assert (event.has_quorum, event.present, event.members) == (False, 5, 10)
    page = await office.client.get(f"{meeting}/minutes?format=html", headers=world.chair.headers)
    assert "Kuorum tidak tercapai" in page.text


@pytest.mark.parametrize(
    ("numerator", "denominator", "is_more_than", "needed"), [(1, 2, False, 5), (1, 5, False, 2), (1, 1, False, 10)]
)
async def test_the_quorum_is_what_the_articles_say(
    office: Office, numerator: int, denominator: int, is_more_than: bool, needed: int
) -> None:
    world = await make_world(office)
    rules = await office.get(f"{world.path}/meeting_rules", world.people[4])
    rules |= {"quorum_numerator": numerator, "quorum_denominator": denominator, "quorum_is_more_than": is_more_than}
    answer = await office.client.put(f"{world.path}/meeting_rules", json=rules, headers=world.chair.headers)
    assert answer.status_code == 200, answer.text

    meeting = await world.meeting(present=needed)

    assert (await office.get(meeting, world.chair))["quorum"]["needed"] == needed


async def test_only_the_chair_changes_the_rules(office: Office) -> None:
    world, other = await make_world(office), await make_world(office)
    rules = await office.get(f"{world.path}/meeting_rules", world.chair)

    for person, status in ((world.secretary, 403), (world.people[5], 404), (other.chair, 404)):
        answer = await office.client.put(
            f"{world.path}/meeting_rules", json=rules | {"invitation_days": 0}, headers=person.headers
        )
        assert answer.status_code == status

    assert await office.get(f"{world.path}/meeting_rules", world.chair) == rules
    await office.get(f"{world.path}/meeting_rules", other.chair, status=404)


async def test_members_enter_themselves_at_online_meetings_only(office: Office) -> None:
    world = await make_world(office)
    offline = f"{world.path}/meetings/{await world.called()}"
    online = f"{world.path}/meetings/{await world.called(online=True)}"

    answer = await office.post(f"{offline}/roll", world.people[5], status=409)
    assert answer.json()["type"].endswith("not-online")
    for _ in range(2):  # twice is once
        answer = await office.post(f"{online}/roll", world.people[5], status=200)
        assert answer.json() == {"present": 1}


async def test_nobody_opens_before_it_begins(office: Office) -> None:
    world = await make_world(office)
    body = meeting_body(online=True) | {"held_at": (utc_now() + timedelta(hours=3)).isoformat()}
    made = (await office.post(f"{world.path}/meetings", world.chair, body, status=201)).json()
    meeting = f"{world.path}/meetings/{made['meeting_id']}"

    for path, person in ((f"{meeting}/open", world.chair), (f"{meeting}/roll", world.people[5]),
                         (f"{meeting}/close", world.chair)):  # fmt: skip
        answer = await office.post(path, person, status=409)
        assert answer.json()["type"].endswith("meeting-not-begun")


async def test_a_vote_is_cast_once_by_those_present(office: Office) -> None:
    world = await make_world(office)
    meeting = await world.meeting(present=6)
    motion = await world.moved(meeting)
    body = {"motion_id": motion, "choice": "yes"}

    await office.post(f"{meeting}/ballots", world.people[3], body, status=201)
    again = await office.post(f"{meeting}/ballots", world.people[3], body | {"choice": "no"}, status=409)
    absent = await office.post(f"{meeting}/ballots", world.people[8], body, status=403)
    unknown = await office.post(f"{meeting}/ballots", world.people[3], body | {"motion_id": str(uuid4())}, status=404)

    assert again.json()["type"].endswith("voted-already")
    assert absent.json()["type"].endswith("not-present")
    assert unknown.status_code == 404
    seen = await office.get(meeting, world.people[3])
    assert seen["motions"][0]["votes_cast"] == 1 and seen["motions"][0]["has_voted"] is True
    assert seen["motions"][0]["yes"] is None  # nobody sees votes before they are counted
    closed = await world.close(meeting)
    assert closed["motions"][0]["yes"] == 1
    late = await office.post(f"{meeting}/ballots", world.people[4], body, status=409)
    assert late.json()["type"].endswith("wrong-meeting-state")


async def test_an_officer_writes_down_raised_hands_of_those_without_an_account_only(office: Office) -> None:
    world = await make_world(office)
    meeting = await world.meeting()
    motion = await world.moved(meeting)
    body = {"motion_id": motion, "choice": "no"}
    without, other = str(world.members[-1]), str(world.members[4])

    await office.post(f"{meeting}/ballots", world.treasurer, body | {"member_id": without}, status=201)
    twice = await office.post(f"{meeting}/ballots", world.chair, body | {"member_id": without}, status=409)
    with_account = await office.post(f"{meeting}/ballots", world.chair, body | {"member_id": other}, status=403)
    by_member = await office.post(f"{meeting}/ballots", world.people[5], body | {"member_id": without}, status=404)

    assert twice.json()["type"].endswith("voted-already")
    assert with_account.json()["type"].endswith("votes-themselves")
    assert by_member.status_code == 404
    assert (await world.close(meeting))["motions"][0]["no"] == 1


async def test_one_who_votes_many_times_at_once_votes_once(office: Office) -> None:
    world = await make_world(office)
    meeting = await world.meeting()
    motion = await world.moved(meeting)
    choices = ["yes", "no"] * 5

    answers = await asyncio.gather(
        *(office.post(f"{meeting}/ballots", world.people[3], {"motion_id": motion, "choice": c}) for c in choices)
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    closed = await world.close(meeting)
    assert closed["motions"][0]["yes"] + closed["motions"][0]["no"] == 1


async def test_who_votes_while_it_is_closed_is_counted_or_refused(office: Office) -> None:
    world = await make_world(office)
    meeting = await world.meeting()
    motion = await world.moved(meeting)

    answers = await asyncio.gather(
        *(
            office.post(f"{meeting}/ballots", person, {"motion_id": motion, "choice": "yes"})
            for person in world.people[:5]
        ),
        office.post(f"{meeting}/close", world.chair),
        *(
            office.post(f"{meeting}/ballots", person, {"motion_id": motion, "choice": "yes"})
            for person in world.people[5:]
        ),
    )

    counted = sum(answer.status_code == 201 for answer in answers)
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    minutes = (await office.get(f"{meeting}/minutes", world.chair))["minutes"]
    assert minutes["motions"][0]["yes"] == counted == len(minutes["motions"][0]["votes"])


async def test_chair_and_secretary_sign_the_same_minutes(office: Office) -> None:
    world = await make_world(office)
    meeting = await world.meeting()

    refused = await office.post(f"{meeting}/close", world.treasurer, status=403)
    first = (await office.post(f"{meeting}/close", world.secretary, status=200)).json()
    again = await office.post(f"{meeting}/close", world.secretary, status=409)
    other = await office.post(f"{meeting}/close", world.chair, {"minutes_sha256": "0" * 64}, status=409)
    sha256 = first["minutes_sha256"]
    second = (await office.post(f"{meeting}/close", world.chair, {"minutes_sha256": sha256}, status=200)).json()
    over = await office.post(f"{meeting}/close", world.chair, status=409)

    assert refused.json()["type"].endswith("not-your-task")
    assert first["state"] == "counted" and again.json()["type"].endswith("signed-already")
    assert other.json()["type"].endswith("minutes-differ")
    assert second["state"] == "closed" and second["minutes_sha256"] == sha256
    assert over.json()["type"].endswith("wrong-meeting-state")
    assert len(await published(office.db, MeetingClosed, cooperative_id=world.cooperative_id)) == 1


async def test_two_who_sign_at_once_close_it_once(office: Office) -> None:
    world = await make_world(office)
    meeting = await world.meeting()

    answers = await asyncio.gather(
        *(office.post(f"{meeting}/close", person) for person in (world.chair, world.secretary) * 3)
    )

    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409, 409, 409]
    assert len(await published(office.db, MeetingClosed, cooperative_id=world.cooperative_id)) == 1


async def test_secret_ballots_name_nobody_and_leave_no_trace_of_their_order(office: Office) -> None:
    world = await make_world(office, ballots_are_secret=True)
    meeting = await world.meeting()
    motion = await world.moved(meeting)
    for number, person in enumerate(world.people):
        choice = "yes" if number % 2 else "no"
        await office.post(f"{meeting}/ballots", person, {"motion_id": motion, "choice": choice}, status=201)
    closed = await world.close(meeting)

    assert (closed["motions"][0]["yes"], closed["motions"][0]["no"]) == (4, 5)
    sealed = await office.get(f"{meeting}/minutes", world.chair)
    assert sealed["minutes"]["motions"][0]["votes"] == []
    async with office.db.reading() as conn:
        ballots = await conn.fetch("SELECT member_id, xmin::text FROM ballots WHERE motion_id = $1", motion)
        voters = await conn.fetch("SELECT xmin::text FROM votes_cast WHERE motion_id = $1", motion)
        keys = await conn.fetchval("SELECT count(*) FROM idempotency_keys WHERE route LIKE '%/ballots'")
    assert {row["member_id"] for row in ballots} == {None}
    assert len({row["xmin"] for row in ballots}) == 1  # all written by the transaction that counted
    assert {row["xmin"] for row in ballots}.isdisjoint(row["xmin"] for row in voters)
    assert keys == 0  # a remembered request would tell what was chosen


async def test_nobody_edits_what_is_sealed(office: Office) -> None:
    world = await make_world(office)
    meeting = await world.meeting()
    await world.close(meeting)
    meeting_id = meeting.rsplit("/", 1)[1]

    for change in (
        "UPDATE meetings SET minutes = 'Semua setuju' WHERE meeting_id = $1",
        "UPDATE meetings SET minutes_sha256 = repeat('0', 64) WHERE meeting_id = $1",
        "DELETE FROM meeting_roll WHERE meeting_id = $1",
        "UPDATE minutes_signatures SET signed_at = now() WHERE meeting_id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with office.db.transaction() as conn:
                await conn.execute(change, meeting_id)


async def test_a_meeting_that_is_sent_again_is_called_once(office: Office) -> None:
    world = await make_world(office)
    body = meeting_body()

    first = await office.post(f"{world.path}/meetings", world.chair, body, key="rat-2025", status=201)
    second = await office.post(f"{world.path}/meetings", world.chair, body, key="rat-2025", status=201)

    assert first.json() == second.json()
    assert len((await office.get(f"{world.path}/meetings", world.chair))["items"]) == 1


async def test_meetings_are_listed_in_pages(office: Office) -> None:
    world = await make_world(office)
    made = {await world.called(kind="extraordinary") for _ in range(3)}

    first = await office.get(f"{world.path}/meetings?limit=2", world.people[5])
    rest = await office.get(f"{world.path}/meetings?limit=2&cursor={first['next_cursor']}", world.people[5])

    assert {item["meeting_id"] for item in first["items"] + rest["items"]} == made
    assert rest["next_cursor"] is None


async def test_whose_meeting_it_is_not_finds_none(office: Office) -> None:
    world, other = await make_world(office), await make_world(office)
    meeting = await world.meeting(online=True)
    motion = await world.moved(meeting)
    across = f"{other.path}/meetings/{meeting.rsplit('/', 1)[1]}"
    bodies: dict[str, Any] = {
        "roll": {},
        "open": {},
        "motions": {"kind": "other", "text": "Usul lain"},
        "ballots": {"motion_id": motion, "choice": "yes"},
        "close": {},
    }

    for stranger in (other.chair, other.people[5], office.person()):
        await office.post(f"{world.path}/meetings", stranger, meeting_body(), status=404)
        await office.get(f"{world.path}/meetings", stranger, status=404)
        for path in (meeting, f"{meeting}/minutes"):
            await office.get(path, stranger, status=404)
        for name, body in bodies.items():
            await office.post(f"{meeting}/{name}", stranger, body, status=404)
            await office.post(f"{across}/{name}", stranger, body, status=404)
    stranger_on_roll = {"member_ids": [str(other.members[0])]}
    await office.post(f"{meeting}/roll", world.chair, stranger_on_roll, status=404)
    await office.post(f"{meeting}/roll", other.chair, {"member_ids": [str(world.members[0])]}, status=404)

    seen = await office.get(meeting, world.chair)
    assert (seen["state"], seen["present"], len(seen["motions"]), seen["motions"][0]["votes_cast"]) == (
        "open",
        10,
        1,
        0,
    )


async def test_members_do_not_do_what_officers_do(office: Office) -> None:
    world = await make_world(office)
    meeting = await world.meeting()
    member = world.people[5]

    for path, body in (
        (f"{world.path}/meetings", meeting_body()),
        (f"{meeting}/roll", {"member_ids": [str(world.members[5])]}),
        (f"{meeting}/open", {}),
        (f"{meeting}/motions", {"kind": "other", "text": "Usul lain"}),
        (f"{meeting}/close", {}),
    ):
        await office.post(path, member, body, status=404)


async def test_a_surplus_motion_divides_all_of_it(office: Office) -> None:
    world = await make_world(office)
    meeting = await world.meeting()

    answer = await office.post(
        f"{meeting}/motions",
        world.chair,
        {"kind": "surplus", "text": "Pembagian SHU", "allocation": USUAL | {"social": 501}},
        status=422,
    )
    assert answer.json()["type"].endswith("allocation-not-whole")
    await office.post(f"{meeting}/motions", world.chair, {"kind": "surplus", "text": "Pembagian SHU"}, status=422)
