"""An entry of a lender's log, and how it looks on each transport. It is the same event on all of them.

CloudEvents 1.0: structured JSON for webhooks and the pull feed, binary mode for Kafka. `position` is its place in the
lender's own log, without gaps.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

SOURCE = "lumbung/financing"
STRUCTURED = "application/cloudevents+json"
TEST_TYPE = "lending.test.v1"


@dataclass(frozen=True, slots=True)
class LenderEvent:
    """One entry. `data` is JSON text, passed through as it was written."""

    position: int
    event_id: UUID
    type: str
    subject: str
    occurred_at: datetime
    traceparent: str | None
    data: str

    def as_document(self) -> dict[str, Any]:
        """The structured form."""
        document = {
            "specversion": "1.0",
            "id": str(self.event_id),
            "source": SOURCE,
            "type": self.type,
            "subject": self.subject,
            "time": self.occurred_at.isoformat(),
            "datacontenttype": "application/json",
            "position": self.position,
            "data": orjson.Fragment(self.data),
        }
        if self.traceparent:
            document["traceparent"] = self.traceparent
        return document

    def as_body(self) -> bytes:
        """The structured form in bytes: what a webhook signs and sends."""
        return orjson.dumps(self.as_document())

    def as_headers(self) -> list[tuple[str, bytes]]:
        """The attributes as the headers of a Kafka record, whose value is `data`."""
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", str(self.event_id).encode()),
            ("ce_source", SOURCE.encode()),
            ("ce_type", self.type.encode()),
            ("ce_subject", self.subject.encode()),
            ("ce_time", self.occurred_at.isoformat().encode()),
            ("ce_position", str(self.position).encode()),
            ("content-type", b"application/json"),
        ]
        if self.traceparent:
            headers.append(("traceparent", self.traceparent.encode()))
        return headers
