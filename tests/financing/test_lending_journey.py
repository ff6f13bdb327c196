"""The whole way of a loan over HTTP, from products to the last instalment."""

from uuid import UUID, uuid4

from shared.clock import utc_now
from shared.contracts import financing as contract
from shared.contracts.payouts import InstalmentPassedOn, InstalmentWithheld
from shared.testing import published
from tests.financing.conftest import Desk
from tests.financing.world import Agreed, agree, run_loan, told


def withheld(agreed: Agreed, mandate_id: str, amount_minor: int) -> InstalmentWithheld:
    return InstalmentWithheld(
        instalment_id=uuid4(),
        mandate_id=UUID(mandate_id),
        loan_id=UUID(agreed.loan_id),
        application_id=UUID(agreed.application_id),
        lender_id=UUID(agreed.bank.lender_id),
        payee_id=agreed.toko.shop_id,
        amount_minor=amount_minor,
        currency="IDR",
        payout_id=uuid4(),
        withheld_at=utc_now(),
    )


async def test_a_loan_from_application_to_the_last_instalment(desk: Desk) -> None:
    agreed = await run_loan(desk)
    loan = (await desk.get(f"/v1/loans/{agreed.loan_id}", agreed.toko.owner)).json()

    assert loan["state"] == "running"
    assert loan["outstanding_minor"] == agreed.offer["total_minor"] == 12_794_226
    (mandate,) = await published(desk.db, contract.RepaymentMandateSet, loan_id=UUID(agreed.loan_id))
    assert sum(due.amount_minor for due in mandate.dues) == agreed.offer["total_minor"]

    first = withheld(agreed, loan["mandate_id"], 1_500_000)
    await desk.hear(first)

    (received,) = await published(desk.db, contract.RepaymentReceived, loan_id=UUID(agreed.loan_id))
    assert (received.amount_minor, received.cost_minor, received.outstanding_minor) == (1_500_000, 230_538, 11_294_226)

    passed = InstalmentPassedOn(**first.model_dump(exclude={"payout_id", "withheld_at"}) | {"passed_on_at": utc_now()})
    await desk.hear(passed)
    rest = withheld(agreed, loan["mandate_id"], 12_000_000)
    await desk.hear(rest)

    loan = (await desk.get(f"/v1/loans/{agreed.loan_id}", agreed.bank.caller)).json()
    assert (loan["state"], loan["outstanding_minor"]) == ("repaid", 0)
    (refused,) = await published(desk.db, contract.InstalmentRefused, loan_id=UUID(agreed.loan_id))
    assert (refused.amount_minor, refused.reason) == (12_000_000 - 11_294_226, "repaid")
    (ended,) = await published(desk.db, contract.RepaymentMandateEnded, loan_id=UUID(agreed.loan_id))
    assert (ended.reason, ended.version) == ("repaid", 2)
    types = [fact["type"] for fact in await told(desk, agreed.bank)]
    assert types == [
        "lending.application_published.v1",
        "lending.offer_accepted.v1",
        "lending.repayment_received.v1",
        "lending.instalment_passed_on.v1",
        "lending.repayment_received.v1",
    ]


async def test_an_agreed_loan_owes_nothing_until_it_is_paid_out(desk: Desk) -> None:
    agreed = await agree(desk)

    loan = (await desk.get(f"/v1/loans/{agreed.loan_id}", agreed.toko.owner)).json()

    assert (loan["state"], loan["outstanding_minor"]) == ("agreed", 0)
    assert await published(desk.db, contract.RepaymentMandateSet, loan_id=UUID(agreed.loan_id)) == []
