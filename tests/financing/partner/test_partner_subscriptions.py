"""Subscriptions over HTTP: secrets once, bounds, states; another lender's reads as not found."""

from uuid import UUID, uuid4

import pytest

from services.financing.routes.partner_views import SCOPE
from services.financing.use_cases.subscribe import SUBSCRIPTIONS_MAX
from tests.financing.partner.conftest import World


async def test_a_webhook_gets_its_secret_once(world: World) -> None:
    partner = await world.partner()
    body = {"transport": "webhook", "url": "https://contoh.id/hook", "types": ["lending.test.v1"]}

    answer = await world.call("POST", "/v1/subscriptions", partner, body)

    assert answer.status_code == 201 and answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert made["secret"].startswith("whsec_") and made["kafka"] is None
    listed = await world.done("GET", "/v1/subscriptions", partner)
    (only,) = listed["items"]
    assert only["subscription_id"] == made["subscription_id"] and only["types"] == ["lending.test.v1"]
    assert "secret" not in only and made["secret"] not in str(listed)
    async with world.db.reading() as conn:
        stored = await conn.fetchval(
            "SELECT secret FROM subscriptions WHERE subscription_id = $1", UUID(made["subscription_id"])
        )
    assert made["secret"].removeprefix("whsec_").encode() not in stored


async def test_kafka_access_is_asked_for_and_its_password_is_sealed(world: World) -> None:
    partner = await world.partner()

    made = await world.done("POST", "/v1/subscriptions", partner, {"transport": "kafka"})

    slug = partner.lender.slug
    kafka = made["kafka"]
    assert kafka["topic"] == f"lending.{slug}.events" and kafka["group_prefix"] == f"lender.{slug}."
    assert kafka["username"] == f"lender-{slug}" and len(kafka["password"]) >= 40
    async with world.db.reading() as conn:
        row = await conn.fetchrow("SELECT * FROM kafka_access WHERE lender_id = $1", partner.id)
    assert row is not None and row["state"] == "wanted" and kafka["password"] not in str(dict(row))
    health = await world.health(partner, made["subscription_id"])
    assert health["topic_state"] == "wanted"
    again = await world.call("POST", "/v1/subscriptions", partner, {"transport": "kafka"})
    assert again.status_code == 409 and again.json()["type"].endswith("one-topic")
    kept = await world.call("DELETE", f"/v1/subscriptions/{made['subscription_id']}", partner)
    assert kept.status_code == 409


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"transport": "webhook"}, 422),
        ({"transport": "pull", "url": "https://contoh.id/"}, 422),
        ({"transport": "webhook", "url": "https://10.0.0.1/"}, 422),
        ({"transport": "webhook", "url": "ftp://contoh.id/"}, 422),
        ({"transport": "pigeon"}, 422),
        ({"transport": "pull", "types": ["*"]}, 422),
        ({"transport": "pull", "from_position": -1}, 422),
        ({"transport": "pull", "from_position": 1}, 409),
    ],
)
async def test_a_subscription_that_cannot_be_is_refused(world: World, body: dict[str, object], status: int) -> None:
    partner = await world.partner()

    answer = await world.call("POST", "/v1/subscriptions", partner, body)

    assert answer.status_code == status, answer.text
    assert (await world.done("GET", "/v1/subscriptions", partner))["items"] == []


async def test_a_lender_has_a_bounded_number_of_them(world: World) -> None:
    partner = await world.partner()
    for _ in range(SUBSCRIPTIONS_MAX):
        last = await world.done("POST", "/v1/subscriptions", partner, {"transport": "pull"})

    answer = await world.call("POST", "/v1/subscriptions", partner, {"transport": "pull"})

    assert answer.status_code == 409 and answer.json()["type"].endswith("too-many-subscriptions")
    page = await world.done("GET", "/v1/subscriptions?limit=15", partner)
    rest = await world.done("GET", f"/v1/subscriptions?limit=15&cursor={page['next_cursor']}", partner)
    assert len(page["items"]) == 15 and len(rest["items"]) == 5 and rest["next_cursor"] is None
    gone = await world.call("DELETE", f"/v1/subscriptions/{last['subscription_id']}", partner)
    assert gone.status_code == 204


async def test_another_lenders_subscription_reads_as_not_found(world: World) -> None:
    owner, other = await world.partner(), await world.partner()
    subscription_id, path, _ = await world.webhook(owner)
    before = await world.health(owner, subscription_id)

    place = f"/v1/subscriptions/{subscription_id}"
    attempts = [("GET", f"{place}/health", None), ("DELETE", place, None)]
    attempts += [("POST", f"{place}/{verb}", None) for verb in ("pause", "resume", "rotate", "test")]
    for method, url, body in [*attempts, ("POST", f"{place}/replay", {"from_position": 1})]:
        answer = await world.call(method, url, other, body)
        assert answer.status_code == 404, (url, answer.text)

    assert await world.health(owner, subscription_id) == before
    assert (await world.done("GET", "/v1/subscriptions", other))["items"] == []
    assert world.receiver.at(path) == []


async def test_only_a_lenders_client_with_the_scope_gets_in(world: World) -> None:
    partner = await world.partner()
    person = world.tokens.headers(uuid4())
    stranger = world.tokens.headers(uuid4(), kind="client", scope=SCOPE)
    narrow = world.tokens.headers(partner.lender.client_id, kind="client", scope="")

    for path in ("/v1/subscriptions", "/v1/events"):
        assert (await world.http.get(path)).status_code == 401
        assert (await world.http.get(path, headers=person)).status_code == 404
        assert (await world.http.get(path, headers=stranger)).status_code == 404
        assert (await world.http.get(path, headers=narrow)).status_code == 403


async def test_an_operator_sees_how_all_of_them_go(world: World) -> None:
    partner = await world.partner()
    subscription_id, _, _ = await world.webhook(partner)
    operator = world.tokens.headers(uuid4(), roles=["operator"])

    refused = await world.http.get("/v1/lender-subscriptions", headers=partner.headers)
    found, cursor = [], ""
    while True:
        answer = await world.http.get(f"/v1/lender-subscriptions?limit=100{cursor}", headers=operator)
        found += answer.json()["items"]
        if answer.json()["next_cursor"] is None:
            break
        cursor = f"&cursor={answer.json()['next_cursor']}"

    assert refused.status_code == 403
    assert subscription_id in {item["subscription_id"] for item in found}
    assert not any("secret" in item for item in found)
