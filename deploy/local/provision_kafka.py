"""Users, topics and rights of the local stack, in Kafka; safe to run again at each start.

A service writes only the topics that it owns, reads every `lumbung.` topic, and joins only groups whose name
starts with its own name and a dot (the dot matters: without it `orders` would open `orders2`). `observer`
reads everything and writes nothing. `partners` makes lenders' topics and users (`deploy/partners`), `financing` writes
those topics. Topics come from the declared contracts and from nowhere else.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import Future
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AdminClient,
    NewPartitions,
    NewTopic,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from deploy.local.layout import LocalStackError
from deploy.local.stack import KAFKA_ADMIN, KAFKA_OBSERVER, KAFKA_PARTNERS, SERVICES, Stack, load_stack
from deploy.partners.provision import admin_rights, allow, publisher_rights
from shared.contracts import TOPICS, Topic

TOPIC_PREFIX = "lumbung."
RETENTION_MS = 7 * 24 * 3600 * 1000
SCRAM_ITERATIONS = 4096
ANY_HOST = "*"
REQUEST_SECONDS = 20.0
READY_SECONDS = 60.0


def client_settings(stack: Stack, user: str) -> dict[str, Any]:
    """librdkafka's settings to sign in as a user of the stack."""
    name, password = stack.kafka_user(user)
    return {
        "bootstrap.servers": stack.kafka_bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": name,
        "sasl.password": password,
        "socket.timeout.ms": 10_000,
        "reconnect.backoff.max.ms": 500,
        "log_level": 2,  # the broker is just starting; failed connections are expected and retried
    }


def provision_kafka(stack: Stack) -> None:
    """Wait for the broker, then make users, topics and rights, then wake the group coordinator."""
    admin = AdminClient(client_settings(stack, KAFKA_ADMIN))
    _wait_for_broker(admin)
    _ensure_users(admin, stack)
    _ensure_topics(admin, list(TOPICS.values()))
    _wait(admin.create_acls(acl_bindings(list(TOPICS.values()))))
    _wake_coordinator(stack)


def _wait_for_broker(admin: AdminClient) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            admin.list_topics(timeout=5)
        except KafkaException as error:
            if time.monotonic() > deadline:
                raise LocalStackError(f"Kafka does not answer after {READY_SECONDS:.0f} s: {error}") from error
        else:
            return


def _ensure_users(admin: AdminClient, stack: Stack) -> None:
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
    names = (*SERVICES, KAFKA_OBSERVER, KAFKA_PARTNERS)
    upsertions: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(name, scram, stack.kafka_passwords[name].encode()) for name in names
    ]
    _wait(admin.alter_user_scram_credentials(upsertions))


def _ensure_topics(admin: AdminClient, topics: list[Topic]) -> None:
    existing = admin.list_topics(timeout=REQUEST_SECONDS).topics
    settings = {"retention.ms": str(RETENTION_MS)}
    missing = [
        NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=1, config=settings)
        for topic in topics
        if topic.name not in existing
    ]
    if missing:
        _wait(admin.create_topics(missing))
    for topic in topics:
        if topic.name in existing and len(existing[topic.name].partitions) < topic.partitions:
            _wait(admin.create_partitions([NewPartitions(topic.name, topic.partitions)]))


def acl_bindings(topics: list[Topic]) -> list[AclBinding]:
    """The rights of every user, as Kafka wants them."""
    bindings = []
    for service in SERVICES:
        bindings.append(allow(service, ResourceType.TOPIC, TOPIC_PREFIX, AclOperation.READ, prefixed=True))
        bindings.append(allow(service, ResourceType.GROUP, f"{service}.", AclOperation.READ, prefixed=True))
        for topic in topics:
            if topic.owner == service:
                bindings.append(allow(service, ResourceType.TOPIC, topic.name, AclOperation.WRITE))
                bindings.append(allow(service, ResourceType.TOPIC, topic.name, AclOperation.DESCRIBE))
    bindings += [
        allow(KAFKA_OBSERVER, ResourceType.TOPIC, TOPIC_PREFIX, AclOperation.READ, prefixed=True),
        allow(KAFKA_OBSERVER, ResourceType.TOPIC, TOPIC_PREFIX, AclOperation.DESCRIBE_CONFIGS, prefixed=True),
        allow(KAFKA_OBSERVER, ResourceType.GROUP, "*", AclOperation.DESCRIBE),
        allow(KAFKA_OBSERVER, ResourceType.GROUP, f"{KAFKA_OBSERVER}.", AclOperation.READ, prefixed=True),
        *admin_rights(KAFKA_PARTNERS),
        *publisher_rights("financing"),
    ]
    return bindings


def _wait(futures: dict[Any, Future[Any]]) -> None:
    for future in futures.values():
        future.result(timeout=REQUEST_SECONDS)


def _wake_coordinator(stack: Stack) -> None:
    """Ask for a committed offset until it answers.

    The first such question makes Kafka create its offsets topic.
    """
    settings = client_settings(stack, KAFKA_ADMIN) | {"group.id": "admin.warm-up", "enable.auto.commit": False}
    consumer = Consumer(settings)
    probe = [TopicPartition(next(iter(TOPICS)), 0)] if TOPICS else [TopicPartition("__consumer_offsets", 0)]
    deadline = time.monotonic() + READY_SECONDS
    try:
        while True:
            try:
                consumer.committed(probe, timeout=2)
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise LocalStackError(f"Kafka's group coordinator does not answer: {error}") from error
            else:
                return
    finally:
        consumer.close()


if __name__ == "__main__":
    try:
        provision_kafka(load_stack())
    except LocalStackError as error:
        sys.exit(str(error))
