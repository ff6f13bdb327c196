"""What is committed says what the classes say, and real payloads fit it: closed when published, open when read."""

import json
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from shared.contracts import Event, publish
from shared.contracts.base import event, topic

DECLARED = publish.declared()
ALL = pytest.mark.parametrize("name", DECLARED)


def test_the_committed_schemas_are_fresh() -> None:
    assert publish.stale() == [], "run 'make schemas' and commit the result"


def test_events_that_tests_declare_are_not_published() -> None:
    assert all(cls.__module__.startswith("shared.contracts.") for cls in DECLARED.values())

    before = publish.written()
    here = topic("test.contracts", owner="contracttest", keyed_by="order_id")

    @event("contracttest.tested", version=1, topic=here, keyed_by="order_id", ordered_by="order_id")
    class Tested(Event):
        """Something was tested."""

        order_id: str

    assert publish.written() == before


def test_there_is_exactly_one_example_of_every_event() -> None:
    assert {path.stem for path in publish.EXAMPLES.glob("*.json")} == set(DECLARED)


@ALL
def test_the_example_can_be_published(name: str) -> None:
    example = publish.example_of(name)

    made = DECLARED[name].model_validate_json(json.dumps(example))

    assert json.loads(made.model_dump_json()) == example
    assert made.record_key == example[made.declaration.keyed_by]
    assert made.ordering_key == example[made.declaration.ordered_by]


@ALL
def test_a_field_that_was_not_declared_cannot_be_published(name: str) -> None:
    for place in _objects(publish.example_of(name)):
        document, target = place
        target["surprise"] = 1
        with pytest.raises(ValidationError, match="surprise"):
            DECLARED[name].model_validate_json(json.dumps(document))


@ALL
def test_a_field_that_is_not_known_yet_is_ignored_when_read(name: str) -> None:
    known = DECLARED[name].read(json.dumps(publish.example_of(name)).encode())
    for document, target in _objects(publish.example_of(name)):
        target["surprise"] = 1

        read = DECLARED[name].read(json.dumps(document).encode())

        assert read == known


@ALL
def test_an_event_without_a_field_that_is_required_cannot_be_read(name: str) -> None:
    example = publish.example_of(name)
    for field in publish.schema_of(DECLARED[name])["required"]:
        with pytest.raises(ValidationError, match=field):
            DECLARED[name].read(json.dumps({key: value for key, value in example.items() if key != field}).encode())


@ALL
def test_every_object_in_a_schema_is_closed(name: str) -> None:
    schema = publish.schema_of(DECLARED[name])
    for definition in [schema, *schema.get("$defs", {}).values()]:
        assert definition["type"] == "object"
        assert definition["additionalProperties"] is False


@ALL
def test_no_field_can_hold_a_name_an_address_or_a_contact(name: str) -> None:
    personal = {"name", "address", "phone", "email", "contact", "nik", "npwp", "birth", "postal", "note", "street"}
    for model in _models(DECLARED[name]):
        for field in model.model_fields:
            assert personal.isdisjoint(field.split("_")), f"{name}: {field} sounds like personal data"


def _objects(document: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """For every object in the example a fresh copy of all of it, with that object in the copy."""
    count = len(_walk(document))
    found = []
    for number in range(count):
        copy = json.loads(json.dumps(document))
        found.append((copy, _walk(copy)[number]))
    return found


def _walk(node: Any) -> list[dict[str, Any]]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return ([node] if isinstance(node, dict) else []) + [part for child in children for part in _walk(child)]


def _models(cls: type[BaseModel]) -> list[type[BaseModel]]:
    found = [cls]
    waiting = [field.annotation for field in cls.model_fields.values()]
    while waiting:
        annotation = waiting.pop()
        waiting += get_args(annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in found:
            found += _models(annotation)
    return found
