"""Every handler of lending: once, twice, killed; and what lenders are told of what they hear."""

from datetime import timedelta
from uuid import UUID, uuid4

import orjson

from services.financing.handlers import handlers
from shared.clock import utc_now
from shared.contracts import financing as contract
from shared.contracts.cooperatives import MemberAdmitted, MemberResigned
from shared.contracts.identity import AccountErased
from shared.contracts.orders import ParcelCompleted
from shared.contracts.payouts import InstalmentPassedOn, PayoutPaid, PayoutReturned
from shared.contracts.programmes import CertificateIssued, CertificateRevoked
from shared.testing import check_handler, deliver, delivery_of, published
from tests.financing.conftest import Desk
from tests.financing.test_lending_journey import withheld
from tests.financing.world import (
    agree,
    apply,
    completed,
    listed,
    open_bank,
    open_shop,
    product_body,
    refunded,
    run_loan,
    told,
)

SALE = "SELECT goods_minor, refunded_minor FROM sales WHERE parcel_id = $1"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def check(desk: Desk, *events: object) -> None:
    for event in events:
        await check_handler(desk.db, handlers, event)  # type: ignore[arg-type]  # events of several topics


async def test_facts_of_shops_survive_anything(desk: Desk) -> None:
    toko = await open_shop(desk)
    parcel = completed(toko.shop_id, 200_000)

    await check(desk, listed(toko.shop_id, "batik"), parcel, refunded(parcel, 50_000))

    async with desk.db.reading() as conn:
        row = await conn.fetchrow(
            "SELECT goods_minor, refunded_minor FROM sales WHERE parcel_id = $1", parcel.parcel_id
        )
    assert row is not None and tuple(row) == (200_000, 50_000)


async def test_a_refund_before_its_completion_counts_when_the_sale_does(desk: Desk) -> None:
    toko = await open_shop(desk)
    parcel = completed(toko.shop_id, 200_000)

    await desk.hear(refunded(parcel, 50_000))
    await desk.hear(parcel)

    async with desk.db.reading() as conn:
        row = await conn.fetchrow(
            "SELECT goods_minor, refunded_minor FROM sales WHERE parcel_id = $1", parcel.parcel_id
        )
    assert row is not None and tuple(row) == (200_000, 50_000)


async def test_facts_of_people_survive_anything(desk: Desk) -> None:
    person_id, member_id, certificate_id = uuid4(), uuid4(), uuid4()
    member = {"cooperative_id": uuid4(), "member_id": member_id, "account_id": person_id, "region_code": "18.01"}
    certificate = {"person_id": person_id, "certificate_id": certificate_id, "scheme": "keamanan-pangan"}

    await check(
        desk,
        MemberAdmitted(**member, admitted_at=utc_now()),
        MemberResigned(**member, reason="resigned", resigned_at=utc_now()),
        CertificateIssued(
            **certificate,
            training_id=uuid4(),
            region_code="18.01",
            issued_at=utc_now(),
            expires_at=utc_now() + timedelta(days=365),
        ),
        CertificateRevoked(**certificate, revoked_at=utc_now()),
        AccountErased(account_id=person_id, erased_at=utc_now()),
    )

    await desk.hear(MemberAdmitted(**(member | {"member_id": uuid4()}), admitted_at=utc_now()))
    async with desk.db.reading() as conn:
        left = await conn.fetchval(
            "SELECT (SELECT count(*) FROM memberships WHERE account_id = $1)"
            " + (SELECT count(*) FROM certificates WHERE person_id = $1)",
            person_id,
        )
    assert left == 0


async def test_payouts_are_told_to_who_may_know(desk: Desk) -> None:
    agreed = await run_loan(desk)
    payout = {
        "payout_id": uuid4(),
        "batch_id": uuid4(),
        "payee_id": agreed.toko.shop_id,
        "amount_minor": 90_000,
        "currency": "IDR",
    }

    await check(
        desk,
        PayoutPaid(**payout, paid_at=utc_now()),
        PayoutReturned(**payout, reason="account_closed", returned_at=utc_now()),
    )

    types = [fact["type"] for fact in await told(desk, agreed.bank)]
    assert types[-2:] == ["lending.payout_paid.v1", "lending.payout_returned.v1"]


async def test_instalments_survive_anything(desk: Desk) -> None:
    agreed = await run_loan(desk)
    loan = (await desk.get(f"/v1/loans/{agreed.loan_id}", agreed.toko.owner)).json()
    first = withheld(agreed, loan["mandate_id"], 700_000)

    await check(desk, first)
    passed = InstalmentPassedOn(**first.model_dump(exclude={"payout_id", "withheld_at"}), passed_on_at=utc_now())
    await check(desk, passed)

    assert len(await published(desk.db, contract.RepaymentReceived, loan_id=UUID(agreed.loan_id))) == 1
    schedule = (await desk.get(f"/v1/loans/{agreed.loan_id}/schedule", agreed.bank.caller)).json()
    assert [entry["passed_on_at"] is not None for entry in schedule["repayments"]] == [True]


async def test_an_instalment_for_a_loan_that_we_do_not_know_goes_back(desk: Desk) -> None:
    agreed = await run_loan(desk)
    strange = withheld(agreed, str(uuid4()), 500_000)

    await check(desk, strange)

    (refused,) = await published(desk.db, contract.InstalmentRefused, instalment_id=strange.instalment_id)
    assert (refused.amount_minor, refused.reason) == (500_000, "unknown_loan")
    assert await published(desk.db, contract.RepaymentReceived, loan_id=UUID(agreed.loan_id)) == []


async def test_passing_on_what_was_never_accepted_is_a_dead_letter(desk: Desk) -> None:
    agreed = await run_loan(desk)
    loan = (await desk.get(f"/v1/loans/{agreed.loan_id}", agreed.toko.owner)).json()
    never = withheld(agreed, loan["mandate_id"], 700_000)
    delivery = delivery_of(
        InstalmentPassedOn(**never.model_dump(exclude={"payout_id", "withheld_at"}), passed_on_at=utc_now())
    )

    await desk.hear(delivery)

    async with desk.db.transaction() as conn:
        reason = await conn.fetchval("DELETE FROM dead_letters WHERE event_id = $1 RETURNING reason", delivery.event_id)
    assert "never withheld" in reason


async def test_a_refund_takes_no_instalment_back(desk: Desk) -> None:
    agreed = await run_loan(desk)
    loan = (await desk.get(f"/v1/loans/{agreed.loan_id}", agreed.toko.owner)).json()
    await desk.hear(withheld(agreed, loan["mandate_id"], 700_000))
    before = (await desk.get(f"/v1/loans/{agreed.loan_id}", agreed.toko.owner)).json()
    parcel = completed(agreed.toko.shop_id, 1_000_000)

    await desk.hear(parcel, refunded(parcel, 1_000_000))

    assert (await desk.get(f"/v1/loans/{agreed.loan_id}", agreed.toko.owner)).json() == before


async def test_a_lender_hears_of_a_sale_in_the_buyers_trace(desk: Desk) -> None:
    sector = f"s{uuid4().hex[:12]}"
    bank = await open_bank(desk, product_body(sectors=[sector]))
    other = await open_bank(desk, product_body(sectors=["another-sector"]))
    toko = await open_shop(desk, sector=sector)
    await apply(desk, toko)
    parcels = [completed(toko.shop_id, 100_000), completed(uuid4(), 5_000)]

    await deliver(desk.db, handlers, *(delivery_of(parcel, traceparent=TRACE) for parcel in parcels))

    (fact,) = await told(desk, bank, "lending.sale_completed.v1")
    assert fact["traceparent"] == TRACE
    data = orjson.loads(fact["data"])
    assert (data["shop_id"], data["parcel_id"]) == (str(toko.shop_id), str(parcels[0].parcel_id))
    assert data["amount_minor"] == 100_000 and set(data) == {
        "shop_id",
        "parcel_id",
        "amount_minor",
        "currency",
        "completed_at",
    }
    assert await told(desk, other) == []


async def test_a_loan_that_was_only_agreed_opens_nothing(desk: Desk) -> None:
    agreed = await agree(desk)
    await desk.client.delete(f"/v1/consents/{agreed.consent_id}", headers=agreed.toko.owner.headers)

    await desk.hear(completed(agreed.toko.shop_id, 10_000))

    assert await told(desk, agreed.bank, "lending.sale_completed.v1") == []


async def test_the_lender_of_a_running_loan_hears_of_sales_without_a_consent(desk: Desk) -> None:
    agreed = await run_loan(desk)
    await desk.client.delete(f"/v1/consents/{agreed.consent_id}", headers=agreed.toko.owner.headers)

    await desk.hear(completed(agreed.toko.shop_id, 10_000))

    assert len(await told(desk, agreed.bank, "lending.sale_completed.v1")) == 1


async def test_a_batch_of_sales_is_told_once_per_lender_and_sale(desk: Desk) -> None:
    agreed = await run_loan(desk)  # told under the consent, and a lender of a running loan: once all the same
    parcels: list[ParcelCompleted] = [completed(agreed.toko.shop_id, 10_000 + n) for n in range(30)]

    await desk.hear(*parcels)

    facts = await told(desk, agreed.bank, "lending.sale_completed.v1")
    assert [orjson.loads(fact["data"])["parcel_id"] for fact in facts] == [str(each.parcel_id) for each in parcels]


async def test_certificates_are_told_under_their_scope(desk: Desk) -> None:
    sector = f"s{uuid4().hex[:12]}"
    bank = await open_bank(desk, product_body(sectors=[sector]))
    toko = await open_shop(desk, sector=sector)
    await apply(desk, toko)

    await desk.hear(
        CertificateIssued(
            person_id=toko.owner.account_id,
            certificate_id=uuid4(),
            training_id=uuid4(),
            scheme="pembukuan",
            region_code="18.01",
            issued_at=utc_now(),
            expires_at=utc_now() + timedelta(days=365),
        )
    )

    (fact,) = await told(desk, bank, "lending.certificate_issued.v1")
    assert orjson.loads(fact["data"])["shop_id"] == str(toko.shop_id)
    assert str(toko.owner.account_id) not in fact["data"]
