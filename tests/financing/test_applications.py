"""Applications and offers: matched, told, offered, taken once."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson

from services.financing.sweeper import Sweeper
from shared.clock import utc_now
from shared.contracts.financing import ApplicationClosed, ApplicationPublished, OfferAccepted, OfferMade
from shared.testing import published
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


async def market(desk: Desk, *changes: dict[str, Any]) -> tuple[list[Bank], Toko]:
    """Banks with one product each, in a sector of their own, and a shop in it."""
    sector = f"s{uuid4().hex[:12]}"
    banks = [await open_bank(desk, product_body(**({"sectors": [sector]} | change))) for change in changes]
    return banks, await open_shop(desk, sector=sector)


def own(application: dict[str, Any], *banks: Bank) -> list[list[str]]:
    """The criteria that these banks' products do not meet."""
    by_product = {match["product_id"]: match for match in application["matches"]}
    return [[reason["criterion"] for reason in by_product[bank.products[0]]["reasons"]] for bank in banks]


async def test_an_application_reaches_the_lenders_that_fit_with_references_only(desk: Desk) -> None:
    (fits, too_small), toko = await market(desk, {}, {"amount_max_minor": 5_000_000})

    application = await apply(desk, toko)

    assert own(application, fits, too_small) == [[], ["amount"]]
    (event,) = await published(desk.db, ApplicationPublished, application_id=UUID(application["application_id"]))
    assert event.lenders == (UUID(fits.lender_id),)
    (fact,) = await told(desk, fits)
    assert set(orjson.loads(fact["data"])) == {
        "application_id",
        "shop_id",
        "consent_id",
        "amount_minor",
        "currency",
        "tenor_months",
        "purpose",
        "sector",
        "region_code",
        "size_class",
        "product_ids",
        "for_review",
        "expires_at",
    }
    assert str(toko.owner.account_id) not in fact["data"]
    assert await told(desk, too_small) == []


async def test_without_any_lender_nothing_happens_and_the_reasons_are_said(desk: Desk) -> None:
    (bank,), toko = await market(desk, {"turnover_min_minor": 1_000_000})
    consent = await give_consent(desk, toko)

    refused = await desk.post("/v1/applications", toko.owner, application_body(toko, consent["consent_id"]))

    assert refused.status_code == 409 and refused.json()["type"].endswith("no-lender-fits")
    mine = [each for each in refused.json()["reasons"] if each["product_id"] == bank.products[0]]
    assert mine[0]["reasons"] == [{"criterion": "turnover", "wanted": "1000000", "found": "0"}]
    assert mine[0]["may_be_reviewed"]
    assert (await desk.get("/v1/applications", toko.owner)).json()["items"] == []
    assert await told(desk, bank) == []


async def test_who_is_refused_by_the_profile_alone_may_ask_a_person(desk: Desk) -> None:
    (bank, far), toko = await market(desk, {"turnover_min_minor": 1_000_000}, {"regions": ["36"]})

    application = await apply(desk, toko, human_review=True)

    assert own(application, bank, far) == [["turnover"], ["region"]]
    (fact,) = await told(desk, bank)
    assert orjson.loads(fact["data"])["for_review"] is True
    assert await told(desk, far) == []
    seen = (await desk.get(f"/v1/applications/{application['application_id']}", bank.caller)).json()
    assert seen["for_review"] is True


async def test_sales_open_the_door_to_lenders_that_ask_for_turnover(desk: Desk) -> None:
    (bank,), toko = await market(desk, {"turnover_min_minor": 300_000})
    await desk.hear(completed(toko.shop_id, 200_000), completed(toko.shop_id, 100_000))

    application = await apply(desk, toko)

    assert own(application, bank) == [[]]


async def test_a_consent_of_another_shop_or_purpose_is_refused(desk: Desk) -> None:
    (_,), toko = await market(desk, {})
    other = await open_shop(desk)
    other.owner = toko.owner
    narrow = await give_consent(desk, toko, "sales", purpose="equipment")

    refused = await desk.post("/v1/applications", toko.owner, application_body(toko, narrow["consent_id"]))

    assert refused.status_code == 409 and refused.json()["type"].endswith("consent-differs")


async def test_offers_stand_side_by_side_the_cheapest_first(desk: Desk) -> None:
    banks, toko = await market(
        desk,
        {"scheme": "flat"},
        {},
        {"scheme": "murabahah", "annual_margin": "9"},
        {"scheme": "sliding", "annual_rate": "20"},
    )
    application = await apply(desk, toko)
    path = f"/v1/applications/{application['application_id']}/offers"
    for bank in banks:
        await desk.done(path, bank.caller, offer_body(bank))

    offers = (await desk.get(path, toko.owner)).json()["items"]
    of_one = (await desk.get(path, banks[0].caller)).json()["items"]

    assert [(each["scheme"], each["cost_minor"], each["effective_rate"]) for each in offers] == [
        ("annuity", 794_226, "12"),
        ("murabahah", 1_080_000, "16.22"),
        ("sliding", 1_300_000, "20"),
        ("flat", 1_440_000, "21.46"),
    ]
    assert [each["lender_id"] for each in of_one] == [banks[0].lender_id]
    assert len(await published(desk.db, OfferMade, application_id=UUID(application["application_id"]))) == 4


async def test_an_offer_is_within_its_product_and_stands_alone(desk: Desk) -> None:
    (bank,), toko = await market(desk, {})
    application = await apply(desk, toko)
    path = f"/v1/applications/{application['application_id']}/offers"
    late = (utc_now() + timedelta(days=20)).isoformat()

    for change in ({"amount_minor": 12_000_001}, {"tenor_months": 37}, {"valid_until": late}):
        refused = await desk.post(path, bank.caller, offer_body(bank, **change))
        assert refused.status_code == 409 and refused.json()["type"].endswith("outside-the-product")
    offer = await desk.done(path, bank.caller, offer_body(bank))
    second = await desk.post(path, bank.caller, offer_body(bank))
    assert second.json()["type"].endswith("offer-stands")

    withdrawn = await desk.post(f"/v1/offers/{offer['offer_id']}/withdraw", bank.caller)
    refused = await desk.post(f"/v1/offers/{offer['offer_id']}/accept", toko.owner)
    assert (withdrawn.status_code, refused.status_code) == (204, 409)
    await desk.done(path, bank.caller, offer_body(bank))


async def test_an_offer_is_accepted_once_however_many_ask(desk: Desk) -> None:
    banks, toko = await market(desk, {}, {"annual_rate": "13"})
    application = await apply(desk, toko)
    path = f"/v1/applications/{application['application_id']}/offers"
    offers = [await desk.done(path, bank.caller, offer_body(bank)) for bank in banks]

    answers = await asyncio.gather(
        *(desk.post(f"/v1/offers/{offers[n % 2]['offer_id']}/accept", toko.owner) for n in range(12))
    )

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 11}
    (event,) = await published(desk.db, OfferAccepted, application_id=UUID(application["application_id"]))
    (closed,) = await published(desk.db, ApplicationClosed, application_id=UUID(application["application_id"]))
    assert closed.reason == "accepted"
    states = {each["offer_id"]: each["state"] for each in (await desk.get(path, toko.owner)).json()["items"]}
    assert sorted(states.values()) == ["accepted", "lost"] and states[str(event.offer_id)] == "accepted"
    for bank in banks:
        last = (await told(desk, bank))[-1]["type"]
        is_winner = bank.lender_id == str(event.lender_id)
        assert last == ("lending.offer_accepted.v1" if is_winner else "lending.application_closed.v1")
    async with desk.db.reading() as conn:
        loans = await conn.fetchval(
            "SELECT count(*) FROM loans WHERE application_id = $1", UUID(application["application_id"])
        )
    assert loans == 1


async def test_the_same_key_accepts_once_and_says_it_again(desk: Desk) -> None:
    (bank,), toko = await market(desk, {})
    application = await apply(desk, toko)
    offer = await desk.done(f"/v1/applications/{application['application_id']}/offers", bank.caller, offer_body(bank))
    path, key = f"/v1/offers/{offer['offer_id']}/accept", uuid4().hex

    first, again = await desk.post(path, toko.owner, key=key), await desk.post(path, toko.owner, key=key)

    assert first.status_code == again.status_code == 201 and first.content == again.content


async def test_other_terms_than_the_offers_are_not_agreed(desk: Desk) -> None:
    (bank,), toko = await market(desk, {"share_basis_points_max": 2500})
    application = await apply(desk, toko)
    offer = await desk.done(f"/v1/applications/{application['application_id']}/offers", bank.caller, offer_body(bank))
    path = f"/v1/offers/{offer['offer_id']}/accept"

    refused = await desk.post(path, toko.owner, {"share_basis_points_max": 1000})
    accepted = await desk.done(path, toko.owner, {"share_basis_points_max": 2500})

    assert refused.json()["type"].endswith("terms-differ") and accepted["share_basis_points_max"] == 2500


async def test_when_all_decline_the_application_ends(desk: Desk) -> None:
    banks, toko = await market(desk, {}, {})
    application = await apply(desk, toko)
    path = f"/v1/applications/{application['application_id']}"

    first = await desk.done(path + "/declines", banks[0].caller, {"reason": "too_young"})
    again = await desk.post(path + "/declines", banks[0].caller, {"reason": "too_young"})
    last = await desk.done(path + "/declines", banks[1].caller, {"reason": "other"})

    assert (first["is_closed"], again.status_code, last["is_closed"]) == (False, 409, True)
    assert (await desk.get(path, toko.owner)).json()["state"] == "declined"
    assert (await desk.post(path + "/offers", banks[1].caller, offer_body(banks[1]))).status_code == 409
    assert (await desk.get(path + "/profile", banks[0].caller)).status_code == 409


async def test_a_withdrawn_application_takes_no_offers(desk: Desk) -> None:
    (bank,), toko = await market(desk, {})
    application = await apply(desk, toko)
    path = f"/v1/applications/{application['application_id']}"
    offer = await desk.done(path + "/offers", bank.caller, offer_body(bank))

    await desk.done(path + "/withdraw", toko.owner, status=200)

    assert (await desk.post(f"/v1/offers/{offer['offer_id']}/accept", toko.owner)).status_code == 409
    (fact,) = await told(desk, bank, "lending.application_closed.v1")
    assert orjson.loads(fact["data"])["reason"] == "withdrawn"


async def test_the_clock_ends_applications_and_offers(desk: Desk) -> None:
    (bank,), toko = await market(desk, {})
    application, second = await apply(desk, toko), await apply(desk, toko)
    path = f"/v1/applications/{application['application_id']}"
    offer = await desk.done(path + "/offers", bank.caller, offer_body(bank))
    async with desk.db.transaction() as conn:
        await conn.execute("UPDATE offers SET valid_until = now() WHERE offer_id = $1", UUID(offer["offer_id"]))
        await conn.execute(
            "UPDATE applications SET expires_at = now() WHERE application_id = $1", UUID(second["application_id"])
        )

    await Sweeper(desk.db, seconds=1, grading_seconds=60).sweep()

    (shown,) = (await desk.get(path + "/offers", toko.owner)).json()["items"]
    assert shown["state"] == "expired"
    states = [each["state"] for each in (await desk.get("/v1/applications", toko.owner)).json()["items"]]
    assert states == ["expired", "published"]


async def test_kur_products_follow_the_rules_of_today(desk: Desk) -> None:
    bank = await open_bank(desk, product_body(sectors=["of-nobody"]))
    path = f"/v1/lenders/{bank.lender_id}/products"
    kur = product_body(kur_scheme="mikro", kur_access=1, annual_rate="6", sectors=["of-nobody"])

    made = await desk.done(path, bank.caller, kur)
    refused = await desk.post(path, bank.caller, kur | {"annual_rate": "9"})

    assert made["kur_scheme"] == "mikro"
    assert refused.status_code == 409 and refused.json()["type"].endswith("no-kur-loan")


async def test_a_withdrawn_product_is_not_matched(desk: Desk) -> None:
    (bank,), toko = await market(desk, {})
    path = f"/v1/lenders/{bank.lender_id}/products"

    gone = await desk.client.delete(f"{path}/{bank.products[0]}", headers=bank.caller.headers)
    consent = await give_consent(desk, toko)
    refused = await desk.post("/v1/applications", toko.owner, application_body(toko, consent["consent_id"]))

    assert gone.status_code == 204 and refused.status_code == 409
    assert [each["state"] for each in (await desk.get(path, bank.caller)).json()["items"]] == ["withdrawn"]
