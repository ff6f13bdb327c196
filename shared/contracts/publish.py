"""Writes the contracts down: a closed JSON Schema (2020-12) per event type, and all of them as one AsyncAPI document.

`python -m shared.contracts.publish` writes `schemas/` beside this file. The files are committed, so a review shows the
contract change as a diff; a test fails when they are stale. Only events declared in this package count: tests declare
some of their own.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from shared.contracts import EVENTS, TOPICS, Event, Topic

Document: TypeAlias = dict[str, Any]

FOLDER = Path(__file__).with_name("schemas")
EXAMPLES = FOLDER / "examples"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
HOME = "shared.contracts."
ASYNCAPI_PAYLOAD = "application/schema+json;version=draft-07"


def declared() -> dict[str, type[Event]]:
    """The published events, by type."""
    return {name: cls for name, cls in sorted(EVENTS.items()) if cls.__module__.startswith(HOME)}


def schema_of(event: type[Event]) -> Document:
    """The JSON Schema of an event, with what else its declaration promises (topic and keys never change either)."""
    declaration = event.declaration
    schema = event.model_json_schema()
    return {
        "$schema": DIALECT,
        "$id": f"urn:lumbung:event:{declaration.type}",
        "x-topic": declaration.topic.name,
        "x-keyed-by": declaration.keyed_by,
        "x-ordered-by": declaration.ordered_by,
        **schema,
    }


def example_of(type_: str) -> Document:
    """The example of an event type. Raises FileNotFoundError when nobody wrote one."""
    document: Document = json.loads((EXAMPLES / f"{type_}.json").read_text(encoding="utf-8"))
    return document


def written() -> dict[str, str]:
    """What belongs into `schemas/`: file name to text."""
    files = {f"{name}.json": schema_of(event) for name, event in declared().items()}
    files["asyncapi.json"] = asyncapi()
    return {name: text(document) for name, document in files.items()}


def text(document: Mapping[str, Any]) -> str:
    """A document as it is committed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def stale() -> list[str]:
    """The files of `schemas/` that do not say what the classes say."""
    wanted = written()
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def write() -> list[str]:
    """Bring `schemas/` up to date; the names of the files that changed."""
    changed = stale()
    wanted = written()
    FOLDER.mkdir(exist_ok=True)
    for name in changed:
        if name in wanted:
            (FOLDER / name).write_text(wanted[name], encoding="utf-8")
        else:
            (FOLDER / name).unlink()
    return changed


def asyncapi() -> Document:
    """All topics and events as AsyncAPI 3.1: each operation is a `send` of the service that owns the topic."""
    events = declared()
    topics = {name: topic for name, topic in sorted(TOPICS.items()) if _types_on(topic, events)}
    return {
        "asyncapi": "3.1.0",
        "id": "urn:lumbung:events",
        "info": {
            "title": "Lumbung events",
            "version": "1.0.0",
            "description": (
                "Every fact that the services of Lumbung tell each other. CloudEvents 1.0 in binary mode: attributes "
                "are record headers, the value is the data described here. Delivered at least once and in order "
                "per ordering key; read open: fields you do not know may appear. No event holds personal data."
            ),
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{host}:{port}",
                "protocol": "kafka",
                "variables": {
                    "host": {"default": "127.0.0.1", "description": "A broker."},
                    "port": {"default": "8092", "description": "Its client listener."},
                },
                "security": [{"$ref": "#/components/securitySchemes/scram"}],
            }
        },
        "channels": {name: _channel(topic, events) for name, topic in topics.items()},
        "operations": {f"{topic.owner}.send.{name}": _operation(topic, events) for name, topic in topics.items()},
        "components": {
            "securitySchemes": {
                "scram": {"type": "scramSha512", "description": "One account per service or partner, with ACLs."}
            },
            "messages": {name: _message(event) for name, event in events.items()},
            "messageTraits": {"cloudevent": {"headers": _headers()}},
        },
    }


def _types_on(topic: Topic, events: Mapping[str, type[Event]]) -> list[str]:
    return [name for name, event in events.items() if event.declaration.topic == topic]


def _channel(topic: Topic, events: Mapping[str, type[Event]]) -> Document:
    return {
        "address": topic.name,
        "description": f"Written by {topic.owner} only; partitioned by {topic.keyed_by}.",
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _types_on(topic, events)},
        "bindings": {"kafka": {"topic": topic.name, "partitions": topic.partitions, "bindingVersion": "0.5.0"}},
    }


def _operation(topic: Topic, events: Mapping[str, type[Event]]) -> Document:
    return {
        "action": "send",
        "title": f"{topic.owner} publishes on {topic.name}",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in _types_on(topic, events)],
        "bindings": {"kafka": {"clientId": {"type": "string", "const": f"{topic.owner}-relay"}}},
    }


def _message(event: type[Event]) -> Document:
    declaration = event.declaration
    doc = (event.__doc__ or "").strip()
    message: Document = {
        "name": declaration.type,
        "title": event.__name__,
        "summary": doc.splitlines()[0],
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": {"schemaFormat": ASYNCAPI_PAYLOAD, "schema": inlined(event.model_json_schema())},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "format": "uuid", "description": f"{declaration.keyed_by} of the event."},
                "bindingVersion": "0.5.0",
            }
        },
    }
    if (EXAMPLES / f"{declaration.type}.json").exists():
        message["examples"] = [{"name": "example", "payload": example_of(declaration.type)}]
    return message


def _headers() -> Document:
    properties = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid", "description": "The same at every delivery of the event."},
        "ce_source": {"type": "string", "description": "The service that owns the event."},
        "ce_type": {"type": "string", "description": "The name of the message, version included."},
        "ce_time": {"type": "string", "format": "date-time", "description": "When it happened."},
        "ce_subject": {"type": "string", "description": "The ordering key: events of one are handled in order."},
        "traceparent": {"type": "string", "description": "W3C Trace Context; absent when there is no trace."},
    }
    return {
        "type": "object",
        "required": [name for name in properties if name != "traceparent"],
        "properties": properties,
    }


def inlined(schema: Mapping[str, Any]) -> Document:
    """`schema` without references: AsyncAPI resolves them from the root of its own document."""
    definitions: Mapping[str, Any] = schema.get("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, Mapping):
            if "$ref" in node:
                beside = {name: value for name, value in node.items() if name != "$ref"}
                return resolve({**definitions[node["$ref"].rsplit("/", 1)[1]], **beside})
            return {name: resolve(value) for name, value in node.items() if name != "$defs"}
        return [resolve(item) for item in node] if isinstance(node, list) else node

    resolved: Document = resolve(schema)
    return resolved


if __name__ == "__main__":
    for line in write() or ["all schemas are fresh"]:
        sys.stdout.write(f"{line}\n")
