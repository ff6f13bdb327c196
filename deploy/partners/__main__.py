"""The provisioning task as a process: `python -m deploy.partners` works until stopped, `--once` makes what is due.

It reads the rows that financing wrote (a lender wants a topic, or a new password) and does in Kafka what financing
itself may not.
"""

from __future__ import annotations

import argparse
import asyncio
import signal

import structlog
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.partners.provision import Provisioner
from shared import settings as environment
from shared.db import TRANSIENT, Database
from shared.kafka import KafkaAccess
from shared.problems import Problem

log = structlog.get_logger()

POLL_SECONDS = 2.0


class PartnersSettings(BaseSettings):
    """What the task is told by its environment."""

    model_config = SettingsConfigDict(env_prefix="LUMBUNG_", frozen=True, extra="ignore")

    database_url: SecretStr = Field(description="The database of financing.")
    kafka_bootstrap: str
    kafka_username: str = Field(description="The task's own principal.")
    kafka_password: SecretStr
    partner_key: SecretStr = Field(min_length=16, description="The key under which financing seals passwords.")
    kafka_replicas: int = Field(default=1, ge=1, le=7, description="Copies of each lender's topic.")


async def run(settings: PartnersSettings, *, is_once: bool) -> None:
    """Look every other second; trouble is written down and tried again."""
    database = await Database.connect(settings.database_url.get_secret_value(), source="partners", size=2)
    access = KafkaAccess(settings.kafka_bootstrap, settings.kafka_username, settings.kafka_password.get_secret_value())
    key = settings.partner_key.get_secret_value()
    provisioner = Provisioner(database, access, key=key, replicas=settings.kafka_replicas)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        while not stopping.is_set():
            try:
                for slug in await provisioner.step():
                    log.info("lender_provisioned", slug=slug)
            except (*TRANSIENT, Problem) as error:
                log.warning("partners_postponed", error=f"{type(error).__name__}: {error}")
            if is_once:
                return
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await stopping.wait()
            except TimeoutError:
                pass
    finally:
        await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="partners", description="Makes lenders' topics and users in Kafka.")
    parser.add_argument("--once", action="store_true", help="make what is due, then end")
    arguments = parser.parse_args()
    asyncio.run(run(environment.read(PartnersSettings), is_once=arguments.once))


if __name__ == "__main__":
    main()
