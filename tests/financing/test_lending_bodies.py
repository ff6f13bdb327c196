"""Whatever is sent in a body, a query or a header is refused or done, never a fault of ours."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from services.financing.routes.partner_views import SCOPE
from shared.clock import utc_now
from tests.financing.conftest import Caller, Desk
from tests.financing.world import (
    application_body,
    give_consent,
    offer_body,
    open_bank,
    open_shop,
    product_body,
    run_loan,
)

DEEP: Any = 1
for _ in range(60):
    DEEP = [DEEP]
ODD: list[Any] = [
    None, True, -1, 0, 2**31, 2**63, 2**64, 10**40, 1.5, 1e308, "", "\x00", "a\x00b", "NaN", "9" * 400, "x" * 20_000,
    "'; DROP TABLE loans; --", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31", "0001-01-01",
    [], {}, ["\x00"], [None], DEEP,
]  # fmt: skip
RAW = [b"", b"{", b"null", b"NaN", b'{"amount_minor": 1e999}', b"\xff\xfe", b"[" * 5_000, b'{"a":' * 5_000]
CURSORS = ["x", "WzFd", "W10", "WyIwIl0", "Wy0xXQ", "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwXQ", "WyJcdTAwMDAiXQ", "%00"]
QUERIES = ["after=99999999999999999999", "after=4611686018427387904", "types=%00", "types=,,", "wait=31", "limit=0"]


async def faults(desk: Desk, caller: Caller, path: str, body: dict[str, Any]) -> list[str]:
    """What of these bodies made us fail."""
    found = []
    bodies: list[dict[str, Any]] = [body | {name: odd} for name in body for odd in ODD]
    for each in bodies:
        answer = await desk.post(path, caller, each)
        if answer.status_code >= 500:
            found.append(f"{path} {str(each)[:300]}: {answer.status_code}")
    for raw in RAW:
        headers = caller.headers | {"Idempotency-Key": uuid4().hex, "Content-Type": "application/json"}
        answer = await desk.client.post(path, content=raw, headers=headers)
        if answer.status_code >= 500:
            found.append(f"{path} {raw[:40]!r}: {answer.status_code}")
    return found


async def test_odd_bodies_are_no_fault_of_ours(desk: Desk) -> None:
    loan = await run_loan(desk)
    bank, toko = await open_bank(desk), await open_shop(desk)
    consent = await give_consent(desk, toko)
    until = (utc_now() + timedelta(days=1)).isoformat()
    new_consent = {"shop_id": str(toko.shop_id), "scope": ["sales"], "purpose": "credit_assessment", "until": until}
    new_consent |= {"text_version": "1", "language": "id", "channel": "web"}
    pay = {"amount_minor": 1, "reference": "x"}
    calls: list[tuple[Caller, str, dict[str, Any]]] = [
        (desk.operator(), "/v1/lenders", {"client_id": str(uuid4()), "slug": "abc", "name": "Bank"}),
        (bank.caller, f"/v1/lenders/{bank.lender_id}/products", product_body(kur_scheme=None, regions=[], sectors=[])),
        (toko.owner, "/v1/consents", new_consent),
        (toko.owner, "/v1/applications", application_body(toko, consent["consent_id"])),
        (loan.bank.caller, f"/v1/applications/{loan.application_id}/offers", offer_body(loan.bank)),
        (loan.bank.caller, f"/v1/applications/{loan.application_id}/declines", {"reason": "other"}),
        (loan.toko.owner, f"/v1/offers/{loan.offer['offer_id']}/accept", {"share_basis_points_max": 1}),
        (loan.bank.caller, f"/v1/loans/{loan.loan_id}/disbursement", {"date": "2026-01-01", "reference": "x"}),
        (loan.bank.caller, f"/v1/loans/{loan.loan_id}/repayments", pay),
        (loan.bank.caller, f"/v1/loans/{loan.loan_id}/settlement", pay),
        (desk.operator(), "/v1/gradings", {"as_of": "2020-01-01"}),
    ]

    found = [fault for caller, path, body in calls for fault in await faults(desk, caller, path, body)]

    assert found == []


async def test_odd_queries_and_headers_are_no_fault_of_ours(desk: Desk) -> None:
    loan = await run_loan(desk)
    events = desk.person(loan.bank.caller.account_id, kind="client", scope=SCOPE)
    lists = ["/v1/applications", "/v1/loans", f"/v1/consents/{loan.consent_id}/access_log"]
    found = []
    for cursor in CURSORS:
        for path, caller in [*((path, loan.toko.owner) for path in lists), ("/v1/subscriptions", events)]:
            answer = await desk.get(f"{path}?cursor={cursor}", caller)
            if answer.status_code >= 500:
                found.append(f"{path} {cursor}")
    for query in QUERIES:
        answer = await desk.get(f"/v1/events?{query}", events)
        if answer.status_code >= 500:
            found.append(query)
    for until in ("0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"):
        path = f"/v1/consent_text?scope=sales&purpose=credit_assessment&until={until}"
        if (await desk.get(path, loan.toko.owner)).status_code >= 500:
            found.append(path)
    for header in ({"traceparent": "00-" + "x" * 52}, {"traceparent": "\xff"}, {"Idempotency-Key": "k" * 300}):
        sent = [(k.encode(), v.encode("latin-1")) for k, v in (loan.toko.owner.headers | header).items()]
        answer = await desk.client.post("/v1/applications", json={}, headers=sent)
        if answer.status_code >= 500:
            found.append(str(header))

    assert found == []
