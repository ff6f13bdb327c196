"""Quotas of a Kafka user (KIP-546): our clients' admin parts cannot set them, so this speaks the one request."""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Float64, Int16, Int32, Schema, String

from shared.kafka import KafkaAccess

API_KEY_ALTER_CLIENT_QUOTAS = 49


class QuotasRefused(Exception):
    """Kafka did not set the quotas; it says why."""


class AlterClientQuotasResponse(Response):  # type: ignore[misc]  # aiokafka is not typed
    API_KEY = API_KEY_ALTER_CLIENT_QUOTAS
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "entries",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("entity", Array(("entity_type", String("utf-8")), ("entity_name", String("utf-8")))),
            ),
        ),
    )


class AlterClientQuotasRequestStruct(RequestStruct):  # type: ignore[misc]  # aiokafka is not typed
    API_KEY = API_KEY_ALTER_CLIENT_QUOTAS
    API_VERSION = 0
    RESPONSE_TYPE = AlterClientQuotasResponse
    SCHEMA = Schema(
        (
            "entries",
            Array(
                ("entity", Array(("entity_type", String("utf-8")), ("entity_name", String("utf-8")))),
                ("ops", Array(("key", String("utf-8")), ("value", Float64), ("remove", Boolean))),
            ),
        ),
        ("validate_only", Boolean),
    )


class AlterClientQuotasRequest(Request[AlterClientQuotasRequestStruct]):  # type: ignore[misc]  # aiokafka is not typed
    """The quotas that one user is to have."""

    API_KEY = API_KEY_ALTER_CLIENT_QUOTAS

    def __init__(self, user: str, quotas: Mapping[str, float]) -> None:
        self._user = user
        self._quotas = quotas

    def build(self, request_struct_class: type[AlterClientQuotasRequestStruct]) -> AlterClientQuotasRequestStruct:
        entity = [("user", self._user)]
        operations = [(name, value, False) for name, value in self._quotas.items()]
        return request_struct_class([(entity, operations)], False)


async def set_quotas(access: KafkaAccess, user: str, quotas: Mapping[str, float]) -> None:
    """Bound what a user may take. Raises QuotasRefused, KafkaError."""
    client = AIOKafkaClient(**access.options(), client_id="partners", request_timeout_ms=10_000)
    try:
        await client.bootstrap()
        node = client.get_random_node()
        if node is None:
            raise QuotasRefused("Kafka has no broker to ask")
        answer = await client.send(node, AlterClientQuotasRequest(user, quotas))
    finally:
        await client.close()
    for code, message, _ in answer.entries:
        if code:
            raise QuotasRefused(f"{user}: error {code} {message or ''}".strip())
