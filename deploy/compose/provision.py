"""Databases, roles, users, topics, rights and migrations for the containers.

`python -m deploy.compose.provision`.

Runs once before the services start, with the same code as the local stack, so that both have the same rights.
Safe to repeat.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from deploy.local.migrations import migrate_services
from deploy.local.postgres import SUPERUSER
from deploy.local.provision_kafka import provision_kafka
from deploy.local.provision_postgres import provision_postgres
from deploy.local.stack import AUDIT, KAFKA_ADMIN, KAFKA_OBSERVER, KAFKA_PARTNERS, OWNER, SERVICES, Stack
from deploy.sandbox.keys import ensure_keys

SANDBOX = Path("/sandbox")


def stack_of_containers() -> Stack:
    """The stack as the compose network sees it; raises KeyError for a variable that is missing."""
    given = os.environ
    services = {service: given[f"{service.upper()}_PASSWORD"] for service in SERVICES}
    return Stack(
        home=SANDBOX,
        port_base=8000,
        ports={},
        postgres_programs=Path(),
        postgres_passwords={
            SUPERUSER: given["POSTGRES_PASSWORD"],
            OWNER: given["OWNER_PASSWORD"],
            AUDIT: given["AUDIT_PASSWORD"],
            **services,
        },
        kafka_passwords={
            KAFKA_ADMIN: given["KAFKA_ADMIN_PASSWORD"],
            KAFKA_OBSERVER: given["KAFKA_OBSERVER_PASSWORD"],
            KAFKA_PARTNERS: given["KAFKA_PARTNERS_PASSWORD"],
            **services,
        },
        variables={},
        postgres_address="postgres:5432",
        kafka_bootstrap="kafka:8092",
    )


def give_sandbox_its_keys() -> None:
    """Put the merchant's id and secret, which orders knows from its environment, beside keys made here."""
    for name in ("client_id", "client_secret"):
        file = SANDBOX / name
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(os.environ[f"PAYMENTS_{name.upper()}"])
    ensure_keys(SANDBOX)


def main() -> None:
    stack = stack_of_containers()
    give_sandbox_its_keys()
    asyncio.run(provision_postgres(stack))
    provision_kafka(stack)
    for service, names in asyncio.run(migrate_services(stack)).items():
        print(f"{service}: {', '.join(names) or 'up to date'}")


if __name__ == "__main__":
    main()
