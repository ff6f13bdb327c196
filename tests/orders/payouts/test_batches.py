"""Payouts over HTTP: drafted, approved by another person, sent, answered; and what must never happen."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.orders.sweeper import Sweeper
from services.orders.use_cases import draft_payouts
from services.orders.use_cases.draft_payouts import draft_by_the_clock
from shared.calendar import WIB
from shared.clock import utc_now
from shared.contracts.payouts import PayoutPaid, PayoutReturned, PayoutScheduled
from shared.testing.delivery import published
from tests.orders.payouts.desk import TODAY, Desk, answer_file


async def test_a_draft_holds_who_has_enough_and_says_why_others_stay_out(desk: Desk) -> None:
    rich = await desk.payee(500_000)
    poor = await desk.payee(9_999)
    homeless = await desk.payee(70_000, account_number=None)
    debtor = await desk.payee(-20_000)

    batch = await desk.draft()

    lines = {UUID(line["payee_id"]): line for line in batch["payouts"]}
    assert set(lines) == {rich, homeless}
    assert not {poor, debtor} & set(lines)
    assert (lines[rich]["status"], lines[rich]["draft_minor"]) == ("draft", 500_000)
    assert (lines[homeless]["status"], lines[homeless]["left_out_reason"]) == ("left_out", "no_bank_account")
    assert await desk.balance(rich) == 500_000


async def test_the_person_who_drafted_may_not_approve(desk: Desk) -> None:
    payee = await desk.payee(500_000)
    batch = await desk.draft()
    path = f"/v1/payouts/{batch['batch']['batch_id']}/approve"

    refused = await desk.post(path, desk.drafter)
    without_a_role = await desk.post(path, desk.person())

    assert (refused.status_code, refused.json()["type"]) == (403, "urn:lumbung:problem:second-person-needed")
    assert without_a_role.status_code == 404
    assert await desk.balance(payee) == 500_000
    assert await published(desk.db, PayoutScheduled) == []
    assert (await desk.get(f"/v1/payouts/{batch['batch']['batch_id']}"))["batch"]["status"] == "draft"


async def test_approved_money_is_on_its_way_and_published(desk: Desk) -> None:
    payee = await desk.payee(500_000)

    batch = await desk.approve(await desk.draft())

    (line,) = batch["payouts"]
    assert (line["status"], line["balance_minor"], line["amount_minor"]) == ("scheduled", 500_000, 500_000)
    assert await desk.balance(payee) == 0
    assert await desk.balance("payouts:in_transit") == 500_000
    (event,) = await published(desk.db, PayoutScheduled, payee_id=payee)
    assert (event.amount_minor, event.balance_minor, str(event.payout_id)) == (500_000, 500_000, line["payout_id"])
    assert await desk.audit() == {}


async def test_a_refund_after_the_draft_is_netted_at_the_approval(desk: Desk) -> None:
    some, all_of_it = await desk.payee(500_000), await desk.payee(300_000)
    batch = await desk.draft()
    await desk.move(some, -120_000)
    await desk.move(all_of_it, -310_000)

    batch = await desk.approve(batch)

    lines = {UUID(line["payee_id"]): line for line in batch["payouts"]}
    assert lines[some]["amount_minor"] == 380_000
    assert lines[all_of_it]["left_out_reason"] == "below_minimum"
    assert await desk.balance(all_of_it) == -10_000
    await desk.settled(batch)
    await desk.move(all_of_it, 100_000)
    again = await desk.approve(await desk.draft())
    assert [line["amount_minor"] for line in again["payouts"]] == [90_000]


async def test_what_came_in_after_the_day_waits_and_what_went_out_does_not(desk: Desk) -> None:
    late_yesterday = datetime.combine(TODAY, datetime.min.time(), WIB) - timedelta(seconds=1)
    payee = await desk.payee(100_000, at=late_yesterday)
    await desk.move(payee, 40_000, at=late_yesterday + timedelta(seconds=1))
    await desk.move(payee, -30_000)

    batch = await desk.approve(await desk.draft(TODAY - timedelta(days=1)))

    assert [line["amount_minor"] for line in batch["payouts"]] == [70_000]
    assert await desk.balance(payee) == 40_000


async def test_a_day_that_has_not_come_is_refused(desk: Desk) -> None:
    await desk.payee(100_000)

    answer = await desk.post("/v1/payouts", desk.drafter, {"up_to_date": (TODAY + timedelta(days=1)).isoformat()})

    assert answer.status_code == 422


async def test_with_nobody_to_pay_there_is_no_batch(desk: Desk) -> None:
    await desk.payee(500)

    answer = await desk.post("/v1/payouts", desk.drafter, {"up_to_date": TODAY.isoformat()})

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:lumbung:problem:nothing-to-pay")
    assert (await desk.get("/v1/payouts"))["items"] == []


async def test_the_same_key_is_the_same_batch(desk: Desk) -> None:
    await desk.payee(100_000)
    body = {"up_to_date": TODAY.isoformat()}

    first = await desk.post("/v1/payouts", desk.drafter, body, key="batch 1")
    again = await desk.post("/v1/payouts", desk.drafter, body, key="batch 1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert len((await desk.get("/v1/payouts"))["items"]) == 1


async def test_a_cancelled_draft_frees_its_payees(desk: Desk) -> None:
    await desk.payee(100_000)
    batch = await desk.draft()
    refused = await desk.post("/v1/payouts", desk.drafter, {"up_to_date": TODAY.isoformat()})
    path = f"/v1/payouts/{batch['batch']['batch_id']}"

    cancelled = await desk.post(f"{path}/cancel", desk.drafter)
    again = await desk.draft()

    assert refused.status_code == 409
    assert cancelled.json()["batch"]["status"] == "cancelled"
    assert [line["draft_minor"] for line in again["payouts"]] == [100_000]
    assert (await desk.post(f"{path}/approve", desk.approver)).status_code == 409


async def test_the_bank_file_is_the_same_bytes_every_time(desk: Desk) -> None:
    await desk.payee(100_000, account_number="1234567801")
    await desk.payee(200_000, account_number="1234567802")
    draft = await desk.draft()
    path = f"/v1/payouts/{draft['batch']['batch_id']}/bank-file"
    early = await desk.client.get(path, headers=desk.approver.headers)
    batch = await desk.approve(draft)

    first, again = await desk.file(batch), await desk.file(batch)

    assert early.status_code == 409
    assert first == again
    head, *lines, trailer = first.decode().split("\r\n")[:-1]
    assert head == f"H,1,LUMBUNG,{batch['batch']['batch_id']},{TODAY:%Y%m%d},IDR"
    assert sorted(line.split(",")[5] for line in lines) == ["1234567801", "1234567802"]
    assert all(line.split(",")[3:5] == ["PAYOUT", "002"] for line in lines)
    assert trailer.split(",")[:3] == ["T", "2", "300000"]
    assert (batch["batch"]["file_lines"], batch["batch"]["file_total_minor"]) == (2, 300_000)


async def test_paid_is_out_of_the_house_and_returned_is_paid_next_time(desk: Desk) -> None:
    lucky, unlucky = await desk.payee(100_000), await desk.payee(200_000)
    batch = await desk.approve(await desk.draft())
    by_payee = {UUID(line["payee_id"]): line["payout_id"] for line in batch["payouts"]}

    answer = await desk.answer(batch, await desk.answer_file(batch, {by_payee[unlucky]: "account_closed"}))

    assert answer.json() == {"verdict": "applied", "paid": 1, "returned": 1}
    assert await desk.balance("payouts:in_transit") == 0
    assert await desk.balance("bank") == -100_000
    assert (await desk.balance(lucky), await desk.balance(unlucky)) == (0, 200_000)
    (paid,) = await published(desk.db, PayoutPaid)
    (returned,) = await published(desk.db, PayoutReturned)
    assert (paid.payee_id, returned.payee_id, returned.reason) == (lucky, unlucky, "account_closed")
    shown = await desk.get(f"/v1/payouts/{batch['batch']['batch_id']}")
    assert shown["batch"]["status"] == "closed"
    again = await desk.approve(await desk.draft())
    assert [(line["payee_id"], line["amount_minor"]) for line in again["payouts"]] == [(str(unlucky), 200_000)]
    assert await desk.audit() == {}


async def test_the_same_answer_again_does_nothing(desk: Desk) -> None:
    await desk.payee(100_000)
    batch = await desk.approve(await desk.draft())
    raw = await desk.answer_file(batch)

    first, again = await desk.answer(batch, raw), await desk.answer(batch, raw)

    assert (first.json()["verdict"], again.json()["verdict"]) == ("applied", "repeated")
    assert await desk.balance("bank") == -100_000
    assert len(await published(desk.db, PayoutPaid)) == 1


async def test_an_answer_that_contradicts_is_refused_whole_and_shown(desk: Desk) -> None:
    first, second = await desk.payee(100_000), await desk.payee(200_000)
    batch = await desk.approve(await desk.draft())
    lines = {UUID(line["payee_id"]): line["payout_id"] for line in batch["payouts"]}
    batch_id = batch["batch"]["batch_id"]
    await desk.answer(batch, answer_file(batch_id, [(lines[first], 100_000)]))

    changed_mind = answer_file(batch_id, [(lines[second], 200_000), (lines[first], 100_000)], {lines[first]: "other"})
    other_amount = answer_file(batch_id, [(lines[second], 199_999)])
    unknown = answer_file(batch_id, [(str(uuid4()), 5)])
    other_batch = answer_file(str(uuid4()), [(lines[second], 200_000)])
    answers = [await desk.answer(batch, raw) for raw in (changed_mind, other_amount, unknown, other_batch)]

    assert [answer.status_code for answer in answers] == [409] * 4
    assert await desk.balance("payouts:in_transit") == 200_000
    assert await published(desk.db, PayoutReturned) == []
    shown = await desk.get(f"/v1/payouts/{batch_id}")
    assert "refused" in shown["batch"]["trouble"]
    assert sorted(one["verdict"] for one in shown["answers"]) == ["applied", "refused", "refused", "refused", "refused"]
    assert "the_bank_does_not_contradict_itself" in await desk.audit()


async def test_an_answer_from_the_future_is_refused(desk: Desk) -> None:
    """Money returned in a year to come would be in no batch until then."""
    payee = await desk.payee(100_000)
    batch = await desk.approve(await desk.draft())
    line_id, batch_id = batch["payouts"][0]["payout_id"], batch["batch"]["batch_id"]
    later = utc_now() + timedelta(days=400)

    answer = await desk.answer(batch, answer_file(batch_id, [(line_id, 100_000)], {line_id: "other"}, at=later))

    assert answer.status_code == 409
    assert (await desk.balance("payouts:in_transit"), await desk.balance(payee)) == (100_000, 0)


async def test_a_file_that_its_trailer_does_not_prove_is_not_believed(desk: Desk) -> None:
    await desk.payee(100_000)
    batch = await desk.approve(await desk.draft())
    raw = await desk.answer_file(batch)

    answers = [
        await desk.answer(batch, bad) for bad in (b"", raw[:-3], raw.replace(b"100000", b"100001", 1), raw + raw)
    ]

    assert [answer.status_code for answer in answers] == [422] * 4
    assert await desk.balance("payouts:in_transit") == 100_000


async def test_an_answer_to_a_draft_is_refused(desk: Desk) -> None:
    await desk.payee(100_000)
    batch = await desk.draft()

    answer = await desk.answer(batch, answer_file(batch["batch"]["batch_id"], []))

    assert answer.status_code == 409


async def test_of_two_who_draft_at_once_each_payee_is_in_one_batch(desk: Desk) -> None:
    payees = {str(await desk.payee(100_000)) for _ in range(12)}
    body = {"up_to_date": TODAY.isoformat()}

    answers = await asyncio.gather(*(desk.post("/v1/payouts", desk.drafter, body) for _ in range(6)))

    made = [answer.json() for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 409}
    drafted = [line["payee_id"] for batch in made for line in batch["payouts"] if line["status"] == "draft"]
    assert sorted(drafted) == sorted(payees)


async def test_of_many_approvals_at_once_one_counts(desk: Desk) -> None:
    payee = await desk.payee(100_000)
    batch = await desk.draft()
    officers = [desk.person(roles=["finance"]) for _ in range(6)]
    path = f"/v1/payouts/{batch['batch']['batch_id']}/approve"

    answers = await asyncio.gather(*(desk.post(path, officer) for officer in officers))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert await desk.balance(payee) == 0
    assert await desk.balance("payouts:in_transit") == 100_000
    assert len(await published(desk.db, PayoutScheduled)) == 1


async def test_a_refund_in_the_moment_of_the_approval_is_before_it_or_after_it(desk: Desk) -> None:
    payees = [await desk.payee(100_000) for _ in range(10)]
    batch = await desk.draft()

    approved, *_ = await asyncio.gather(desk.approve(batch), *(desk.move(payee, -40_000) for payee in payees))

    amounts = {UUID(line["payee_id"]): line["amount_minor"] for line in approved["payouts"]}
    assert set(amounts.values()) <= {60_000, 100_000}
    for payee in payees:
        assert await desk.balance(payee) == 60_000 - amounts[payee]
    assert await desk.balance("payouts:in_transit") == sum(amounts.values())
    assert await desk.audit() == {}


async def test_one_answer_by_the_bank_and_one_by_hand_at_once_count_once(desk: Desk) -> None:
    await desk.payee(100_000)
    batch = await desk.approve(await desk.draft())
    raw = await desk.answer_file(batch)

    answers = await asyncio.gather(*(desk.answer(batch, raw) for _ in range(6)))

    assert sorted(answer.json()["verdict"] for answer in answers) == ["applied"] + ["repeated"] * 5
    assert await desk.balance("bank") == -100_000


async def test_the_clock_drafts_once_per_interval_and_one_officer_approves(desk: Desk) -> None:
    payee = await desk.payee(100_000, at=utc_now() - timedelta(days=2))

    async def tick(now: datetime) -> UUID | None:
        async with desk.db.transaction() as conn:
            return await draft_by_the_clock(conn, interval_seconds=3600, now=now)

    drafted, too_early = await tick(utc_now()), await tick(utc_now())

    assert drafted is not None
    assert too_early is None
    batch = await desk.get(f"/v1/payouts/{drafted}")
    assert (batch["batch"]["created_by"], batch["batch"]["up_to_date"]) == (None, str(TODAY - timedelta(days=1)))
    await desk.approve(batch)
    assert await desk.balance(payee) == 0


async def test_who_finds_no_place_in_a_batch_of_the_clock_is_in_the_next_round(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_payouts, "LINES_MAX", 2)
    long_ago = utc_now() - timedelta(days=2)
    payees = {await desk.payee(100_000, at=long_ago) for _ in range(5)}
    homeless = {await desk.payee(100_000, at=long_ago, account_number=None) for _ in range(3)}
    desk.db.settings = desk.db.settings.model_copy(update={"payout_interval_seconds": 86_400.0})
    sweeper = Sweeper(desk.db, seconds=1)

    for _ in range(6):
        await sweeper.sweep_slowly()

    drafts = (await desk.get("/v1/payouts?status=draft"))["items"]
    batches = [await desk.get(f"/v1/payouts/{one['batch_id']}") for one in drafts]
    lines = [line for batch in batches for line in batch["payouts"]]
    assert len(batches) == 3
    assert sorted(line["payee_id"] for line in lines if line["status"] == "draft") == sorted(map(str, payees))
    assert {line["payee_id"] for line in lines if line["status"] == "left_out"} <= set(map(str, homeless))


async def test_a_full_batch_of_the_clock_that_was_given_up_is_not_drafted_again_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_payouts, "LINES_MAX", 1)
    await desk.payee(100_000, at=utc_now() - timedelta(days=2))
    desk.db.settings = desk.db.settings.model_copy(update={"payout_interval_seconds": 86_400.0})
    sweeper = Sweeper(desk.db, seconds=1)
    await sweeper.sweep_slowly()
    (batch,) = (await desk.get("/v1/payouts"))["items"]
    await desk.post(f"/v1/payouts/{batch['batch_id']}/cancel", desk.approver)

    await sweeper.sweep_slowly()

    assert [one["status"] for one in (await desk.get("/v1/payouts"))["items"]] == ["cancelled"]


async def test_payees_whose_bank_account_is_fresh_leave_nobody_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft_payouts, "LINES_MAX", 2)
    first, second, third = sorted([await desk.payee(100_000) for _ in range(3)])
    await desk.corrupt(
        "UPDATE bank_accounts SET held_until = now() + interval '1 day' WHERE holder_id = ANY($1)", [first, second]
    )

    batch = await desk.draft()

    assert {line["payee_id"] for line in batch["payouts"] if line["status"] == "draft"} == {str(third)}


async def test_the_sweeper_drafts_when_it_is_told_how_often(desk: Desk) -> None:
    await desk.payee(100_000, at=utc_now() - timedelta(days=2))
    sweeper = Sweeper(desk.db, seconds=1)
    await sweeper.sweep_slowly()
    before = await desk.get("/v1/payouts")
    desk.db.settings = desk.db.settings.model_copy(update={"payout_interval_seconds": 3600.0})

    await sweeper.sweep_slowly()
    await sweeper.sweep_slowly()

    assert before["items"] == []
    assert [one["status"] for one in (await desk.get("/v1/payouts?status=draft"))["items"]] == ["draft"]


async def test_a_batch_does_not_exist_for_others(desk: Desk) -> None:
    await desk.payee(100_000)
    batch = await desk.approve(await desk.draft())
    path = f"/v1/payouts/{batch['batch']['batch_id']}"
    shop_id, owner = await desk.shop()
    stranger = desk.person(roles=["government:18"])

    for person in (owner, stranger):
        for read in (path, f"{path}/bank-file"):
            assert (await desk.client.get(read, headers=person.headers)).status_code == 404
        for write in ("approve", "cancel"):
            assert (await desk.post(f"{path}/{write}", person)).status_code == 404
        assert (await desk.answer(batch, await desk.answer_file(batch), person)).status_code == 404
        assert (await desk.client.get("/v1/payouts", headers=person.headers)).status_code == 403
        assert (await desk.post("/v1/payouts", person, {"up_to_date": TODAY.isoformat()})).status_code == 403
    missing = await desk.client.get(f"/v1/payouts/{uuid4()}", headers=desk.approver.headers)
    assert missing.status_code == 404
    assert (await desk.client.get(f"/v1/shops/{shop_id}/payouts", headers=stranger.headers)).status_code == 404


async def test_a_shop_sees_its_own_payouts_newest_first(desk: Desk) -> None:
    packer = desk.person()
    shop_id, owner = await desk.shop(packer=packer)
    await desk.set_account(f"/v1/shops/{shop_id}/bank-account", owner, "1234567801")
    for amount_minor in (100_000, 200_000, 300_000):
        await desk.move(shop_id, amount_minor)
        await desk.settled(await desk.approve(await desk.draft()))
    await desk.move(shop_id, 400_000)
    await desk.draft()

    page = await desk.get(f"/v1/shops/{shop_id}/payouts?limit=2", owner)
    rest = await desk.get(f"/v1/shops/{shop_id}/payouts?limit=2&cursor={page['next_cursor']}", owner)

    assert [one["amount_minor"] for one in page["items"] + rest["items"]] == [300_000, 200_000, 100_000]
    assert {one["status"] for one in page["items"]} == {"paid"}
    assert rest["next_cursor"] is None
    refused = await desk.client.get(f"/v1/shops/{shop_id}/payouts", headers=packer.headers)
    assert refused.status_code == 403
