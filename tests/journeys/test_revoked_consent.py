"""A consent that ends: what was worked out of the shop is gone from every store, and the person was never in most."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from deploy.demo.chapters.lenders import SCOPES, lending
from deploy.demo.chapters.money import member_shop
from deploy.demo.world import Person, World, new_key
from shared.clock import utc_now
from tests.journeys.searching import tables_with, topics_with

# Where a person's name or phone number belongs: who signs people in, and who must write it on paper or to a bank.
NAME_BELONGS = {
    "identity.accounts",
    "cooperatives.applications",
    "cooperatives.members",
    "programmes.enrolments",
    "orders.bank_accounts",
    "orders.bank_file_lines",
}
PHONE_BELONGS = {"identity.contacts"}


async def send(world: World, person: Person, path: str, body: dict[str, Any]) -> Any:
    return await world.call("POST", "financing", path, person=person, body=body, key=new_key())


@pytest.mark.timeout(180)
async def test_what_a_lender_could_read_is_nowhere_after_the_consent_was_revoked(world: World) -> None:
    shop, bank = member_shop(world, 1), lending(world).lenders[0]
    seller = shop.seller
    until = (utc_now() + timedelta(days=30)).isoformat()
    asked = {"shop_id": shop.shop_id, "scope": list(SCOPES), "purpose": "credit_assessment", "until": until}
    consent = await send(world, seller, "/v1/consents", asked)
    wish = {
        "shop_id": shop.shop_id,
        "consent_id": consent["consent_id"],
        "amount_minor": 2_000_000,
        "tenor_months": 6,
        "purpose": "working_capital",
        "human_review": True,
    }
    application = await send(world, seller, "/v1/applications", wish)
    profile_path = f"/v1/applications/{application['application_id']}/profile"
    profile = (await world.call("GET", "financing", profile_path, person=bank.client))["profile"]
    figures = {factor["name"]: factor["working"] for factor in profile["factors"]} | {"months": '"turnover_minor"'}
    before = await tables_with(world.stack, figures)

    await world.call("DELETE", "financing", f"/v1/consents/{consent['consent_id']}", person=seller)
    refused = await world.call("GET", "financing", profile_path, person=bank.client, expect=(403, 404, 409, 410))

    person = {"name": seller.name, "phone": seller.contact.removeprefix("+62")}
    after = await tables_with(world.stack, figures | person)
    told = await asyncio.to_thread(topics_with, world.stack, figures | person)
    log = await world.call("GET", "financing", f"/v1/consents/{consent['consent_id']}/access_log", person=seller)
    assert len(figures) > 5 and all(tables == {"financing.profiles"} for tables in before.values()), before
    assert {name: after[name] for name in figures} == {name: set() for name in figures}
    assert "cooperatives.members" in after["name"] <= NAME_BELONGS
    assert after["phone"] == PHONE_BELONGS
    assert {name: topics for name, topics in told.items() if topics} == {}
    assert [item["outcome"] for item in log["items"]] == ["read", "refused"], (log, refused)
    assert {one["acknowledgement"] for one in log["recipients"]} == {"waiting"}
    heard = " ".join(str(one.data) for one in lending(world).receiver.deliveries)
    assert seller.name not in heard and person["phone"] not in heard


@pytest.mark.timeout(120)
async def test_the_search_finds_what_is_there(world: World) -> None:
    shop = member_shop(world, 0)
    needles = {"shop": shop.shop_id, "name": shop.seller.name}

    tables, topics = await tables_with(world.stack, needles), await asyncio.to_thread(topics_with, world.stack, needles)

    assert {"catalog.shops", "orders.outbox", "financing.lender_log"} <= tables["shop"]
    assert {"lumbung.catalog", "lumbung.orders", lending(world).lenders[0].given["kafka"]["topic"]} <= topics["shop"]
    assert topics["name"] == set()
