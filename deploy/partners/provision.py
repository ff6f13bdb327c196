"""Make what a lender's row wants in Kafka: its topic, its rights, its quotas, and last its user. Safe to repeat.

A lender may read topics that begin with `lending.<slug>.`, in groups that begin with `lender.<slug>.`, and nothing
else; the dots matter: without them `acme` would open `acme2`. The user comes last, so that a password that works finds
everything there.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

from aiokafka.errors import KafkaError as ClientError
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from deploy.partners.quotas import QuotasRefused, set_quotas
from services.financing.domain import sealing
from services.financing.domain.partner_names import group_prefix, kafka_user, topic_of, topic_prefix
from shared import sql
from shared.db import Database
from shared.kafka import KafkaAccess
from shared.sql import Row

queries = sql.load(__file__, "partners.sql")

TOPIC_PREFIX = "lending."
CLUSTER = ResourceType.BROKER  # librdkafka's name for the resource that Kafka calls cluster
RETENTION_MS = 7 * 24 * 3600 * 1000
RETENTION_BYTES = 1024**3
SCRAM_ITERATIONS = 4096
REQUEST_SECONDS = 20.0
QUOTAS = {"consumer_byte_rate": 2 * 1024.0**2, "request_percentage": 25.0}
PAUSE_SECONDS_MAX = 300.0


class Provisioner:
    """Works through the rows of financing that want something in Kafka."""

    def __init__(self, db: Database, access: KafkaAccess, *, key: str, replicas: int = 1) -> None:
        self._db = db
        self._access = access
        self._key = sealing.key_of(key)
        self._replicas = replicas
        self._admin: AdminClient | None = None

    async def step(self) -> list[str]:
        """Make what is due; the short names of the lenders for whom it is made. Raises what the database raises."""
        async with self._db.reading() as conn:
            rows = await queries.wanted.rows(conn)
        made = []
        for row in rows:
            try:
                await self._make(row)
            except (KafkaException, ClientError, QuotasRefused, sealing.NotOurs, OSError, TimeoutError) as error:
                self._admin = None
                await self._postpone(row, f"{type(error).__name__}: {error}"[:500])
            else:
                made.append(row["slug"])
        return made

    async def _make(self, row: Row) -> None:
        slug = row["slug"]
        password = sealing.unseal(self._key, row["sealed_password"], context=f"kafka:{slug}")
        await asyncio.to_thread(self._make_topic, slug)
        await set_quotas(self._access, kafka_user(slug), QUOTAS)
        await asyncio.to_thread(self._make_user, slug, password)
        async with self._db.transaction() as conn:
            await queries.made.run(conn, lender_id=row["lender_id"], sealed_password=row["sealed_password"])

    async def _postpone(self, row: Row, error: str) -> None:
        async with self._db.transaction() as conn:
            await queries.not_made.run(
                conn,
                lender_id=row["lender_id"],
                error=error,
                delay_seconds=min(PAUSE_SECONDS_MAX, 2.0 ** min(row["failures"], 10)),
            )

    def _client(self) -> AdminClient:
        if self._admin is None:
            self._admin = AdminClient(
                {
                    "bootstrap.servers": self._access.bootstrap,
                    "security.protocol": "SASL_PLAINTEXT",
                    "sasl.mechanism": "SCRAM-SHA-512",
                    "sasl.username": self._access.username,
                    "sasl.password": self._access.password,
                    "socket.timeout.ms": 10_000,
                    "log_level": 2,
                }
            )
        return self._admin

    def _make_topic(self, slug: str) -> None:
        admin = self._client()
        settings = {"retention.ms": str(RETENTION_MS), "retention.bytes": str(RETENTION_BYTES)}
        topic = NewTopic(topic_of(slug), num_partitions=1, replication_factor=self._replicas, config=settings)
        try:
            _wait(admin.create_topics([topic]))
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        _wait(admin.create_acls(lender_rights(slug)))

    def _make_user(self, slug: str, password: bytes) -> None:
        scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
        wish: list[UserScramCredentialAlteration] = [UserScramCredentialUpsertion(kafka_user(slug), scram, password)]
        _wait(self._client().alter_user_scram_credentials(wish))


def lender_rights(slug: str) -> list[AclBinding]:
    """All that the lender's user may do."""
    user = kafka_user(slug)
    return [
        allow(user, ResourceType.TOPIC, topic_prefix(slug), AclOperation.READ, prefixed=True),
        allow(user, ResourceType.GROUP, group_prefix(slug), AclOperation.READ, prefixed=True),
    ]


def admin_rights(user: str) -> list[AclBinding]:
    """All that the provisioning task's own principal may do.

    Whoever makes users and rights can in the end give rights to itself (Kafka has no narrower ones than these on the
    cluster), which is why it is a process of its own and nothing else runs under its name.
    """
    return [
        allow(user, ResourceType.TOPIC, TOPIC_PREFIX, AclOperation.CREATE, prefixed=True),
        allow(user, ResourceType.TOPIC, TOPIC_PREFIX, AclOperation.DESCRIBE, prefixed=True),
        allow(user, CLUSTER, "kafka-cluster", AclOperation.ALTER),  # users and rights
        allow(user, CLUSTER, "kafka-cluster", AclOperation.ALTER_CONFIGS),  # quotas
    ]


def publisher_rights(user: str) -> list[AclBinding]:
    """What financing needs to write lenders' topics."""
    return [
        allow(user, ResourceType.TOPIC, TOPIC_PREFIX, AclOperation.WRITE, prefixed=True),
        allow(user, ResourceType.TOPIC, TOPIC_PREFIX, AclOperation.DESCRIBE, prefixed=True),
    ]


def allow(user: str, kind: ResourceType, name: str, operation: AclOperation, *, prefixed: bool = False) -> AclBinding:
    """One right, from anywhere."""
    pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
    return AclBinding(kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)


def _wait(futures: dict[Any, Future[Any]]) -> None:
    for future in futures.values():
        future.result(timeout=REQUEST_SECONDS)
