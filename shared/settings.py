"""What a process is told by its environment: read once, typed, frozen; a missing or absurd value stops the start.

All names begin with `LUMBUNG_`.
"""

import sys
from typing import TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.kafka import KafkaAccess


class ServiceSettings(BaseSettings):
    """What every service needs."""

    model_config = SettingsConfigDict(env_prefix="LUMBUNG_", frozen=True, extra="ignore")

    database_url: SecretStr = Field(description="The service's own database, with its restricted role.")
    database_connections: int = Field(default=12, ge=2, le=100)
    kafka_bootstrap: str = Field(description="host:port, comma separated.")
    kafka_username: str
    kafka_password: SecretStr
    http_host: str = "127.0.0.1"
    http_port: int = Field(ge=1, le=65535)
    http_receive_seconds: float = Field(default=30, gt=0, description="A request must have arrived whole by then.")
    http_connections: int = Field(default=2000, ge=10, description="More open requests than this are answered 503.")
    identity_url: str = Field(description="Where the signing keys (JWKS) are.")
    otlp_endpoint: str = Field(default="", description="OTLP over HTTP; empty: no traces are exported.")
    trace_ratio: float = Field(default=0.01, ge=0, le=1)
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    worker_instance: str = Field(
        default="",
        pattern="^[a-zA-Z0-9._-]{0,80}$",
        description="This worker's own place in its consumer group, kept over restarts; one per process. Empty: none.",
    )
    worker_batch: int = Field(default=500, ge=1, le=5000, description="Most events in one transaction.")

    @property
    def kafka(self) -> KafkaAccess:
        """The Kafka account."""
        return KafkaAccess(self.kafka_bootstrap, self.kafka_username, self.kafka_password.get_secret_value())


S = TypeVar("S", bound=BaseSettings)


def read(settings: type[S]) -> S:
    """The settings from the environment; exits with a sentence per fault."""
    try:
        return settings()
    except ValidationError as error:
        for fault in error.errors():
            name = "LUMBUNG_" + "_".join(str(part) for part in fault["loc"]).upper()
            sys.stderr.write(f"{name}: {fault['msg']}\n")
        sys.stderr.write("Set these in the environment; `./lumbung env SERVICE` prints what the local stack uses.\n")
        raise SystemExit(2) from None
