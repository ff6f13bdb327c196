"""A worker as a process of its own, for the tests that kill one: reads its orders as JSON from the environment.

It dies by SIGKILL after the commit of its first batch, before the offsets.
"""

import asyncio
import json
import os
import signal
from typing import Any
from unittest.mock import patch

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.db import Database
from shared.kafka import Consumer, KafkaAccess
from shared.worker import Worker
from tests.kernel import events
from tests.kernel.groups import Recorder


def impatient(*topics: str, **options: Any) -> AIOKafkaConsumer:
    """A consumer that its group does not miss for long when it is dead."""
    return AIOKafkaConsumer(*topics, **(options | {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 1_000}))


async def die(_: Consumer, __: dict[TopicPartition, int]) -> None:
    """Instead of committing offsets."""
    os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    """Run until killed."""
    orders = json.loads(os.environ["KERNEL_TEST_WORKER"])
    database = await Database.connect(orders["dsn"], source="kernel")
    access = KafkaAccess(*orders["access"])
    recorder = Recorder(orders["group"])
    events.CounterRaised.declaration = events.declared_on(orders["topic"], events.CounterRaised)
    events.CounterNamed.declaration = events.declared_on(orders["topic"], events.CounterNamed)
    with patch("shared.kafka.AIOKafkaConsumer", impatient), patch.object(Consumer, "commit", die):
        await Worker(database, recorder.handlers, access).run_forever()


if __name__ == "__main__":
    asyncio.run(main())
