"""Ask for a loan: the consent that was read and ticked is given, then the application is published under it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.storefront.upstream import Network, Refused


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `until`: when the consent ends; amounts in rupiah."""

    shop_id: str
    amount_minor: int
    tenor_months: int
    purpose: str
    scopes: tuple[str, ...]
    until: datetime
    asks_a_person: bool


async def consent_words(network: Network, wish: Wish) -> dict[str, Any]:
    """The words to say yes to, as financing will keep them."""
    params = {"scope": list(wish.scopes), "purpose": wish.purpose, "until": wish.until.isoformat()}
    words: dict[str, Any] = await network.financing.get("/v1/consent_text", params=params)
    return words


async def ask_for_loan(
    network: Network, token: str, wish: Wish, *, text_version: str, consent_key: str, application_key: str
) -> str:
    """The application's id. Both keys were made with the form, so the same form sent twice asks once.

    Raises Refused. When nothing comes of the application, its consent is taken back: it was given for this alone.
    """
    consent = await network.financing.call(
        "POST",
        "/v1/consents",
        token=token,
        key=consent_key,
        json={
            "shop_id": wish.shop_id,
            "scope": list(wish.scopes),
            "purpose": wish.purpose,
            "until": wish.until.isoformat(),
            "text_version": text_version,
            "language": "id",
            "channel": "web",
        },
    )
    try:
        published = await network.financing.call(
            "POST",
            "/v1/applications",
            token=token,
            key=application_key,
            json={
                "shop_id": wish.shop_id,
                "consent_id": consent["consent_id"],
                "amount_minor": wish.amount_minor,
                "tenor_months": wish.tenor_months,
                "purpose": wish.purpose,
                "human_review": wish.asks_a_person,
            },
        )
    except Refused:
        await _take_back(network, token, str(consent["consent_id"]))
        raise
    return str(published["application_id"])


async def _take_back(network: Network, token: str, consent_id: str) -> None:
    try:
        await network.financing.call("DELETE", f"/v1/consents/{consent_id}", token=token)
    except Refused as refusal:
        if refusal.reason != "consent-ended":
            raise
