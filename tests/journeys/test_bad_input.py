"""Bad input: a problem document each, nothing changed, nothing published."""

from typing import Any

import pytest

from deploy.demo.acts import PASSWORD, address, plentiful
from deploy.demo.world import Person, World, new_key

HUGE = 10**18


@pytest.fixture(scope="module")
async def buyer(world: World) -> Person:
    person = Person("Pak Usil", f"usil-{new_key()[:8]}@contoh.id")
    await world.sign_up_by_email(person, PASSWORD)
    return person


def product_of(world: World) -> str:
    shop = world.shops[6]
    return shop.products[plentiful(shop)[0].title]


def order(product_id: str, quantity: Any = 1) -> dict[str, Any]:
    lines = [{"product_id": product_id, "quantity": quantity}]
    return {"lines": lines, "ship_to": address("18.71"), "payment": {"method": "cod"}}


async def published(world: World) -> int:
    """All events there are, in both logs."""
    total = 0
    for service in ("orders", "catalog"):
        total += await world.databases[service].fetchval("SELECT count(*) FROM outbox")
    return total


async def send(
    world: World, path: str, *, token: str, content: bytes | None = None, json: Any = None, service: str = "orders",
    key: str | None = None, method: str = "POST",
) -> Any:  # fmt: skip
    headers = {"idempotency-key": key or new_key(), "content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    return await world.http.request(
        method, world.stack.url(service) + path, content=content, json=json, headers=headers
    )


def is_problem(answer: Any) -> bool:
    body = answer.json()
    return (
        answer.headers["content-type"].startswith("application/problem+json")
        and {"type", "title", "status"} <= set(body)
        and body["status"] == answer.status_code
    )


@pytest.mark.parametrize("quantity", [0, -1, 1.5, HUGE, "1; DROP TABLE orders", None, True, []])
async def test_a_quantity_that_is_none_is_refused(world: World, buyer: Person, quantity: Any) -> None:
    before = await published(world)

    answer = await send(world, "/v1/orders", token=buyer.token, json=order(product_of(world), quantity))

    assert answer.status_code == 422 and is_problem(answer), answer.text
    assert await published(world) == before


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"lines": []}', b"\xff\xfe", b'{"lines":' + b"[" * 20_000, b"x" * 300_000],
)
async def test_a_body_that_is_none_is_refused(world: World, buyer: Person, content: bytes) -> None:
    before = await published(world)

    answer = await send(world, "/v1/orders", token=buyer.token, content=content)

    assert answer.status_code in (400, 413, 422) and is_problem(answer), answer.text
    assert await published(world) == before


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"],
)
async def test_a_token_that_is_none_is_refused(world: World, token: str) -> None:
    before = await published(world)

    answer = await send(world, "/v1/orders", token=token, json=order(product_of(world)))

    assert answer.status_code == 401 and is_problem(answer), answer.text
    assert await published(world) == before


async def test_a_token_with_a_changed_letter_is_refused(world: World, buyer: Person) -> None:
    head, claims, signature = buyer.token.split(".")
    forged = f"{head}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"

    answer = await send(world, "/v1/orders", token=forged, json=order(product_of(world)))

    assert answer.status_code == 401 and is_problem(answer)


async def test_an_unknown_product_is_refused(world: World, buyer: Person) -> None:
    before = await published(world)

    answer = await send(world, "/v1/orders", token=buyer.token, json=order("01a20f6e-0000-7000-8000-000000000000"))

    assert answer.status_code in (404, 409) and is_problem(answer), answer.text
    assert await published(world) == before


async def test_a_reused_key_with_another_body_is_refused(world: World, buyer: Person) -> None:
    key = new_key()
    first = await send(world, "/v1/orders", token=buyer.token, json=order(product_of(world), 1), key=key)
    before = await published(world)

    second = await send(world, "/v1/orders", token=buyer.token, json=order(product_of(world), 2), key=key)
    again = await send(world, "/v1/orders", token=buyer.token, json=order(product_of(world), 1), key=key)

    assert first.status_code == 201
    assert second.status_code == 422 and is_problem(second)
    assert again.status_code == 201 and again.content == first.content
    await world.until(buyer, first.json()["order_id"], "confirmed")
    assert await published(world) >= before


async def test_a_foreign_shop_reads_as_not_found(world: World, buyer: Person) -> None:
    product_id = product_of(world)
    before = await world.databases["catalog"].fetchval("SELECT count(*) FROM outbox")

    answers = [
        await send(
            world, f"/v1/products/{product_id}/price", token=buyer.token, service="catalog", method="PUT",
            json={"unit_price_minor": 1, "expected_version": 1},
        ),
        await send(world, f"/v1/products/{product_id}/stock", token=buyer.token, service="catalog", json={"change": 5}),
        await send(
            world, "/v1/products", token=buyer.token, service="catalog",
            json={
                "shop_id": world.shops[6].shop_id, "title": "Titipan", "description": "-", "category": "minuman",
                "unit_price_minor": 1000, "currency": "IDR", "stock": 1,
            },
        ),
    ]  # fmt: skip

    assert [answer.status_code for answer in answers] == [404, 404, 404], [answer.text for answer in answers]
    assert all(is_problem(answer) for answer in answers)
    assert await world.databases["catalog"].fetchval("SELECT count(*) FROM outbox") == before


async def test_another_buyers_order_reads_as_not_found(world: World, buyer: Person) -> None:
    owner = world.buyers[0]
    order_id = world.main_order["order_id"]
    assert owner.account_id != buyer.account_id

    seen = await send(world, f"/v1/orders/{order_id}", token=buyer.token, method="GET")
    cancelled = await send(world, f"/v1/orders/{order_id}/cancel", token=buyer.token, json={"reason": "buyer"})

    assert (seen.status_code, cancelled.status_code) == (404, 404)
    assert is_problem(seen) and is_problem(cancelled)
