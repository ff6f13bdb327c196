"""A lender from the command line to its three transports, on the whole stack; financing is killed on the way."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio
from confluent_kafka import Consumer
from standardwebhooks import Webhook

from deploy.local.stack import Stack
from shared.testing import eventually
from tests.financing.partner.receiver import Receiver

ROOT = Path(__file__).parent.parent.parent
TESTS = 12


def lumbung(*arguments: str) -> str:
    """The command on the test stack; its standard output."""
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """The lender's endpoint."""
    found = Receiver()
    await found.start()
    yield found
    await found.stop()


async def signed_in(http: httpx2.AsyncClient, lender: dict[str, Any]) -> dict[str, str]:
    """The headers of the lender's machine client."""
    answer = await http.post(
        lender["token_url"],
        data={"grant_type": "client_credentials"},
        auth=(lender["client_id"], lender["client_secret"]),
    )
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}


def read_topic(kafka: dict[str, Any], count: int) -> list[int]:
    """The positions of the first records of the lender's topic, with its own client and password."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka["bootstrap"],
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": kafka["username"],
            "sasl.password": kafka["password"],
            "group.id": f"{kafka['group_prefix']}{uuid4().hex[:6]}",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([kafka["topic"]])
    positions: list[int] = []
    try:
        while len(set(positions)) < count:
            message = consumer.poll(30)
            assert message is not None and message.error() is None, message and message.error()
            headers = dict(message.headers() or [])
            positions.append(int(headers["ce_position"] or 0))
    finally:
        consumer.close()
    return positions


def in_first_order(positions: list[int]) -> list[int]:
    """Without what came again."""
    return list(dict.fromkeys(positions))


@pytest.mark.timeout(180)
async def test_a_lender_gets_everything_by_every_way_although_financing_is_killed(
    market: Stack, receiver: Receiver
) -> None:
    slug, path = f"uji-{uuid4().hex[:8]}", "/hook"
    lender = json.loads(
        lumbung(
            "lender", "add", "Bank Uji", "--slug", slug, "--kafka", "--pull", "--json", "--webhook", receiver.url(path)
        )
    )
    assert lender["kafka"]["is_ready"]
    place = market.url("financing") + f"/v1/subscriptions/{lender['webhook']['subscription_id']}"
    async with httpx2.AsyncClient(timeout=30) as http:
        headers = await signed_in(http, lender)
        for number in range(1, TESTS + 1):
            answer = await http.post(f"{place}/test", headers=headers)
            assert answer.json() == {"position": number}
            if number == TESTS // 2:
                lumbung("kill", "financing")

                async def is_back() -> bool:
                    try:
                        return (await http.get(market.url("financing") + "/readyz")).status_code == 200
                    except httpx2.TransportError:
                        return False

                await eventually(is_back, within_seconds=60, what="financing's restart")

        async def has_come() -> bool:
            return len(set(receiver.positions(path))) == TESTS

        await eventually(has_come, within_seconds=90, what="the webhooks")  # a lease that was killed runs out
        page = (await http.get(lender["events_url"], headers=headers)).json()
        await http.get(lender["events_url"], headers=headers, params={"after": page["next_position"]})

        async def is_quiet() -> bool:
            found = (await http.get(market.url("financing") + "/v1/subscriptions", headers=headers)).json()["items"]
            return [item["missed"] for item in found] == [0, 0, 0]

        await eventually(is_quiet, within_seconds=30, what="nothing missed")
    records = await asyncio.to_thread(read_topic, lender["kafka"], TESTS)

    expected = list(range(1, TESTS + 1))
    assert in_first_order(receiver.positions(path)) == expected
    assert in_first_order(records) == expected
    assert [event["position"] for event in page["events"]] == expected
    for post in receiver.at(path):
        Webhook(lender["webhook"]["secret"]).verify(post.body, post.headers)
    health = json.loads(lumbung("lender", "health", slug, "--json"))
    assert sorted((one["transport"], one["missed"]) for one in health) == [("kafka", 0), ("pull", 0), ("webhook", 0)]
    assert slug in lumbung("lender", "list")
