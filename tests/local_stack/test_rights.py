"""Who may do what in PostgreSQL and Kafka, on the real test stack."""

from __future__ import annotations

import os
import subprocess
import sys

import asyncpg
import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from deploy.local.layout import PROJECT
from deploy.local.provision_kafka import client_settings
from deploy.local.stack import Stack
from shared.contracts import TOPICS


async def test_a_service_role_reads_and_writes_rows_but_makes_no_tables(stack: Stack) -> None:
    owner = await asyncpg.connect(stack.owner_dsn("orders"))
    role = await asyncpg.connect(stack.dsn("orders"))
    audit = await asyncpg.connect(stack.audit_dsn("orders"))
    try:
        await owner.execute("CREATE TABLE rights_probe (id int)")

        await role.execute("INSERT INTO rights_probe VALUES (1)")
        assert await audit.fetchval("SELECT count(*) FROM rights_probe") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await role.execute("CREATE TABLE mine (id int)")
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
            await audit.execute("DELETE FROM rights_probe")
    finally:
        await owner.execute("DROP TABLE IF EXISTS rights_probe")
        for connection in (owner, role, audit):
            await connection.close()


@pytest.mark.parametrize("database", ["catalog", "postgres", "template1"])
async def test_a_service_cannot_enter_the_database_of_another(stack: Stack, database: str) -> None:
    stranger = stack.dsn("orders").rsplit("/", 1)[0] + "/" + database

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(stranger)


async def test_a_transaction_of_a_service_does_not_last_for_ever(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.dsn("orders"))
    try:
        limits = {
            name: await connection.fetchval("SELECT current_setting($1)", name)
            for name in ("lock_timeout", "idle_in_transaction_session_timeout", "statement_timeout")
        }
        transaction = await connection.fetchval("SELECT current_setting('transaction_timeout')")
    finally:
        await connection.close()

    assert limits == {
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "10s",
        "statement_timeout": "15s",
    }
    assert transaction == "30s"


def _write(stack: Stack, user: str, topic: str) -> KafkaError | None:
    """Try to write a record; what Kafka said, or None if it was taken."""
    answers: list[KafkaError | None] = []
    producer = Producer(client_settings(stack, user) | {"message.timeout.ms": 15_000})
    producer.produce(topic, key=b"probe", value=None, on_delivery=lambda error, _: answers.append(error))
    producer.flush(20)
    return answers[0]


@pytest.mark.parametrize("user", ["orders", "observer"])
def test_a_service_cannot_write_the_topic_of_another_and_the_observer_cannot_write(stack: Stack, user: str) -> None:
    error = _write(stack, user, "lumbung.catalog")

    assert error is not None
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_topics_are_those_of_the_contracts_with_their_partitions(stack: Stack) -> None:
    known = AdminClient(client_settings(stack, "observer")).list_topics(timeout=20).topics

    ours = {name: topic.partitions for name, topic in TOPICS.items() if name.startswith("lumbung.")}
    assert {name: len(known[name].partitions) for name in ours} == ours


def test_a_wrong_password_is_refused(stack: Stack) -> None:
    settings = client_settings(stack, "orders") | {"sasl.password": "wrong"}

    with pytest.raises(KafkaException):
        AdminClient(settings).list_topics(timeout=3)


def test_a_second_up_changes_nothing_and_says_so(stack: Stack) -> None:
    before = {name: stack.pid_of(name) for name in ("postgres", "kafka")}
    environment = os.environ | {"LUMBUNG_HOME": str(stack.home), "LUMBUNG_PORT_BASE": str(stack.port_base)}
    command = [sys.executable, "-m", "deploy.cli", "up", "--infra"]

    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, env=environment, check=False)

    assert (done.returncode, done.stdout) == (0, "The stack runs already; nothing to do.\n")
    assert {name: stack.pid_of(name) for name in ("postgres", "kafka")} == before
