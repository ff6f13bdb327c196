"""Loans: paid out once, repaid to the rupiah, ended early, graded by the day."""

import asyncio
from collections import Counter
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.financing import CollectabilityChanged, RepaymentMandateEnded, RepaymentReceived
from shared.testing import published
from tests.financing.conftest import Desk
from tests.financing.test_lending_journey import withheld
from tests.financing.world import agree, product_body, run_loan, told


def today() -> date:
    return day_of(utc_now())


async def test_a_loan_is_paid_out_once_however_many_say_so(desk: Desk) -> None:
    agreed = await agree(desk)
    path = f"/v1/loans/{agreed.loan_id}/disbursement"
    tomorrow = {"date": (today() + timedelta(days=1)).isoformat(), "reference": "TRF-1"}

    too_early = await desk.post(path, agreed.bank.caller, tomorrow)
    answers = await asyncio.gather(
        *(desk.post(path, agreed.bank.caller, {"date": today().isoformat(), "reference": f"T{n}"}) for n in range(6))
    )

    assert too_early.status_code == 422
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 5}


@pytest.mark.parametrize(
    ("product", "cost"),
    [
        (product_body(), 794_226),
        (product_body(scheme="flat"), 1_440_000),
        (product_body(scheme="sliding"), 780_000),
        (product_body(scheme="murabahah", annual_margin="9"), 1_080_000),
        (product_body(annual_rate="0"), 0),
    ],
    ids=["annuity", "flat", "sliding", "murabahah", "free"],
)
async def test_every_scheme_is_repaid_to_the_rupiah(desk: Desk, product: dict[str, object], cost: int) -> None:
    agreed = await run_loan(desk, product)
    path = f"/v1/loans/{agreed.loan_id}"
    schedule = (await desk.get(path + "/schedule", agreed.toko.owner)).json()["dues"]

    assert sum(due["principal_minor"] for due in schedule) == 12_000_000
    assert sum(due["cost_minor"] for due in schedule) == cost
    for number, due in enumerate(schedule):
        await desk.done(
            path + "/repayments",
            agreed.bank.caller,
            {"amount_minor": due["amount_minor"], "reference": f"pay-{number}"},
        )

    loan = (await desk.get(path, agreed.bank.caller)).json()
    assert (loan["state"], loan["outstanding_minor"], loan["next_due_on"]) == ("repaid", 0, None)
    (ended,) = await published(desk.db, RepaymentMandateEnded, loan_id=UUID(agreed.loan_id))
    assert ended.reason == "repaid"


async def test_a_reference_counts_once_and_no_more_than_is_owed_is_taken(desk: Desk) -> None:
    agreed = await run_loan(desk)
    path = f"/v1/loans/{agreed.loan_id}/repayments"
    body = {"amount_minor": 500_000, "reference": "pay-1"}

    await desk.done(path, agreed.bank.caller, body)
    again = await desk.post(path, agreed.bank.caller, body)
    more = await desk.post(path, agreed.bank.caller, {"amount_minor": 12_294_227, "reference": "pay-2"})

    assert again.status_code == 409 and again.json()["type"].endswith("reference-taken")
    assert more.json()["type"].endswith("more-than-is-owed") and more.json()["outstanding_minor"] == 12_294_226
    assert len(await published(desk.db, RepaymentReceived, loan_id=UUID(agreed.loan_id))) == 1


async def test_payments_and_instalments_at_once_never_take_more_than_is_owed(desk: Desk) -> None:
    agreed = await run_loan(desk)
    path = f"/v1/loans/{agreed.loan_id}"
    loan = (await desk.get(path, agreed.toko.owner)).json()
    instalments = [withheld(agreed, loan["mandate_id"], 2_000_000) for _ in range(5)]

    answers = await asyncio.gather(
        desk.hear(*instalments),
        *(
            desk.post(path + "/repayments", agreed.bank.caller, {"amount_minor": 2_000_000, "reference": f"r{n}"})
            for n in range(5)
        ),
    )

    direct = sum(2_000_000 for answer in answers[1:] if answer is not None and answer.status_code == 201)
    events = await published(desk.db, RepaymentReceived, loan_id=UUID(agreed.loan_id))
    left = (await desk.get(path, agreed.toko.owner)).json()["outstanding_minor"]
    assert sum(event.amount_minor for event in events) + left == 12_794_226
    assert sum(event.amount_minor for event in events if event.instalment_id is None) == direct


async def test_a_loan_is_ended_early_without_the_cost_of_later_months(desk: Desk) -> None:
    agreed = await run_loan(desk)
    path = f"/v1/loans/{agreed.loan_id}/settlement"
    quote = (await desk.get(path, agreed.toko.owner)).json()

    wrong = await desk.post(path, agreed.bank.caller, {"amount_minor": 12_000_000, "reference": "end"})
    done = await desk.done(path, agreed.bank.caller, {"amount_minor": quote["amount_minor"], "reference": "end"})

    assert (quote["amount_minor"], quote["waived_minor"]) == (12_120_000, 674_226)
    assert wrong.json()["type"].endswith("not-a-settlement") and wrong.json()["amount_minor"] == 12_120_000
    assert (done["outstanding_minor"], done["waived_minor"]) == (0, 674_226)
    async with desk.db.reading() as conn:
        owed = await conn.fetchval(
            "SELECT a.balance_minor FROM loans AS l JOIN ledger_accounts AS a ON a.id = l.lender_account_id"
            " WHERE l.loan_id = $1",
            UUID(agreed.loan_id),
        )
    assert owed == 0


async def test_the_price_of_a_murabahah_stays_when_it_is_ended_early(desk: Desk) -> None:
    agreed = await run_loan(desk, product_body(scheme="murabahah", annual_margin="9"))

    quote = (await desk.get(f"/v1/loans/{agreed.loan_id}/settlement", agreed.bank.caller)).json()

    assert (quote["amount_minor"], quote["waived_minor"]) == (13_080_000, 0)


async def test_a_loan_moves_down_the_scale_and_back(desk: Desk) -> None:
    agreed = await run_loan(desk)
    path = f"/v1/loans/{agreed.loan_id}"
    first_due = (await desk.get(path + "/schedule", agreed.toko.owner)).json()["dues"][0]

    for days in (0, 1, 91, 121, 181):
        as_of = date.fromisoformat(first_due["due_on"]) + timedelta(days=days)
        await desk.done("/v1/gradings", desk.operator(), {"as_of": as_of.isoformat()})
    late = (await desk.get(path, agreed.bank.caller)).json()
    await desk.done("/v1/gradings", desk.operator(), {"as_of": today().isoformat()})
    later = (await desk.get(path, agreed.bank.caller)).json()
    await desk.done(
        path + "/repayments",
        agreed.bank.caller,
        {"amount_minor": late["outstanding_minor"], "reference": "all"},
    )

    assert (late["kol"], late["days_past_due"]) == (5, 181)
    assert later == late, "an earlier day changes nothing"
    events = await published(desk.db, CollectabilityChanged, loan_id=UUID(agreed.loan_id))
    assert [(event.before, event.after, event.days_past_due) for event in events] == [
        (1, 2, 1),
        (2, 3, 91),
        (3, 4, 121),
        (4, 5, 181),
        (5, 1, 0),
    ]
    assert len(await told(desk, agreed.bank, "lending.collectability_changed.v1")) == 5


async def test_a_first_instalment_may_be_due_at_once(desk: Desk) -> None:
    agreed = await run_loan(desk, offer={"first_due_days": 0})

    schedule = (await desk.get(f"/v1/loans/{agreed.loan_id}/schedule", agreed.toko.owner)).json()["dues"]

    assert agreed.offer["effective_rate"] == "14.25"
    assert schedule[0]["due_on"] == today().isoformat() < schedule[1]["due_on"]


async def test_absurd_figures_are_refused_and_break_nothing(desk: Desk) -> None:
    far = await desk.post("/v1/gradings", desk.operator(), {"as_of": "9999-12-31"})
    text = await desk.client.get(
        "/v1/consent_text",
        params={"scope": "sales", "purpose": "credit_assessment", "until": "9999-12-31T23:59:59-14:00"},
    )
    dear = product_body(annual_rate="999", scheme="flat", amount_max_minor=10**15, tenor_max_months=360)
    with pytest.raises(AssertionError, match="outside-the-product"):
        await agree(desk, dear, amount_minor=10**15, tenor_months=360)

    assert (far.status_code, text.status_code) == (422, 422)


async def test_a_loan_of_one_rupiah_is_repaid(desk: Desk) -> None:
    agreed = await run_loan(desk, product_body(amount_min_minor=1), amount_minor=1, tenor_months=12)
    path = f"/v1/loans/{agreed.loan_id}"

    await desk.done(path + "/repayments", agreed.bank.caller, {"amount_minor": 1, "reference": "all"})

    assert (await desk.get(path, agreed.toko.owner)).json()["state"] == "repaid"


async def test_only_an_operator_grades(desk: Desk) -> None:
    refused = await desk.post("/v1/gradings", desk.person(), {"as_of": today().isoformat()})

    assert refused.status_code == 403


async def test_nothing_counts_for_a_loan_that_was_not_paid_out(desk: Desk) -> None:
    agreed = await agree(desk)
    path = f"/v1/loans/{agreed.loan_id}"

    refused = await desk.post(path + "/repayments", agreed.bank.caller, {"amount_minor": 1, "reference": uuid4().hex})

    assert refused.json()["type"].endswith("loan-not-running")
