"""The command `topics`: which topics exist, how full they are, and how far behind each consumer group is."""

from __future__ import annotations

from dataclasses import dataclass, field

import click
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from deploy.cli.output import EXIT_NOT_RUNNING, emit_json, emit_table, fail, json_option
from deploy.local import control
from deploy.local.layout import current_layout
from deploy.local.provision_kafka import client_settings
from deploy.local.stack import KAFKA_ADMIN, load_stack
from shared.contracts import TOPICS

SECONDS_MAX = 15.0


@dataclass
class TopicFigures:
    """One topic: how many records it holds, and by group how many of them were not yet handled."""

    name: str
    owner: str
    partitions: int
    records: int = 0
    lag: dict[str, int] = field(default_factory=dict)


@click.command()
@json_option
def topics(as_json: bool) -> None:
    """List the topics with their records and the lag of each consumer group.

    Lag is what the group has not committed yet. A group that never committed anything on a topic is not
    listed for it.
    """
    layout = current_layout()
    if control.supervisor_pid(layout) is None:
        fail("The stack does not run; start it with './lumbung up'.", EXIT_NOT_RUNNING)
    stack = load_stack(layout.home)
    try:
        figures = _figures(AdminClient(client_settings(stack, KAFKA_ADMIN)))
    except KafkaException as error:
        fail(f"Kafka does not answer: {error}")
    if as_json:
        emit_json([vars(figure) for figure in figures])
        return
    rows = []
    for figure in figures:
        lag = ", ".join(f"{group}: {count}" for group, count in sorted(figure.lag.items())) or "-"
        rows.append((figure.name, figure.owner, figure.partitions, figure.records, lag))
    emit_table(("topic", "owner", "partitions", "records", "lag by group"), rows)


def _figures(admin: AdminClient) -> list[TopicFigures]:
    known = admin.list_topics(timeout=SECONDS_MAX).topics
    figures = {
        name: TopicFigures(name, topic.owner, len(known[name].partitions))
        for name, topic in sorted(TOPICS.items())
        if name in known
    }
    places = [TopicPartition(name, number) for name in figures for number in known[name].partitions]
    first = _offsets(admin, places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]  # it has no types
    last = _offsets(admin, places, OffsetSpec.latest())  # type: ignore[no-untyped-call]  # it has no types
    for place in places:
        key = (place.topic, place.partition)
        figures[place.topic].records += last[key] - first[key]
    for group in admin.list_consumer_groups(request_timeout=SECONDS_MAX).result().valid:
        question = [ConsumerGroupTopicPartitions(group.group_id)]
        answer = admin.list_consumer_group_offsets(question)[group.group_id].result(timeout=SECONDS_MAX)
        for place in answer.topic_partitions:
            key = (place.topic, place.partition)
            if place.offset >= 0 and key in last:
                lag = figures[place.topic].lag
                lag[group.group_id] = lag.get(group.group_id, 0) + last[key] - place.offset
    return list(figures.values())


def _offsets(admin: AdminClient, places: list[TopicPartition], spec: OffsetSpec) -> dict[tuple[str, int], int]:
    futures = admin.list_offsets(dict.fromkeys(places, spec), request_timeout=SECONDS_MAX)
    return {(place.topic, place.partition): future.result().offset for place, future in futures.items()}
