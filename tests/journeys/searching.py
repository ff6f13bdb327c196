"""Looks for a text in everything that is stored: each row of each table of each database, each record of each topic."""

from collections.abc import Mapping

import asyncpg
from confluent_kafka import Consumer, TopicPartition

from deploy.local.stack import KAFKA_ADMIN, SERVICES, Stack

TABLES = """
SELECT c.relname FROM pg_class AS c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
 ORDER BY 1
"""
SECONDS = 20.0


async def tables_with(stack: Stack, needles: Mapping[str, str]) -> dict[str, set[str]]:
    """By what a needle is called: the tables ("orders.addresses") of which a row holds it, in whatever column.

    A row is looked at as text, so jsonb is in it as it is written and bytea as hexadecimal digits, which are looked
    for too. The superuser looks: nothing is hidden from it.
    """
    found: dict[str, set[str]] = {name: set() for name in needles}
    for service in SERVICES:
        database = await asyncpg.connect(stack.superuser_dsn(service))
        for row in await database.fetch(TABLES):
            for name, needle in needles.items():
                patterns = [f"%{needle}%", f"%{needle.encode().hex()}%"]
                query = f'SELECT EXISTS (SELECT FROM "{row["relname"]}" AS t WHERE t::text ILIKE ANY($1::text[]))'  # noqa: S608
                if await database.fetchval(query, patterns):
                    found[name].add(f"{service}.{row['relname']}")
        await database.close()
    return found


def topics_with(stack: Stack, needles: Mapping[str, str]) -> dict[str, set[str]]:
    """By what a needle is called: the topics of which a record holds it, in its key, value or headers. Blocks.

    The administrator looks: to everybody else the topics of lenders do not exist.
    """
    user, password = stack.kafka_user(KAFKA_ADMIN)
    consumer = Consumer(
        {
            "bootstrap.servers": stack.kafka_bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password,
            "group.id": "admin-searching",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    found: dict[str, set[str]] = {name: set() for name in needles}
    try:
        topics = consumer.list_topics(timeout=SECONDS).topics
        places = [
            TopicPartition(topic, partition, 0)
            for topic, about in topics.items()
            if not topic.startswith("__")
            for partition in about.partitions
        ]
        consumer.assign(places)
        open_places = {(place.topic, place.partition) for place in places}
        while open_places:
            message = consumer.poll(SECONDS)
            assert message is not None, f"nothing came of {open_places}"
            if message.error() is not None:  # the end of a partition
                open_places.discard((message.topic(), message.partition()))
                continue
            values = dict(message.headers() or ()).values()
            parts = [
                part.encode() if isinstance(part, str) else part for part in (message.key(), message.value(), *values)
            ]
            text = b"\0".join(part for part in parts if part).decode(errors="replace")
            for name, needle in needles.items():
                if needle.lower() in text.lower():
                    found[name].add(str(message.topic()))
    finally:
        consumer.close()
    return found
