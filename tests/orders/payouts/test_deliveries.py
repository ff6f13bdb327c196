"""Payout files on their way to a real bank process, and its answers: repeated, late, refused, killed in between."""

import httpx2

from services.orders.deliveries import bank_purposes
from services.orders.upstream import Bank
from shared.calls_out import CallsOut, hanging
from shared.contracts.payouts import PayoutPaid, PayoutReturned
from shared.testing.delivery import published
from shared.testing.waiting import eventually
from tests.orders.payouts.conftest import SECRET, TOKEN
from tests.orders.payouts.desk import Desk, answer_file
from tests.sandbox.processes import Sandbox, free_port


async def is_closed(desk: Desk, batch_id: str) -> bool:
    """Whether the bank has answered every line; makes the calls that are due."""
    await desk.make_calls()
    return bool((await desk.get(f"/v1/payouts/{batch_id}"))["batch"]["status"] == "closed")


async def until_closed(desk: Desk, batch_id: str) -> None:
    """The bank answers everything."""
    await eventually(lambda: is_closed(desk, batch_id), what="the bank's answer")


async def test_the_bank_is_told_and_answers(sending_desk: Desk) -> None:
    desk = sending_desk
    lucky, closed = await desk.payee(100_000), await desk.payee(200_000, account_number="1234567899")
    batch = await desk.approve(await desk.draft())
    batch_id = batch["batch"]["batch_id"]

    await until_closed(desk, batch_id)

    (paid,) = await published(desk.db, PayoutPaid)
    (returned,) = await published(desk.db, PayoutReturned)
    assert (paid.payee_id, returned.payee_id, returned.reason) == (lucky, closed, "account_closed")
    assert await desk.balance(closed) == 200_000
    shown = await desk.get(f"/v1/payouts/{batch_id}")
    assert shown["batch"]["submitted_at"] is not None
    assert shown["batch"]["trouble"] is None
    assert await desk.audit() == {}


async def test_lines_that_settle_later_are_asked_for_again(sending_desk: Desk) -> None:
    desk = sending_desk
    await desk.payee(100_000)
    late = await desk.payee(200_000, account_number="1234567895")
    batch = await desk.approve(await desk.draft())

    await until_closed(desk, batch["batch"]["batch_id"])

    shown = await desk.get(f"/v1/payouts/{batch['batch']['batch_id']}")
    assert [one["verdict"] for one in shown["answers"]].count("applied") == 2
    assert late in {event.payee_id for event in await published(desk.db, PayoutPaid)}


async def test_killed_after_the_bank_took_the_file_it_is_handed_in_again_and_paid_once(
    sending_desk: Desk, bank: Sandbox
) -> None:
    desk = sending_desk
    await desk.payee(100_000)
    batch = await desk.approve(await desk.draft())
    batch_id = batch["batch"]["batch_id"]
    async with httpx2.AsyncClient(trust_env=False) as http:
        await Bank(bank.url, TOKEN, SECRET, http).hand_in(batch_id, await desk.file(batch))
    bank.kill()
    bank.start()

    await until_closed(desk, batch_id)

    assert await desk.balance("bank") == -100_000
    assert len(await published(desk.db, PayoutPaid)) == 1


async def test_while_the_bank_is_away_the_file_waits(sending_desk: Desk) -> None:
    desk = sending_desk
    await desk.payee(100_000)
    batch = await desk.approve(await desk.draft())
    async with httpx2.AsyncClient(trust_env=False) as http:
        away = Bank(f"http://127.0.0.1:{free_port()}", TOKEN, SECRET, http)
        await CallsOut(desk.db, bank_purposes(desk.db, away)).step()

    async with desk.db.reading() as conn:
        (call,) = await hanging(conn)
    assert "did not answer" in call["last_error"]
    assert await desk.balance("payouts:in_transit") == 100_000
    await until_closed(desk, batch["batch"]["batch_id"])
    assert await desk.balance("bank") == -100_000


async def test_an_answer_by_hand_makes_the_call_unneeded(sending_desk: Desk) -> None:
    desk = sending_desk
    await desk.payee(100_000)
    batch = await desk.approve(await desk.draft())

    await desk.settled(batch)
    while await desk.make_calls():
        continue

    shown = await desk.get(f"/v1/payouts/{batch['batch']['batch_id']}")
    assert (shown["batch"]["status"], shown["batch"]["submitted_at"]) == ("closed", None)
    assert await desk.balance("bank") == -100_000


async def test_a_bank_that_contradicts_a_hand_is_refused_and_shown(sending_desk: Desk) -> None:
    desk = sending_desk
    payee, late = await desk.payee(100_000), await desk.payee(200_000, account_number="1234567895")
    batch = await desk.approve(await desk.draft())
    batch_id = batch["batch"]["batch_id"]
    lines = {line["payee_id"]: line["payout_id"] for line in batch["payouts"]}
    wrong = answer_file(batch_id, [(lines[str(payee)], 100_000)], {lines[str(payee)]: "other"})
    await desk.answer(batch, wrong)

    async def is_in_trouble() -> bool:
        await desk.make_calls()
        return bool((await desk.get(f"/v1/payouts/{batch_id}"))["batch"]["trouble"])

    await eventually(is_in_trouble, what="the refused answer")

    shown = await desk.get(f"/v1/payouts/{batch_id}")
    assert "was returned before" in shown["batch"]["trouble"]
    assert await desk.balance(payee) == 100_000
    assert await desk.balance("payouts:in_transit") == 200_000
    assert late not in {event.payee_id for event in await published(desk.db, PayoutPaid)}


async def test_a_bank_with_another_secret_is_not_believed(sending_desk: Desk, bank: Sandbox) -> None:
    desk = sending_desk
    await desk.payee(100_000)
    await desk.approve(await desk.draft())
    async with httpx2.AsyncClient(trust_env=False) as http:
        stranger = Bank(bank.url, TOKEN, "another secret", http)
        await CallsOut(desk.db, bank_purposes(desk.db, stranger)).step()

    async with desk.db.reading() as conn:
        (call,) = await hanging(conn)
    assert "401" in call["last_error"]
    assert await desk.balance("payouts:in_transit") == 100_000
