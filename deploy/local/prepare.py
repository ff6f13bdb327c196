"""Making the files of PostgreSQL and Kafka before they start.

`python -m deploy.local.prepare prepare-postgres`.

Runs as a process of its own so that the supervisor stays small and a step that fails leaves its own log. Does
nothing to files that are there, except writing the settings anew.
"""

from __future__ import annotations

import sys

from deploy.local import kafka, postgres
from deploy.local.layout import Layout, LocalStackError, current_layout
from deploy.local.stack import KAFKA_ADMIN, Stack, load_stack


def prepare_postgres(layout: Layout, stack: Stack) -> None:
    is_new = postgres.prepare_data(
        postgres.place_postgres(layout),
        port=layout.port("postgres"),
        superuser_password=stack.postgres_passwords[postgres.SUPERUSER],
    )
    print("PostgreSQL: files made" if is_new else "PostgreSQL: files are there")


def prepare_kafka(layout: Layout, stack: Stack) -> None:
    is_new = kafka.prepare_storage(
        kafka.recorded_place(layout),
        layout,
        admin_password=stack.kafka_user(KAFKA_ADMIN)[1],
    )
    print("Kafka: storage made" if is_new else "Kafka: storage is there")


STEPS = {"prepare-postgres": prepare_postgres, "prepare-kafka": prepare_kafka}


def main(name: str) -> None:
    layout = current_layout()
    STEPS[name](layout, load_stack(layout.home))


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except LocalStackError as error:
        sys.exit(str(error))
