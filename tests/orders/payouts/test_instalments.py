"""Instalments: withheld from payouts by mandates, accepted and passed on, or refused and given back."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.orders.handlers import payout_handlers
from shared.clock import utc_now
from shared.contracts.financing import (
    Due,
    InstalmentRefused,
    RepaymentMandateEnded,
    RepaymentMandateSet,
    RepaymentReceived,
)
from shared.contracts.payouts import InstalmentPassedOn, InstalmentWithheld
from shared.testing.delivery import check_handler, deliver, published
from tests.orders.payouts.desk import TODAY, Desk, mandate


def repaid(said: RepaymentMandateSet, amount_minor: int, instalment_id: UUID | None = None) -> RepaymentReceived:
    """Financing counts money for the loan."""
    return RepaymentReceived(
        application_id=said.application_id,
        loan_id=said.loan_id,
        lender_id=said.lender_id,
        shop_id=said.shop_id,
        repayment_id=uuid4(),
        instalment_id=instalment_id,
        amount_minor=amount_minor,
        principal_minor=amount_minor,
        cost_minor=0,
        outstanding_minor=0,
        currency="IDR",
        received_at=utc_now(),
    )


def refused(event: InstalmentWithheld, amount_minor: int, **other: Any) -> InstalmentRefused:
    """Financing does not want this much."""
    said: dict[str, Any] = {
        "application_id": event.application_id,
        "loan_id": event.loan_id,
        "lender_id": event.lender_id,
        "shop_id": event.payee_id,
        "instalment_id": event.instalment_id,
        "mandate_id": event.mandate_id,
        "payee_id": event.payee_id,
        "amount_minor": amount_minor,
        "currency": "IDR",
        "reason": "repaid",
        "refused_at": utc_now(),
    }
    return InstalmentRefused(**(said | other))


def ended(said: RepaymentMandateSet, version: int) -> RepaymentMandateEnded:
    """Nothing more is to be withheld."""
    common = said.model_dump(include={"application_id", "loan_id", "lender_id", "shop_id", "mandate_id", "payee_id"})
    return RepaymentMandateEnded(**common, version=version, reason="repaid", ended_at=utc_now())


async def withheld(desk: Desk, said: RepaymentMandateSet, amount_minor: int = 500_000) -> InstalmentWithheld:
    """An instalment kept out of a payout of so much, which the bank has paid."""
    await desk.move(said.payee_id, amount_minor)
    await desk.settled(await desk.approve(await desk.draft()))
    return (await published(desk.db, InstalmentWithheld, mandate_id=said.mandate_id))[-1]


async def payee_with(desk: Desk, *dues_minor: int, **other: Any) -> RepaymentMandateSet:
    """A payee with a bank account whose loan has these dues."""
    payee_id = await desk.payee(1)
    said = mandate(payee_id, other.pop("lender_id", None) or await desk.lender(), *dues_minor, **other)
    await desk.hear(said)
    return said


async def test_what_is_due_is_kept_out_of_the_payout(desk: Desk) -> None:
    said = await payee_with(desk, 100_000, 100_000)

    event = await withheld(desk, said)

    assert (event.amount_minor, event.loan_id, event.lender_id) == (200_000, said.loan_id, said.lender_id)
    assert await desk.balance("clearing:financing") == 200_000
    assert await desk.balance("bank") == -300_001
    assert await desk.balance(said.payee_id) == 0
    (line,) = (await desk.get("/v1/me/payouts", desk.person(said.payee_id)))["items"]
    assert (line["balance_minor"], line["instalments_minor"], line["amount_minor"]) == (500_001, 200_000, 300_001)
    assert [one["amount_minor"] for one in line["instalments"]] == [200_000]
    assert await desk.audit() == {}


async def test_what_is_not_due_yet_is_not_kept(desk: Desk) -> None:
    said = await payee_with(desk, 100_000)
    later = Due(number=2, due_on=TODAY + timedelta(days=1), amount_minor=900_000)
    await desk.hear(said.model_copy(update={"version": 2, "dues": (*said.dues, later)}))

    event = await withheld(desk, said)

    assert event.amount_minor == 100_000


async def test_at_most_the_share_is_kept_and_the_rest_next_time(desk: Desk) -> None:
    said = await payee_with(desk, 400_000, share_basis_points_max=3_000)

    first = await withheld(desk, said, 999_999)
    second = await withheld(desk, said, 1_000_000)

    assert (first.amount_minor, second.amount_minor) == (300_000, 100_000)


async def test_debts_come_before_instalments(desk: Desk) -> None:
    said = await payee_with(desk, 400_000, share_basis_points_max=5_000)
    await desk.move(said.payee_id, -300_001)

    event = await withheld(desk, said, 500_000)

    assert event.amount_minor == 100_000


async def test_a_payout_that_is_withheld_wholly_sends_nothing_to_the_bank(desk: Desk) -> None:
    said = await payee_with(desk, 900_000)
    await desk.move(said.payee_id, 99_999)

    batch = await desk.approve(await desk.draft())

    (line,) = batch["payouts"]
    assert (line["status"], line["instalments_minor"], line["amount_minor"]) == ("withheld", 100_000, 0)
    assert (batch["batch"]["status"], batch["batch"]["file_lines"]) == ("closed", 0)
    assert await desk.balance("clearing:financing") == 100_000
    assert await desk.audit() == {}


async def test_two_loans_share_a_payout_the_oldest_first(desk: Desk) -> None:
    old = await payee_with(desk, 100_000, 100_000, share_basis_points_max=6_000)
    young = mandate(old.payee_id, await desk.lender(), 300_000, share_basis_points_max=6_000)
    await desk.hear(young)
    await desk.move(old.payee_id, 299_999)

    batch = await desk.approve(await desk.draft())

    kept = {one["loan_id"]: one["amount_minor"] for one in batch["payouts"][0]["instalments"]}
    assert kept == {str(old.loan_id): 180_000, str(young.loan_id): 120_000}


async def test_what_was_withheld_or_repaid_elsewhere_is_not_kept_again(desk: Desk) -> None:
    said = await payee_with(desk, 300_000)
    await desk.hear(repaid(said, 120_000))

    event = await withheld(desk, said, 100_000)
    rest = await withheld(desk, said, 500_000)

    assert (event.amount_minor, rest.amount_minor) == (100_001, 79_999)
    assert len(await published(desk.db, InstalmentWithheld)) == 2
    await desk.move(said.payee_id, 50_000)
    await desk.approve(await desk.draft())
    assert len(await published(desk.db, InstalmentWithheld)) == 2


async def test_a_repayment_elsewhere_may_come_before_its_mandate(desk: Desk) -> None:
    payee_id = await desk.payee(500_000)
    said = mandate(payee_id, await desk.lender(), 300_000)
    await desk.hear(repaid(said, 250_000))
    await desk.hear(said)

    await desk.approve(await desk.draft())

    (event,) = await published(desk.db, InstalmentWithheld)
    assert event.amount_minor == 50_000


async def test_a_mandate_for_a_payee_nobody_knows_waits_for_the_first_payout(desk: Desk) -> None:
    said = mandate(uuid4(), await desk.lender(), 60_000)
    await check_handler(desk.db, payout_handlers, said)

    await desk.set_account("/v1/me/bank-account", desk.person(said.payee_id), "1234567801")
    event = await withheld(desk, said)

    assert event.amount_minor == 60_000


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (3, 2, 1), (2, 3, 1)])
async def test_the_highest_version_counts_whatever_comes_first(desk: Desk, order: tuple[int, ...]) -> None:
    said = await payee_with(desk, 100_000, version=1)
    versions = {
        1: said,
        2: said.model_copy(update={"version": 2, "dues": mandate(said.payee_id, said.lender_id, 70_000).dues}),
        3: ended(said, 3),
    }
    for version in order:
        await desk.hear(versions[version])
    await desk.move(said.payee_id, 500_000)

    await desk.approve(await desk.draft())

    assert await published(desk.db, InstalmentWithheld) == []


async def test_an_end_that_comes_before_its_mandate_stands(desk: Desk) -> None:
    payee_id = await desk.payee(500_000)
    said = mandate(payee_id, await desk.lender(), 100_000)
    await check_handler(desk.db, payout_handlers, ended(said, 2))
    await desk.hear(said)

    await desk.approve(await desk.draft())

    assert await published(desk.db, InstalmentWithheld) == []


async def test_an_accepted_instalment_is_passed_on_with_the_next_batch(desk: Desk) -> None:
    said = await payee_with(desk, 200_000)
    event = await withheld(desk, said)
    await check_handler(desk.db, payout_handlers, repaid(said, 200_000, event.instalment_id))

    batch = await desk.approve(await desk.draft())

    (remittance,) = batch["remittances"]
    assert (remittance["lender_id"], remittance["amount_minor"]) == (str(said.lender_id), 200_000)
    assert b"REMITTANCE" in await desk.file(batch)
    assert await desk.balance("clearing:financing") == 0
    assert await desk.balance("payouts:in_transit") == 200_000
    assert await published(desk.db, InstalmentPassedOn) == []
    await desk.settled(batch)
    (passed_on,) = await published(desk.db, InstalmentPassedOn)
    assert (passed_on.instalment_id, passed_on.amount_minor) == (event.instalment_id, 200_000)
    assert await desk.balance("payouts:in_transit") == 0
    assert await desk.audit() == {}


async def test_who_set_a_lenders_account_does_not_let_it_be_paid(desk: Desk) -> None:
    said = await payee_with(desk, 200_000)
    event = await withheld(desk, said)
    await desk.hear(repaid(said, 200_000, event.instalment_id))
    path = f"/v1/lenders/{said.lender_id}/bank-account"
    await desk.set_account(path, desk.approver, "6660000001")
    await desk.corrupt("UPDATE bank_accounts SET held_until = now() WHERE holder_id = $1", said.lender_id)

    by_the_same = await desk.approve(await desk.draft())
    draft = await desk.draft()
    officer = desk.person(roles=["finance"])
    by_another = await desk.post(f"/v1/payouts/{draft['batch']['batch_id']}/approve", officer)

    assert by_the_same["remittances"] == []
    assert [one["amount_minor"] for one in by_another.json()["remittances"]] == [200_000]
    assert await desk.audit() == {}


async def test_one_line_per_lender_and_none_without_an_account(desk: Desk) -> None:
    lender_id, homeless = await desk.lender(), await desk.lender(None)
    mandates = [await payee_with(desk, 50_000, lender_id=one) for one in (lender_id, lender_id, homeless)]
    loans = {said.loan_id: said for said in mandates}
    for said in loans.values():
        await desk.move(said.payee_id, 500_000)
    await desk.settled(await desk.approve(await desk.draft()))
    for event in await published(desk.db, InstalmentWithheld):
        await desk.hear(repaid(loans[event.loan_id], 50_000, event.instalment_id))
    await desk.payee(70_000)

    batch = await desk.approve(await desk.draft())

    assert [(one["lender_id"], one["amount_minor"]) for one in batch["remittances"]] == [(str(lender_id), 100_000)]
    waiting = [(one["lender_id"], one["amount_minor"], one["has_bank_account"]) for one in batch["waiting_remittances"]]
    assert waiting == [(str(homeless), 50_000, False)]
    assert await desk.audit() == {}


async def test_a_returned_remittance_is_tried_again(desk: Desk) -> None:
    said = await payee_with(desk, 200_000)
    event = await withheld(desk, said)
    await desk.hear(repaid(said, 200_000, event.instalment_id))
    batch = await desk.approve(await desk.draft())
    line = batch["remittances"][0]["remittance_id"]

    await desk.answer(batch, await desk.answer_file(batch, {line: "account_unknown"}))

    assert await desk.balance("clearing:financing") == 200_000
    assert await published(desk.db, InstalmentPassedOn) == []
    assert await desk.audit() == {}
    again = await desk.approve(await desk.draft())
    assert again["remittances"][0]["amount_minor"] == 200_000
    await desk.settled(again)
    assert len(await published(desk.db, InstalmentPassedOn)) == 1
    assert await desk.audit() == {}


async def test_a_refused_instalment_is_the_payees_again(desk: Desk) -> None:
    said = await payee_with(desk, 200_000)
    event = await withheld(desk, said)

    await check_handler(desk.db, payout_handlers, refused(event, 200_000))

    assert await desk.balance(said.payee_id) == 200_000
    assert await desk.balance("clearing:financing") == 0
    assert await desk.audit() == {}


async def test_an_instalment_may_be_accepted_in_part_and_the_rest_refused(desk: Desk) -> None:
    said = await payee_with(desk, 200_000)
    event = await withheld(desk, said)
    await desk.hear(refused(event, 80_000))
    early = await desk.post("/v1/payouts", desk.drafter, {"up_to_date": TODAY.isoformat()})
    await desk.post(f"/v1/payouts/{early.json()['batch']['batch_id']}/cancel", desk.drafter)
    await desk.hear(repaid(said, 120_000, event.instalment_id), ended(said, 2))

    batch = await desk.approve(await desk.draft())

    assert early.json()["waiting_remittances"] == []
    assert [one["amount_minor"] for one in batch["remittances"]] == [120_000]
    assert [one["amount_minor"] for one in batch["payouts"]] == [80_000]
    assert await desk.audit() == {}


async def test_what_cannot_be_is_a_dead_letter_and_moves_nothing(desk: Desk) -> None:
    said = await payee_with(desk, 200_000)
    event = await withheld(desk, said)
    other = await payee_with(desk, 5)
    await desk.hear(refused(event, 50_000))

    await deliver(
        desk.db,
        payout_handlers,
        repaid(other, 5, uuid4()),
        repaid(other, 200_000, event.instalment_id),
        repaid(said, 150_001, event.instalment_id),
        refused(event, 60_000, application_id=uuid4()),
        refused(event, 60_000, payee_id=uuid4(), application_id=uuid4()),
    )

    assert await desk.balance("clearing:financing") == 150_000
    async with desk.db.reading() as conn:
        dead = await conn.fetchval("SELECT count(*) FROM dead_letters WHERE NOT coalesce(reason LIKE 'behind%', false)")
    assert dead == 5


async def test_a_refund_after_an_instalment_takes_nothing_back_from_the_lender(desk: Desk) -> None:
    said = await payee_with(desk, 200_000)
    event = await withheld(desk, said)
    await desk.hear(repaid(said, 200_000, event.instalment_id))

    await desk.move(said.payee_id, -500_000)

    batch = await desk.approve(await desk.draft())
    assert [one["amount_minor"] for one in batch["remittances"]] == [200_000]
    assert await desk.balance(said.payee_id) == -500_000


async def test_a_returned_payout_leaves_the_instalment_withheld(desk: Desk) -> None:
    said = await payee_with(desk, 200_000)
    await desk.move(said.payee_id, 499_999)
    batch = await desk.approve(await desk.draft())
    line = batch["payouts"][0]["payout_id"]

    await desk.answer(batch, await desk.answer_file(batch, {line: "name_differs"}))

    assert await desk.balance(said.payee_id) == 300_000
    assert await desk.balance("clearing:financing") == 200_000
    again = await desk.approve(await desk.draft())
    assert [(one["amount_minor"], one["instalments"]) for one in again["payouts"]] == [(300_000, [])]
    assert await desk.audit() == {}
