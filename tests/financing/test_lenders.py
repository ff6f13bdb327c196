"""Lenders, and what they would lend."""

from uuid import uuid4

from tests.financing.conftest import Desk
from tests.financing.world import application_body, give_consent, open_bank, open_shop, product_body


async def test_an_operator_registers_a_lender(desk: Desk) -> None:
    client_id, slug = uuid4(), f"bank-{uuid4().hex[:8]}"

    lender = await desk.done(
        "/v1/lenders", desk.operator(), {"client_id": str(client_id), "slug": slug, "name": "Bank Lampung"}
    )

    assert lender["slug"] == slug and lender["state"] == "active" and lender["client_id"] == str(client_id)


async def test_a_client_and_a_short_name_have_one_lender(desk: Desk) -> None:
    operator, client_id, slug = desk.operator(), str(uuid4()), f"bank-{uuid4().hex[:8]}"
    await desk.done("/v1/lenders", operator, {"client_id": client_id, "slug": slug, "name": "Bank Lampung"})

    same_slug = await desk.post("/v1/lenders", operator, {"client_id": str(uuid4()), "slug": slug, "name": "Bank Dua"})
    same_client = await desk.post("/v1/lenders", operator, {"client_id": client_id, "slug": slug + "x", "name": "Dua"})

    assert [same_slug.status_code, same_client.status_code] == [409, 409]
    assert same_slug.json()["type"].endswith("lender-taken")


async def test_a_suspended_lender_is_let_in_nowhere(desk: Desk) -> None:
    sector = f"s{uuid4().hex[:12]}"
    bank = await open_bank(desk, product_body(sectors=[sector]))
    toko = await open_shop(desk, sector=sector)
    consent = await give_consent(desk, toko)
    path = f"/v1/lenders/{bank.lender_id}"

    refused = await desk.post(path + "/suspend", desk.person())
    await desk.done(path + "/suspend", desk.operator(), status=200)

    assert refused.status_code == 403
    assert (await desk.get("/v1/applications", bank.caller)).status_code == 404
    body = application_body(toko, consent["consent_id"])
    assert (await desk.post("/v1/applications", toko.owner, body)).status_code == 409
    await desk.done(path + "/resume", desk.operator(), status=200)
    assert (await desk.get("/v1/applications", bank.caller)).status_code == 200
    await desk.done("/v1/applications", toko.owner, body)


async def test_only_an_operator_registers_lenders(desk: Desk) -> None:
    body = {"client_id": str(uuid4()), "slug": f"bank-{uuid4().hex[:8]}", "name": "Bank Lampung"}

    refused = await desk.post("/v1/lenders", desk.person(), body)

    assert refused.status_code == 403
