"""Whether the consumer groups of the local stack have passed what the relays had sent: asked of Kafka itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from deploy.local.provision_kafka import client_settings
from deploy.local.stack import KAFKA_ADMIN, Stack
from shared.handlers import Handlers

SECONDS_MAX = 15.0
LOOK_SECONDS = 0.25


class Consumers:
    """Waits for consumer groups."""

    def __init__(self, stack: Stack, *, settle_seconds: float) -> None:
        self._admin = AdminClient(client_settings(stack, KAFKA_ADMIN))
        self._settle_seconds = settle_seconds

    async def passed(self, groups: list[Handlers]) -> list[str]:
        """Wait until every group has committed beyond the ends as they are now; a sentence for each that has not.

        What a relay had sent before the call lies below these ends. Raises KafkaException.
        """
        topics = {topic for handlers in groups for topic in handlers.topics}
        ends = await asyncio.to_thread(self._ends, topics)
        deadline = time.monotonic() + self._settle_seconds
        waiting = {handlers.group_id: handlers.topics for handlers in groups if handlers.by_type}
        while True:
            left = await asyncio.to_thread(self._left, waiting, ends)
            waiting = {group: topics for group, topics in waiting.items() if left[group] > 0}
            if not waiting:
                return []
            if time.monotonic() >= deadline:
                return [
                    f"{group} has {left[group]} records before it that were sent {self._settle_seconds:.0f} s ago"
                    for group in sorted(waiting)
                ]
            await asyncio.sleep(LOOK_SECONDS)

    def _ends(self, topics: set[str]) -> dict[TopicPartition, tuple[int, int]]:
        known = self._admin.list_topics(timeout=SECONDS_MAX).topics
        places = [TopicPartition(name, number) for name in topics if name in known for number in known[name].partitions]
        first, last = self._offsets(places, OffsetSpec.earliest()), self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]  # it has no types
        return {place: (first[place.topic, place.partition], last[place.topic, place.partition]) for place in places}

    def _offsets(self, places: list[TopicPartition], spec: OffsetSpec) -> dict[tuple[str, int], int]:
        futures = self._admin.list_offsets(dict.fromkeys(places, spec), request_timeout=SECONDS_MAX)
        return {(place.topic, place.partition): future.result().offset for place, future in futures.items()}

    def _left(self, waiting: Mapping[str, set[str]], ends: Mapping[TopicPartition, tuple[int, int]]) -> dict[str, int]:
        left = {}
        for group, topics in waiting.items():
            question = [ConsumerGroupTopicPartitions(group)]
            answer = self._admin.list_consumer_group_offsets(question)[group].result(timeout=SECONDS_MAX)
            committed = {(place.topic, place.partition): place.offset for place in answer.topic_partitions}
            left[group] = sum(
                max(0, last - max(first, committed.get((place.topic, place.partition), first)))
                for place, (first, last) in ends.items()
                if place.topic in topics
            )
        return left
