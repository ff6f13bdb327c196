"""What others say of people: memberships and certificates, the badges of it, and what may be sold because of it."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.catalog.domain.badges import living, wanting
from services.catalog.handlers import handlers
from services.catalog.store import standing
from shared import sql
from shared.clock import utc_now
from shared.contracts.catalog import ProductListed, ShopOpened
from shared.contracts.cooperatives import MemberAdmitted, MemberLinked, MemberResigned
from shared.contracts.identity import AccountErased
from shared.contracts.programmes import CertificateIssued, CertificateRevoked
from shared.testing import check_handler, deliver, published
from tests.catalog import sheets
from tests.catalog.conftest import Market, Seller, product_body
from tests.catalog.test_imports import imported

REGULATED, SCHEME = "pangan-olahan", "keamanan-pangan"
CERTIFIED = f"bersertifikat:{SCHEME}"


def admitted(account_id: UUID | None, cooperative_id: UUID, member_id: UUID | None = None) -> MemberAdmitted:
    return MemberAdmitted(
        cooperative_id=cooperative_id,
        member_id=member_id or uuid4(),
        account_id=account_id,
        region_code="18.01",
        admitted_at=utc_now(),
    )


def resigned(admission: MemberAdmitted) -> MemberResigned:
    said = admission.model_dump(exclude={"admitted_at"})
    return MemberResigned(**said, reason="resigned", resigned_at=utc_now())


def issued(person_id: UUID, *, expires_at: datetime | None = None, certificate_id: UUID | None = None) -> Any:
    return CertificateIssued(
        person_id=person_id,
        certificate_id=certificate_id or uuid4(),
        training_id=uuid4(),
        scheme=SCHEME,
        region_code="18.01",
        issued_at=utc_now(),
        expires_at=expires_at or utc_now() + timedelta(days=365),
    )


def revoked(certificate: CertificateIssued) -> CertificateRevoked:
    return CertificateRevoked(
        person_id=certificate.person_id,
        certificate_id=certificate.certificate_id,
        scheme=certificate.scheme,
        revoked_at=utc_now(),
    )


async def badges(market: Market, shop_id: UUID) -> list[str]:
    """What the shop shows."""
    found: list[str] = (await market.client.get(f"/v1/shops/{shop_id}")).json()["badges"]
    return found


async def faults(market: Market) -> list[str]:
    """The shops that show something else than the facts say."""
    checks = sql.Queries(Path(standing.__file__).parents[1] / "audit.sql")
    async with market.db.reading() as conn:
        return [row["key"] for row in await checks.badges_follow_the_facts.rows(conn)]


async def shop_of_member(market: Market, cooperative_id: UUID) -> tuple[Seller, MemberAdmitted]:
    """A shop of the cooperative, opened by a member of it."""
    account_id, headers = market.person()
    admission = admitted(account_id, cooperative_id)
    await deliver(market.db, handlers, admission)
    body = {"name": "Toko Anggota", "region_code": "18.01", "cooperative_id": str(cooperative_id)}
    answer = await market.client.post("/v1/shops", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return Seller(account_id, headers, UUID(answer.json()["shop_id"])), admission


async def test_only_a_member_opens_a_shop_of_a_cooperative(market: Market) -> None:
    account_id, headers = market.person()
    cooperative_id, other = uuid4(), uuid4()
    body = {"name": "Toko Anggota", "region_code": "18.01", "cooperative_id": str(cooperative_id)}

    before = await market.client.post("/v1/shops", json=body, headers=headers)
    nothing = await published(market.db, ShopOpened, owner_id=account_id)
    await check_handler(market.db, handlers, admitted(account_id, cooperative_id))
    elsewhere = await market.client.post("/v1/shops", json=body | {"cooperative_id": str(other)}, headers=headers)
    after = await market.client.post("/v1/shops", json=body, headers=headers)

    assert (before.status_code, before.json()["type"]) == (409, "urn:lumbung:problem:not-a-member")
    assert nothing == []
    assert elsewhere.status_code == 409
    assert after.status_code == 201
    assert await badges(market, UUID(after.json()["shop_id"])) == ["koperasi"]


async def test_a_member_who_leaves_keeps_the_shop_without_the_badge(market: Market) -> None:
    seller, admission = await shop_of_member(market, uuid4())
    product_id = await market.product(seller)

    await check_handler(market.db, handlers, resigned(admission))

    assert await badges(market, seller.shop_id) == []
    assert (await market.client.get(f"/v1/products/{product_id}")).json()["badges"] == []


async def test_a_member_without_an_account_changes_nothing(market: Market) -> None:
    await check_handler(market.db, handlers, admitted(None, uuid4()))


async def test_a_member_who_gets_an_account_later_may_open_a_shop_of_the_cooperative(market: Market) -> None:
    account_id, headers = market.person()
    cooperative_id = uuid4()
    admission = admitted(None, cooperative_id)
    said = admission.model_dump(exclude={"admitted_at", "account_id"})
    await deliver(market.db, handlers, admission)

    await check_handler(market.db, handlers, MemberLinked(**said, account_id=account_id, linked_at=utc_now()))

    body = {"name": "Toko Anggota", "region_code": "18.01", "cooperative_id": str(cooperative_id)}
    assert (await market.client.post("/v1/shops", json=body, headers=headers)).status_code == 201


async def test_a_certificate_shows_where_the_holder_works_until_it_ends(market: Market) -> None:
    seller = await market.seller()
    helper, _ = market.person()
    path = f"/v1/shops/{seller.shop_id}/staff/{helper}"
    certificate = issued(helper)

    await check_handler(market.db, handlers, certificate)
    before = await badges(market, seller.shop_id)
    await market.client.put(path, json={"role": "packer"}, headers=seller.headers)
    joined = await badges(market, seller.shop_id)
    await market.client.delete(path, headers=seller.headers)
    left = await badges(market, seller.shop_id)
    await market.client.put(path, json={"role": "packer"}, headers=seller.headers)
    await check_handler(market.db, handlers, revoked(certificate))
    after = await badges(market, seller.shop_id)

    assert (before, joined, left, after) == ([], [CERTIFIED], [], [])
    await deliver(market.db, handlers, issued(helper, expires_at=utc_now() - timedelta(seconds=2)))
    assert await badges(market, seller.shop_id) == []
    assert await faults(market) == []


async def test_a_revocation_that_comes_before_its_certificate_stays(market: Market) -> None:
    seller = await market.seller()
    certificate = issued(seller.account_id)

    await check_handler(market.db, handlers, revoked(certificate))
    await check_handler(market.db, handlers, certificate)

    assert await badges(market, seller.shop_id) == []


async def test_badges_stand_beside_products_and_lists_can_be_narrowed_to_them(market: Market) -> None:
    seller, _ = await shop_of_member(market, uuid4())
    await deliver(market.db, handlers, issued(seller.account_id))
    plain = await market.seller()
    word = f"w{uuid4().hex[:10]}"
    mine = await market.product(seller, title=f"Kopi {word}")
    theirs = await market.product(plain, title=f"Kopi {word}")
    found = {}
    for query in (f"q={word}", f"q={word}&badge=koperasi", f"q={word}&badge={CERTIFIED}", "badge=koperasi&limit=100"):
        page = (await market.client.get(f"/v1/products?{query}")).json()
        found[query] = {item["product_id"]: item["badges"] for item in page["items"]}
    for sort in ("newest", "price_asc", "price_desc"):
        path = f"/v1/products?shop_id={{}}&badge=koperasi&sort={sort}"
        assert len((await market.client.get(path.format(seller.shop_id))).json()["items"]) == 1
        empty = (await market.client.get(path.format(plain.shop_id))).json()
        assert (empty["items"], empty["facets"]["total"]["count"]) == ([], 0)

    both = {str(mine): [CERTIFIED, "koperasi"], str(theirs): []}
    assert found[f"q={word}"] == both
    assert found[f"q={word}&badge=koperasi"] == {str(mine): both[str(mine)]}
    assert found[f"q={word}&badge={CERTIFIED}"] == {str(mine): both[str(mine)]}
    assert str(mine) in found["badge=koperasi&limit=100"]
    assert str(theirs) not in found["badge=koperasi&limit=100"]


async def test_who_becomes_a_member_while_opening_shops_shows_it_in_all_of_them(market: Market) -> None:
    people = [market.person() for _ in range(10)]

    async def open_one(headers: dict[str, str]) -> UUID:
        answer = await market.client.post("/v1/shops", json={"name": "Toko", "region_code": "18"}, headers=headers)
        return UUID(answer.json()["shop_id"])

    opened = await asyncio.gather(
        *(open_one(headers) for _, headers in people),
        *(deliver(market.db, handlers, issued(account_id)) for account_id, _ in people),
    )

    for shop_id in opened[:10]:
        assert shop_id is not None
        assert await badges(market, shop_id) == [CERTIFIED]
    assert await faults(market) == []


async def test_food_needs_a_living_certificate_of_somebody_of_the_shop(market: Market) -> None:
    seller = await market.seller()
    body = product_body(seller.shop_id) | {"category": REGULATED}
    ordinary = await market.product(seller)
    certificate = issued(seller.account_id)

    async def offer() -> Any:
        return await market.client.post("/v1/products", json=body, headers=seller.headers)

    without = await offer()
    moved = await market.client.put(
        f"/v1/products/{ordinary}", json=body | {"expected_version": 1}, headers=seller.headers
    )
    await deliver(market.db, handlers, issued(seller.account_id, expires_at=utc_now() - timedelta(seconds=1)))
    expired = await offer()
    await deliver(market.db, handlers, issued(uuid4()))
    of_a_stranger = await offer()
    await deliver(market.db, handlers, certificate)
    allowed = await offer()
    await deliver(market.db, handlers, revoked(certificate))
    taken_back = await offer()
    price = await market.client.put(
        f"/v1/products/{allowed.json()['product_id']}/price",
        json={"unit_price_minor": 17_000, "expected_version": 1},
        headers=seller.headers,
    )

    for refused in (without, moved, expired, of_a_stranger, taken_back):
        problem = refused.json()
        assert (refused.status_code, problem["type"]) == (409, "urn:lumbung:problem:certificate-needed")
        assert (problem["category"], problem["scheme"]) == (REGULATED, SCHEME)
        assert f"GET /v1/trainings?scheme={SCHEME}" in problem["detail"]
    assert (allowed.status_code, price.status_code) == (201, 200)
    assert len(await published(market.db, ProductListed, shop_id=seller.shop_id)) == 2


async def test_an_import_tells_the_rows_that_need_a_certificate_and_takes_the_others(market: Market) -> None:
    seller = await market.seller()
    lines = [("Kopi", "", "kopi-teh", 10_000, 5, 250), ("Abon", "", REGULATED, 20_000, 5, 250)]
    content = sheets.xlsx_of(lines)

    before = await imported(market, seller, content)
    await deliver(market.db, handlers, issued(seller.account_id))
    after = await imported(market, seller, content)

    assert (before["state"], before["done"], before["failed"]) == ("done", 1, 1)
    ((row, column, message),) = [(each["row"], each["column"], each["message"]) for each in before["errors"]]
    assert (row, column) == (3, "category")
    assert "perlu sertifikat keamanan-pangan" in message
    assert (after["done"], after["failed"]) == (2, 0)


async def test_who_left_is_neither_member_nor_certified_here(market: Market) -> None:
    seller, _ = await shop_of_member(market, uuid4())
    await deliver(market.db, handlers, issued(seller.account_id))

    await check_handler(market.db, handlers, AccountErased(account_id=seller.account_id, erased_at=utc_now()))

    async with market.db.reading() as conn:
        known = await conn.fetchval(
            "SELECT (SELECT count(*) FROM cooperative_members WHERE account_id = $1)"
            " + (SELECT count(*) FROM person_certificates WHERE person_id = $1)",
            seller.account_id,
        )
    assert known == 0
    assert await badges(market, seller.shop_id) == []
    assert await faults(market) == []


async def test_a_badge_that_no_fact_supports_is_found(market: Market) -> None:
    seller = await market.seller()
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE shops SET badges = $2 WHERE shop_id = $1", seller.shop_id, {"koperasi": None})

    found = await faults(market)

    async with market.db.transaction() as conn:
        await conn.execute("UPDATE shops SET badges = '{}' WHERE shop_id = $1", seller.shop_id)
    assert found == [str(seller.shop_id)]


@pytest.mark.parametrize(
    ("now", "shown"), [(99, ["bersertifikat:a", "koperasi"]), (100, ["koperasi"]), (101, ["koperasi"])]
)
def test_a_badge_is_shown_until_its_end(now: int, shown: list[str]) -> None:
    assert living({"koperasi": None, "bersertifikat:a": 100}, now) == shown


def test_only_regulated_categories_want_a_certificate() -> None:
    schemes = {"pangan-olahan": "keamanan-pangan"}

    assert wanting(schemes, ["kopi-teh", "pangan-olahan"], []) == {"pangan-olahan": "keamanan-pangan"}
    assert wanting(schemes, ["kopi-teh", "pangan-olahan"], ["keamanan-pangan"]) == {}
