"""A small market in throw-away databases: real use cases and handlers, and a relay whose Kafka is a function call."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg

from deploy import audit, registry
from deploy.audit import Findings
from deploy.local.stack import Stack
from services.catalog.domain.product import Details
from services.catalog.use_cases.list_product import list_product
from services.catalog.use_cases.open_shop import OpenShop, open_shop
from shared import outbox
from shared.clock import utc_now
from shared.contracts.base import Delivery
from shared.contracts.catalog import Payee
from shared.contracts.orders import OrderLine, OrderParcel, OrderPlaced
from shared.db import Database
from shared.ids import new_id
from shared.testing import deliver


@dataclass
class World:
    """Catalog and orders, and what is on their shelves."""

    stack: Stack
    databases: dict[str, Database]
    names: dict[str, str]
    shop_id: UUID
    product_id: UUID
    order_ids: list[UUID]

    async def audit(self) -> Findings:
        """Look at all of it, with the audit's own role."""
        addresses = {
            service: self.stack.audit_dsn(service).rsplit("/", 1)[0] + f"/{name}"
            for service, name in self.names.items()
        }
        groups = {service: registry.handler_groups(service) for service in self.names}
        return await audit.run(
            addresses, groups, since=utc_now() - timedelta(hours=1), look_again_seconds=0.01, settle_seconds=0
        )

    async def corrupt(self, service: str, sql: str, *arguments: object) -> str:
        """Change what nobody may change: as the superuser, without triggers and constraints."""
        conn = await asyncpg.connect(self.stack.superuser_dsn(self.names[service]))
        try:
            await conn.execute("SET session_replication_role = replica")
            return await conn.execute(sql, *arguments)
        finally:
            await conn.close()

    async def relay(self) -> None:
        """Deliver everything that waits, until nothing new is said."""
        while any([await self._relay_once(service) for service in self.databases]):
            continue

    async def _relay_once(self, service: str) -> bool:
        database = self.databases[service]
        async with database.transaction() as conn:
            rows = await conn.fetch(
                "SELECT o.topic, o.id, o.event_id, o.type, o.record_key, o.ordering_key, o.occurred_at, o.data::text"
                "  FROM outbox AS o JOIN outbox_cursor AS c ON c.topic = o.topic AND o.id > c.last_id"
                " ORDER BY o.topic, o.id"
            )
            await conn.execute(
                "UPDATE outbox_cursor AS c SET last_id = coalesce((SELECT max(id) FROM outbox AS o"
                " WHERE o.topic = c.topic), c.last_id)"
            )
        deliveries = [
            Delivery(
                event_id=row["event_id"],
                source=service,
                type=row["type"],
                occurred_at=row["occurred_at"],
                ordering_key=row["ordering_key"],
                traceparent=None,
                topic=row["topic"],
                partition=0,
                offset=row["id"],
                record_key=row["record_key"],
                data=row["data"].encode(),
            )
            for row in rows
        ]
        for name, listening in self.databases.items():
            for handlers in registry.handler_groups(name):
                await deliver(listening, handlers, *[one for one in deliveries if one.topic in handlers.topics])
        return bool(rows)

    async def place_cod_order(self, quantity: int = 2) -> UUID:
        """An order as the orders service writes it, paid at the door; not relayed yet."""
        order_id, parcel_id, buyer_id = new_id(), new_id(), uuid4()
        goods_minor = quantity * 15_000
        async with self.databases["orders"].transaction() as conn:
            await conn.execute(
                "INSERT INTO orders (order_id, buyer_id, payment_method, total_minor, currency, placed_at, deadline_at)"
                " VALUES ($1, $2, 'cod', $3, 'IDR', $4, clock_timestamp() + interval '1 hour')",
                order_id, buyer_id, goods_minor + 9_000, utc_now(),
            )  # fmt: skip
            await conn.execute(
                "INSERT INTO parcels (parcel_id, order_id, shop_id, region_code, goods_minor, shipping_minor)"
                " VALUES ($1, $2, $3, '18.01', $4, 9000)",
                parcel_id, order_id, self.shop_id, goods_minor,
            )  # fmt: skip
            await conn.execute(
                "INSERT INTO order_lines (order_id, product_id, parcel_id, version, quantity, unit_price_minor, title,"
                " category, payees) VALUES ($1, $2, $3, 1, $4, 15000, 'Keripik', 'makanan-ringan', '[]')",
                order_id, self.product_id, parcel_id, quantity,
            )  # fmt: skip
            line = OrderLine(
                product_id=self.product_id,
                shop_id=self.shop_id,
                parcel_id=parcel_id,
                version=1,
                category="makanan-ringan",
                quantity=quantity,
                unit_price_minor=15_000,
                payees=(Payee(party_id=self.shop_id, share_basis_points=10_000),),
            )
            parcel = OrderParcel(
                parcel_id=parcel_id,
                shop_id=self.shop_id,
                cooperative_id=None,
                region_code="18.01",
                goods_minor=goods_minor,
                shipping_minor=9_000,
            )
            placed = OrderPlaced(
                order_id=order_id,
                buyer_id=buyer_id,
                payment_method="cod",
                total_minor=goods_minor + 9_000,
                currency="IDR",
                lines=(line,),
                parcels=(parcel,),
                placed_at=utc_now(),
            )
            outbox.append(conn, placed)
        self.order_ids.append(order_id)
        return order_id


async def open_market(stack: Stack, catalog: Database, orders: Database) -> World:
    """One shop with one product, bought twice."""
    databases = {"catalog": catalog, "orders": orders}
    names = {}
    for service, database in databases.items():
        async with database.reading() as conn:
            names[service] = await conn.fetchval("SELECT current_database()")
    owner_id, shop_id, product_id = uuid4(), new_id(), new_id()
    world = World(stack, databases, names, shop_id, product_id, [])
    details = Details(
        title="Keripik Pisang Cokelat",
        description="Renyah.",
        category="makanan-ringan",
        unit_price_minor=15_000,
        currency="IDR",
        weight_grams=250,
        payees=(),
    )
    async with catalog.transaction() as conn:
        await open_shop(conn, OpenShop(shop_id, owner_id, "Toko Uji", "18.01", None), now=utc_now())
    async with catalog.transaction() as conn:
        await list_product(
            conn, product_id=product_id, shop_id=shop_id, details=details, stock=10, by=owner_id, now=utc_now()
        )
    await world.relay()
    for _ in range(2):
        await world.place_cod_order()
    await world.relay()
    return world
