"""Consents: kept as the law asks, read under, ended at once."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.financing.use_cases.end_consents import end_overdue_consents
from shared.clock import utc_now
from shared.contracts.financing import ApplicationClosed, ConsentGiven, ConsentRevoked
from shared.contracts.identity import AccountErased
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


async def with_application(desk: Desk) -> tuple[Bank, Toko, dict[str, Any]]:
    """A bank that was told of a shop's application."""
    sector = f"s{uuid4().hex[:12]}"
    bank = await open_bank(desk, product_body(sectors=[sector]))
    toko = await open_shop(desk, sector=sector)
    await desk.hear(completed(toko.shop_id, 750_000))
    return bank, toko, await apply(desk, toko)


async def profiles(desk: Desk, consent_id: str) -> int:
    async with desk.db.reading() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM profiles WHERE consent_id = $1", UUID(consent_id)))


async def test_a_consent_is_kept_with_its_words_and_its_evidence(desk: Desk) -> None:
    toko = await open_shop(desk)
    until = utc_now() + timedelta(days=90)

    consent = await give_consent(desk, toko, "sales", "repayment", until=until)

    shown = await desk.client.get(
        "/v1/consent_text",
        params={"scope": ["sales", "repayment"], "purpose": "credit_assessment", "until": until.isoformat()},
    )
    assert consent["text_sha256"] == shown.json()["text_sha256"]
    assert "omzet" in shown.json()["text"] and "riwayat pembayaran" in shown.json()["text"]
    assert consent["data_items"] == ["loan_repayment", "turnover", "transaction", "payment"]
    (event,) = await published(desk.db, ConsentGiven, consent_id=UUID(consent["consent_id"]))
    assert event.scopes == ("repayment", "sales")


async def test_a_consent_ends_within_the_limit(desk: Desk) -> None:
    toko = await open_shop(desk)
    body = {"shop_id": str(toko.shop_id), "scope": ["sales"], "purpose": "credit_assessment"}

    for until in (utc_now() - timedelta(minutes=1), utc_now() + timedelta(days=731)):
        refused = await desk.post("/v1/consents", toko.owner, body | {"until": until.isoformat()})
        assert refused.status_code == 422 and refused.json()["type"].endswith("consent-too-long")
    unknown = {"until": (utc_now() + timedelta(days=1)).isoformat(), "purpose": "marketing"}
    assert (await desk.post("/v1/consents", toko.owner, body | unknown)).status_code == 422


async def test_a_read_is_logged_and_shown_to_who_allowed_it(desk: Desk) -> None:
    bank, toko, application = await with_application(desk)
    path = f"/v1/applications/{application['application_id']}/profile"

    read = await desk.get(path, bank.caller)

    assert read.status_code == 200
    profile = read.json()["profile"]
    assert profile["size_class"] == "micro" and profile["factors"][0]["value"] == 750_000
    log = (await desk.get(f"/v1/consents/{application['consent_id']}/access_log", toko.owner)).json()
    assert [(item["lender_id"], item["outcome"]) for item in log["items"]] == [(bank.lender_id, "read")]
    assert [entry["acknowledgement"] for entry in log["recipients"]] == ["not_due"]


async def test_a_lender_that_was_not_told_finds_nothing_and_that_is_logged(desk: Desk) -> None:
    _, toko, application = await with_application(desk)
    other = await open_bank(desk, product_body(sectors=["nothing-of-it"]))

    refused = await desk.get(f"/v1/applications/{application['application_id']}/profile", other.caller)

    assert refused.status_code == 404
    log = (await desk.get(f"/v1/consents/{application['consent_id']}/access_log", toko.owner)).json()
    assert [(item["outcome"], item["reason"], item["items"]) for item in log["items"]] == [("refused", "not_told", [])]


async def test_a_revocation_holds_at_once_and_everybody_who_was_told_must_acknowledge(desk: Desk) -> None:
    bank, toko, application = await with_application(desk)
    consent_id, application_id = application["consent_id"], application["application_id"]
    await desk.get(f"/v1/applications/{application_id}/profile", bank.caller)
    early = await desk.post(f"/v1/consents/{consent_id}/acknowledgements", bank.caller)

    answer = await desk.client.delete(f"/v1/consents/{consent_id}", headers=toko.owner.headers)

    assert early.status_code == 409 and answer.status_code == 204
    refused = await desk.get(f"/v1/applications/{application_id}/profile", bank.caller)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:lumbung:problem:consent-ended")
    assert await profiles(desk, consent_id) == 0
    (revoked,) = await published(desk.db, ConsentRevoked, consent_id=UUID(consent_id))
    assert revoked.acknowledge_by - revoked.revoked_at == timedelta(hours=72)
    (closed,) = await published(desk.db, ApplicationClosed, application_id=UUID(application_id))
    assert closed.reason == "consent_ended"
    (fact,) = await told(desk, bank, "lending.consent_revoked.v1")
    assert consent_id in fact["data"]
    log = (await desk.get(f"/v1/consents/{consent_id}/access_log", toko.owner)).json()
    assert [item["outcome"] for item in log["items"]] == ["read", "refused"]
    assert [entry["acknowledgement"] for entry in log["recipients"]] == ["waiting"]

    acknowledged = await desk.done(f"/v1/consents/{consent_id}/acknowledgements", bank.caller)

    assert acknowledged["is_in_time"]
    log = (await desk.get(f"/v1/consents/{consent_id}/access_log", toko.owner)).json()
    assert [entry["acknowledgement"] for entry in log["recipients"]] == ["acknowledged"]
    again = await desk.client.delete(f"/v1/consents/{consent_id}", headers=toko.owner.headers)
    assert again.status_code == 403


async def test_an_acknowledgement_that_lacks_is_overdue_after_three_days(desk: Desk) -> None:
    bank, toko, application = await with_application(desk)
    path = f"/v1/consents/{application['consent_id']}"
    await desk.client.delete(path, headers=toko.owner.headers)
    async with desk.db.transaction() as conn:
        await conn.execute(
            "UPDATE consents SET ended_at = ended_at - interval '73 hours', given_at = given_at - interval '80 hours',"
            " acknowledge_by = acknowledge_by - interval '73 hours' WHERE consent_id = $1",
            UUID(application["consent_id"]),
        )

    log = (await desk.get(path + "/access_log", toko.owner)).json()
    late = await desk.done(path + "/acknowledgements", bank.caller)

    assert [entry["acknowledgement"] for entry in log["recipients"]] == ["overdue"]
    assert not late["is_in_time"]


async def test_no_read_succeeds_after_a_revocation_has_answered(desk: Desk) -> None:
    """Reads and the revocation at once: those that succeed are in the log before its end, the others are refused."""
    bank, toko, application = await with_application(desk)
    path = f"/v1/applications/{application['application_id']}/profile"
    ended = asyncio.Event()
    after: list[int] = []

    async def read() -> int:
        is_after = ended.is_set()
        status = (await desk.get(path, bank.caller)).status_code
        if is_after:
            after.append(status)
        return status

    async def revoke() -> None:
        answer = await desk.client.delete(f"/v1/consents/{application['consent_id']}", headers=toko.owner.headers)
        assert answer.status_code == 204
        ended.set()

    revocation = asyncio.create_task(revoke())
    statuses = []
    while not ended.is_set() or len(after) < 3:
        statuses += await asyncio.gather(*(read() for _ in range(4)))
    await revocation

    assert set(after) == {403} and set(statuses) <= {200, 403}
    async with desk.db.reading() as conn:
        wrong = await conn.fetchval(
            "SELECT count(*) FROM consent_reads JOIN consents USING (consent_id)"
            " WHERE consent_id = $1 AND outcome = 'read' AND asked_at >= ended_at",
            UUID(application["consent_id"]),
        )
    assert wrong == 0


async def test_a_consent_whose_time_is_over_ends_by_the_clock(desk: Desk) -> None:
    bank, toko, application = await with_application(desk)
    later = utc_now() + timedelta(days=181)
    async with desk.db.transaction() as conn:
        await conn.execute(
            "UPDATE consents SET until = given_at + interval '1 millisecond' WHERE consent_id = $1",
            UUID(application["consent_id"]),
        )

    refused = await desk.get(f"/v1/applications/{application['application_id']}/profile", bank.caller)
    async with desk.db.transaction() as conn:
        while await end_overdue_consents(conn, now=utc_now()):
            continue

    assert refused.status_code == 403 and later > utc_now()
    assert await profiles(desk, application["consent_id"]) == 0
    assert await published(desk.db, ConsentRevoked, consent_id=UUID(application["consent_id"])) == []
    assert len(await told(desk, bank, "lending.consent_revoked.v1")) == 1
    shown = (await desk.get(f"/v1/consents/{application['consent_id']}", toko.owner)).json()
    assert shown["end_reason"] == "expired"


async def test_a_forgotten_person_leaves_no_profile(desk: Desk) -> None:
    bank, toko, application = await with_application(desk)

    await desk.hear(AccountErased(account_id=toko.owner.account_id, erased_at=utc_now()))

    assert await profiles(desk, application["consent_id"]) == 0
    assert (await desk.get(f"/v1/applications/{application['application_id']}/profile", bank.caller)).status_code == 403
    refused = await desk.post(
        "/v1/consents",
        toko.owner,
        {
            "shop_id": str(toko.shop_id),
            "scope": ["sales"],
            "purpose": "credit_assessment",
            "until": (utc_now() + timedelta(days=1)).isoformat(),
        },
    )
    assert refused.status_code == 404


async def test_a_revoked_profile_is_in_no_table(desk: Desk) -> None:
    sector = f"s{uuid4().hex[:12]}"
    banks = [
        await open_bank(desk, product_body(sectors=[sector])),
        await open_bank(desk, product_body(sectors=[sector], turnover_min_minor=1_000_000_000)),
    ]
    toko = await open_shop(desk, sector=sector)
    turnover = 87_654_321  # a figure that nothing else has
    await desk.hear(completed(toko.shop_id, turnover - 21), completed(toko.shop_id, 21))
    consent = await give_consent(desk, toko)
    key, body = uuid4().hex, application_body(toko, consent["consent_id"])
    application = (await desk.post("/v1/applications", toko.owner, body, key=key)).json()
    assert await tables_with(desk, str(turnover)) == {"idempotency_keys", "profiles"}
    await desk.get(f"/v1/applications/{application['application_id']}/profile", banks[0].caller)

    await desk.client.delete(f"/v1/consents/{consent['consent_id']}", headers=toko.owner.headers)

    assert await tables_with(desk, str(turnover)) == set()
    again = await desk.post("/v1/applications", toko.owner, body, key=key)
    assert again.status_code == 403


async def tables_with(desk: Desk, text: str) -> set[str]:
    """The tables, the kernel's too, in which a row has these words; answers are kept as bytes."""
    found = set()
    async with desk.db.reading() as conn:
        names = await conn.fetch(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        )
        for (name,) in names:
            is_there = await conn.fetchval(
                f"SELECT EXISTS (SELECT FROM {name} AS t WHERE t::text LIKE $1 OR t::text LIKE $2)",  # noqa: S608  ours
                f"%{text}%",
                f"%{text.encode().hex()}%",
            )
            if is_there:
                found.add(name)
    return found


async def test_everything_at_once_ends_in_order(desk: Desk) -> None:
    """Offers, reads, a withdrawal and the revocation at the same time: each is done or refused, nothing hangs."""
    for _ in range(3):
        sector = f"s{uuid4().hex[:12]}"
        banks = [await open_bank(desk, product_body(sectors=[sector])) for _ in range(3)]
        toko = await open_shop(desk, sector=sector)
        consent = await give_consent(desk, toko)
        body = application_body(toko, consent["consent_id"])
        first, second = [await desk.done("/v1/applications", toko.owner, body) for _ in range(2)]
        paths = [f"/v1/applications/{each['application_id']}" for each in (first, second)]
        sales = [completed(toko.shop_id, 1_000 + n) for n in range(8)]

        answers = await asyncio.gather(
            *(desk.post(path + "/offers", bank.caller, offer_body(bank)) for bank in banks for path in paths),
            *(desk.get(path + "/profile", bank.caller) for bank in banks for path in paths),
            desk.post(paths[0] + "/withdraw", toko.owner),
            desk.client.delete(f"/v1/consents/{consent['consent_id']}", headers=toko.owner.headers),
            *(desk.post(path + "/declines", banks[0].caller, {"reason": "other"}) for path in paths),
        )
        await asyncio.gather(*(desk.hear(sale) for sale in sales))

        assert {answer.status_code for answer in answers} <= {200, 201, 204, 403, 409}
        shown = (await desk.get("/v1/applications", toko.owner)).json()["items"]
        assert {each["state"] for each in shown} <= {"withdrawn", "consent_ended", "declined"}
        assert await told(desk, banks[1], "lending.sale_completed.v1") == []


async def test_what_was_not_allowed_is_not_in_the_profile(desk: Desk) -> None:
    sector = f"s{uuid4().hex[:12]}"
    bank = await open_bank(desk, product_body(sectors=[sector]))
    toko = await open_shop(desk, sector=sector)
    consent = await give_consent(desk, toko, "repayment")
    body = {
        "shop_id": str(toko.shop_id),
        "consent_id": consent["consent_id"],
        "amount_minor": 2_000_000,
        "tenor_months": 6,
        "purpose": "equipment",
    }
    application = await desk.done("/v1/applications", toko.owner, body)

    profile = (await desk.get(f"/v1/applications/{application['application_id']}/profile", bank.caller)).json()

    assert "months" not in profile["profile"] and profile["items"] == ["loan_repayment"]
    await desk.hear(completed(toko.shop_id, 100_000))
    assert await told(desk, bank, "lending.sale_completed.v1") == []
