"""Not yours reads as not found: every path of lending with another person's and another lender's token."""

from typing import Any
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute

from services.financing.routes import applications, consents, lenders, loans, offers
from shared.clock import utc_now
from tests.financing.conftest import Caller, Desk
from tests.financing.world import agree, offer_body, open_bank, product_body, run_loan

# Paths that name nothing of anybody: they create, or list the caller's own.
NAMELESS = {
    ("GET", "/v1/consent_text"),
    ("GET", "/v1/consents"),
    ("GET", "/v1/lenders"),
    ("GET", "/v1/lenders/mine"),
    ("GET", "/v1/applications"),
    ("GET", "/v1/loans"),
    ("POST", "/v1/lenders"),
    ("POST", "/v1/gradings"),
    # for operators, who may name any lender; others are refused before anything is looked at
    ("POST", "/v1/lenders/{lender_id}/suspend"),
    ("POST", "/v1/lenders/{lender_id}/resume"),
}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v1/applications/{application_id}/declines"): {"reason": "other"},
    ("POST", "/v1/loans/{loan_id}/disbursement"): {"date": "2026-01-01", "reference": "x"},
    ("POST", "/v1/loans/{loan_id}/repayments"): {"amount_minor": 1, "reference": "x"},
    ("POST", "/v1/loans/{loan_id}/settlement"): {"amount_minor": 1, "reference": "x"},
    ("POST", "/v1/lenders/{lender_id}/products"): product_body(),
}


def paths() -> list[tuple[str, str]]:
    """Every path that names something."""
    found = [
        (method, route.path)
        for router in (lenders.router, consents.router, applications.router, offers.router, loans.router)
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    ]
    return sorted(set(found) - NAMELESS)


async def ids_of(desk: Desk) -> dict[str, str]:
    """One of everything, all of it of others."""
    agreed = await run_loan(desk)
    return {
        "lender_id": agreed.bank.lender_id,
        "product_id": agreed.bank.products[0],
        "consent_id": agreed.consent_id,
        "application_id": agreed.application_id,
        "offer_id": agreed.offer["offer_id"],
        "loan_id": agreed.loan_id,
        "shop_id": str(agreed.toko.shop_id),
    }


async def ask(desk: Desk, method: str, path: str, caller: Caller, ids: dict[str, str]) -> int:
    body = BODIES.get((method, path), {})
    if path == "/v1/consents":
        body = {"shop_id": ids["shop_id"], "scope": ["sales"], "purpose": "credit_assessment"}
        body["until"] = utc_now().isoformat()
    if path == "/v1/applications":
        body = {"shop_id": ids["shop_id"], "consent_id": ids["consent_id"], "amount_minor": 1, "tenor_months": 1}
        body["purpose"] = "working_capital"
    if path.endswith("/offers") and method == "POST":
        body = {"product_id": ids["product_id"], "amount_minor": 1, "tenor_months": 1}
        body["valid_until"] = utc_now().isoformat()
    answer = await desk.client.request(
        method,
        path.format(**ids),
        json=None if method in ("GET", "DELETE") else body,
        headers=caller.headers | {"Idempotency-Key": uuid4().hex},
    )
    return answer.status_code


@pytest.mark.parametrize(("method", "path"), paths())
async def test_others_find_nothing(desk: Desk, method: str, path: str) -> None:
    ids = await ids_of(desk)
    other_lender = (await open_bank(desk, product_body(sectors=["of-another-bank"]))).caller
    strangers = {
        "another person": desk.person(),
        "another lender": other_lender,
        "a machine of no lender": desk.person(kind="client"),
        "an operator": desk.operator(),
    }

    statuses = {who: await ask(desk, method, path, caller, ids) for who, caller in strangers.items()}

    assert statuses == dict.fromkeys(strangers, 404)


async def test_a_borrower_does_not_act_for_the_lender_nor_the_lender_for_the_borrower(desk: Desk) -> None:
    agreed = await agree(desk)
    sector = f"s{uuid4().hex[:12]}"
    bank = await open_bank(desk, product_body(sectors=[sector]))
    path = f"/v1/loans/{agreed.loan_id}"

    by_borrower = await desk.post(
        path + "/repayments", agreed.toko.owner, {"amount_minor": 12_794_226, "reference": "mine"}
    )
    by_lender = await desk.post(f"/v1/offers/{agreed.offer['offer_id']}/accept", agreed.bank.caller)
    log = await desk.get(f"/v1/consents/{agreed.consent_id}/access_log", agreed.bank.caller)
    not_seen = await desk.post(f"/v1/applications/{agreed.application_id}/offers", bank.caller, offer_body(bank))

    assert [answer.status_code for answer in (by_borrower, by_lender, log, not_seen)] == [404] * 4
