"""The audit's checks between programmes and others: silent when copies agree, and each sees what is planted."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID, uuid4

from deploy.audit import BETWEEN_SERVICES
from services.catalog.handlers import handlers as catalog_handlers
from services.programmes.handlers import counting
from shared.contracts.programmes import CertificateIssued
from shared.db import Database
from shared.sql import Query
from shared.testing import deliver, published
from tests.programmes import say
from tests.programmes.conftest import Desk


def check(name: str, part: str) -> Query:
    (query,) = [each for each in BETWEEN_SERVICES if each.name.startswith(f"{name}/") and each.name.endswith(part)]
    return query


async def expected(db: Database, name: str, key: str) -> str | None:
    async with db.reading() as conn:
        found = {row["key"]: row["value"] for row in await check(name, "expects").rows(conn)}
    return found.get(key)


async def confirmed(db: Database, name: str, keys: Iterable[str]) -> dict[str, str]:
    async with db.reading() as conn:
        return {row["key"]: row["value"] for row in await check(name, "confirms").rows(conn, keys=list(keys))}


async def test_a_shop_whose_copy_differs_is_found(desk: Desk, catalog_db: Database) -> None:
    shop_id, owner_id, name = uuid4(), uuid4(), "shops_are_known_to_programmes"
    async with catalog_db.transaction() as conn:
        await conn.execute(
            "INSERT INTO shops (shop_id, owner_id, name, region_code, opened_at) VALUES ($1, $2, 'T', '18.01', now())",
            shop_id,
            owner_id,
        )
    wanted = await expected(catalog_db, name, str(shop_id))

    unknown = await confirmed(desk.db, name, [str(shop_id)])
    await deliver(desk.db, counting, say.opened(shop_id, "18.01", datetime.now(UTC), owner_id))
    known = await confirmed(desk.db, name, [str(shop_id)])

    assert unknown == {}
    assert known == {str(shop_id): wanted}


async def test_a_certificate_that_catalog_does_not_know_is_found(desk: Desk, catalog_db: Database) -> None:
    _, officer = desk.person("government:18")
    _, _, made = await desk.certificate(officer)
    name, key = "certificates_are_known_to_catalog", made["certificate_id"]
    wanted = await expected(desk.db, name, key)

    unknown = await confirmed(catalog_db, name, [key])
    events = await published(desk.db, CertificateIssued, certificate_id=UUID(key))
    await deliver(catalog_db, catalog_handlers, *events)
    known = await confirmed(catalog_db, name, [key])

    assert unknown == {}
    assert known == {key: wanted}


async def test_parcels_are_counted_as_orders_would_count_them(desk: Desk, orders_db: Database) -> None:
    at, name = datetime(2950, 1, 31, 17, tzinfo=UTC), "completed_parcels_are_counted"  # February in Jakarta
    one, two = uuid4(), uuid4()
    await deliver(desk.db, counting, *(say.completed(each, "18.01", at) for each in (one, one, two)))

    found = await confirmed(desk.db, name, ["2950-02-01/18.01", "2950-01-01/18.01"])

    assert found == {"2950-02-01/18.01": "3 parcels, 30000 of 2 shops"}
    assert await expected(orders_db, name, "2950-02-01/18.01") is None
