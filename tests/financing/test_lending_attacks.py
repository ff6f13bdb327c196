"""Lending under attack: races that must not make a loan of nothing, facts that must not reach who has no business."""

import asyncio
from uuid import UUID, uuid4

import orjson
from httpx2 import Response

from services.financing.use_cases import publish_application
from shared.clock import utc_now
from shared.contracts.programmes import CertificateIssued
from tests.financing.conftest import Desk
from tests.financing.world import (
    Bank,
    Toko,
    application_body,
    apply,
    completed,
    give_consent,
    offer_body,
    open_bank,
    open_shop,
    product_body,
    told,
)

SALE = "lending.sale_completed.v1"


async def market(desk: Desk, banks: int = 1) -> tuple[list[Bank], Toko]:
    """Banks and a shop in a sector of their own."""
    sector = f"s{uuid4().hex[:12]}"
    return [await open_bank(desk, product_body(sectors=[sector])) for _ in range(banks)], await open_shop(
        desk, sector=sector
    )


async def somebody_waits_for(desk: Desk, backend: int) -> None:
    """Return when somebody waits for this transaction."""
    async with asyncio.timeout(4):
        while True:
            async with desk.db.reading() as conn:
                if await conn.fetchval(
                    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid)))", backend
                ):
                    return


async def test_an_offer_that_expires_while_it_is_accepted_becomes_no_loan(desk: Desk) -> None:
    (bank,), toko = await market(desk)
    application = await apply(desk, toko)
    made = await desk.done(f"/v1/applications/{application['application_id']}/offers", bank.caller, offer_body(bank))
    async with desk.db.transaction() as conn:  # the clock's own statement, just before its commit
        await conn.execute(
            "UPDATE offers SET state = 'expired', ended_at = now() WHERE offer_id = $1", UUID(made["offer_id"])
        )
        backend = await conn.fetchval("SELECT pg_backend_pid()")
        accepting = asyncio.create_task(desk.post(f"/v1/offers/{made['offer_id']}/accept", toko.owner, {}))
        await somebody_waits_for(desk, backend)

    answer: Response = await accepting

    assert answer.status_code == 409 and answer.json()["type"].endswith("offer-ended"), answer.text
    assert (await desk.get("/v1/loans", toko.owner)).json()["items"] == []
    again = (await desk.get(f"/v1/applications/{application['application_id']}", toko.owner)).json()
    assert again["state"] == "published"


async def test_a_fact_is_told_once_to_a_lender_that_two_consents_allow_it(desk: Desk) -> None:
    (bank,), toko = await market(desk)
    await apply(desk, toko)
    second = await give_consent(desk, toko)
    await desk.done("/v1/applications", toko.owner, application_body(toko, second["consent_id"]))
    certificate = CertificateIssued(
        person_id=toko.owner.account_id,
        certificate_id=uuid4(),
        training_id=uuid4(),
        scheme="pembukuan",
        region_code="18.01",
        issued_at=utc_now(),
        expires_at=utc_now(),
    )

    await desk.hear(completed(toko.shop_id, 10_000), completed(toko.shop_id, 10_000), certificate)

    sales = [orjson.loads(fact["data"])["parcel_id"] for fact in await told(desk, bank, SALE)]
    assert len(sales) == len(set(sales)) == 2
    assert len(await told(desk, bank, "lending.certificate_issued.v1")) == 1


async def test_lenders_whose_purpose_has_ended_hear_nothing_of_later_sales(desk: Desk) -> None:
    (wins, loses, declines), toko = await market(desk, 3)
    application = await apply(desk, toko)
    path = f"/v1/applications/{application['application_id']}"
    made = await desk.done(f"{path}/offers", wins.caller, offer_body(wins))
    await desk.done(f"{path}/declines", declines.caller, {"reason": "other"})
    await desk.hear(completed(toko.shop_id, 10_000))
    heard = [len(await told(desk, bank, SALE)) for bank in (wins, loses, declines)]

    await desk.done(f"/v1/offers/{made['offer_id']}/accept", toko.owner, {})
    await desk.hear(completed(toko.shop_id, 10_000))

    assert heard == [1, 1, 0]
    assert [len(await told(desk, bank, SALE)) for bank in (wins, loses, declines)] == [2, 1, 0]


async def test_the_offer_of_a_lender_that_lost_its_licence_is_not_accepted(desk: Desk) -> None:
    (bank, other), toko = await market(desk, 2)
    application = await apply(desk, toko)
    path = f"/v1/applications/{application['application_id']}/offers"
    made, better = [await desk.done(path, each.caller, offer_body(each)) for each in (bank, other)]
    answer = await desk.post(f"/v1/lenders/{bank.lender_id}/suspend", desk.operator())
    assert answer.status_code == 200

    refused = await desk.post(f"/v1/offers/{made['offer_id']}/accept", toko.owner, {})

    assert refused.status_code == 409 and refused.json()["type"].endswith("offer-ended"), refused.text
    await desk.done(f"/v1/offers/{better['offer_id']}/accept", toko.owner, {})


async def test_nobody_floods_the_lenders_logs_with_applications(desk: Desk) -> None:
    (bank,), toko = await market(desk)
    consent = await give_consent(desk, toko)
    body = application_body(toko, consent["consent_id"])
    most = publish_application.PER_DAY_MAX

    answers = await asyncio.gather(*(desk.post("/v1/applications", toko.owner, body) for _ in range(most + 5)))

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] * most + [409] * 5
    assert len(await told(desk, bank, "lending.application_published.v1")) == most
