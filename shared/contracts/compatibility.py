"""Whether a schema may replace another within one version: a pure function over two JSON Schemas.

Events are published closed and read open, and old ones are replayed: so a new version of a schema must accept every old
event, and an old reader must understand every new one. What is left is to add optional properties, to add definitions
and to describe things better (the "compatible" mode of Nakadi). Everything else is a new version of the event.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

DESCRIPTIVE = frozenset({"title", "description", "examples", "$comment", "deprecated"})
DEFINITIONS = frozenset({"$defs", "definitions"})
BRANCHES = ("anyOf", "oneOf", "allOf", "prefixItems")
APART = frozenset({"properties", "required", "items", "type", "enum", "const", "$ref", *BRANCHES})


@dataclass(frozen=True)
class Difference:
    """Something that may not change within a version."""

    at: str  # JSON pointer into the schema, references followed
    what: str

    def __str__(self) -> str:
        return f"{self.at or '/'}: {self.what}"


def differences(old: Schema, new: Schema) -> list[Difference]:
    """What stands in the way of replacing `old` by `new`; empty when they are compatible."""
    return list(_Comparison(old, new).compare(old, new, ""))


class _Comparison:
    """Two documents, whose references it follows; a pair that is being compared already counts as equal."""

    def __init__(self, old_root: Schema, new_root: Schema) -> None:
        self._old_root, self._new_root = old_root, new_root
        self._open: set[tuple[str, str]] = set()

    def compare(self, old: Any, new: Any, at: str) -> Iterator[Difference]:
        """Differences between two places."""
        references = (_reference(old), _reference(new))
        if references in self._open:
            return
        is_recursive = bool(references[0] and references[1])
        if is_recursive:
            self._open.add(references)
        old, new = _follow(old, self._old_root), _follow(new, self._new_root)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from self._schemas(old, new, at)
        elif old != new:
            yield Difference(at, f"{old!r} became {new!r}")
        if is_recursive:
            self._open.discard(references)

    def _schemas(self, old: Schema, new: Schema, at: str) -> Iterator[Difference]:
        yield from _types(old, new, at)
        yield from _values(old, new, at)
        yield from self._properties(old, new, at)
        if "items" in old and "items" in new:
            yield from self.compare(old["items"], new["items"], f"{at}/items")
        elif "items" in old or "items" in new:
            yield Difference(at, f"items was {'removed' if 'items' in old else 'added'}")
        for keyword in BRANCHES:
            yield from self._branches(old.get(keyword), new.get(keyword), f"{at}/{keyword}")
        for keyword in sorted((old.keys() | new.keys()) - APART - DESCRIPTIVE - DEFINITIONS):
            if keyword not in new:
                yield Difference(at, f"{keyword} {old[keyword]!r} was removed")
            elif keyword not in old:
                yield Difference(at, f"{keyword} {new[keyword]!r} was added")
            elif old[keyword] != new[keyword]:
                yield Difference(at, f"{keyword} {old[keyword]!r} became {new[keyword]!r}")

    def _properties(self, old: Schema, new: Schema, at: str) -> Iterator[Difference]:
        old_properties, new_properties = old.get("properties", {}), new.get("properties", {})
        old_required, new_required = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(old_properties.keys() | new_properties.keys() | old_required | new_required):
            place = f"{at}/properties/{name}"
            if name in old_properties and name not in new_properties:
                yield Difference(place, "the property was removed")
                continue
            if name in new_required and name not in old_required:
                yield Difference(place, "it is required now: old events do not have it")
            elif name in old_required and name not in new_required:
                yield Difference(place, "it is not required any more: old readers count on it")
            if name in old_properties and name in new_properties:
                yield from self.compare(old_properties[name], new_properties[name], place)

    def _branches(self, old: Any, new: Any, at: str) -> Iterator[Difference]:
        """Alternatives, in any order: each old one finds a new one of its own."""
        if old is None and new is None:
            return
        if old is None or new is None:
            yield Difference(at, f"it was {'added' if old is None else 'removed'}")
            return
        if len(old) != len(new):
            yield Difference(at, f"{len(old)} alternatives became {len(new)}")
            return
        if at.endswith("/prefixItems"):
            for number, (before, after) in enumerate(zip(old, new, strict=True)):
                yield from self.compare(before, after, f"{at}/{number}")
            return
        left = list(new)
        for number, before in enumerate(old):
            match = next((after for after in left if not list(self.compare(before, after, at))), None)
            if match is not None:
                left.remove(match)
            else:
                yield Difference(f"{at}/{number}", "the alternative was changed or removed")


def _types(old: Schema, new: Schema, at: str) -> Iterator[Difference]:
    before, after = _as_set(old.get("type")), _as_set(new.get("type"))
    if before == after:
        return
    if before < after and before:
        yield Difference(at, f"the type was widened from {_words(before)} to {_words(after)}")
    elif after < before and after:
        yield Difference(at, f"the type was narrowed from {_words(before)} to {_words(after)}")
    else:
        yield Difference(at, f"the type changed from {_words(before)} to {_words(after)}")


def _values(old: Schema, new: Schema, at: str) -> Iterator[Difference]:
    before, after = _allowed(old), _allowed(new)
    if before == after:
        return
    if before is None or after is None:
        yield Difference(at, "an enumeration was " + ("added" if before is None else "removed"))
        return
    if gone := before - after:
        yield Difference(at, f"values were removed: {', '.join(sorted(gone))}")
    if fresh := after - before:
        yield Difference(at, f"values were added that old readers do not know: {', '.join(sorted(fresh))}")


def _allowed(schema: Schema) -> frozenset[str] | None:
    """The values of `enum` or `const`; one constant is an enumeration of one."""
    if "const" in schema:
        return frozenset({repr(schema["const"])})
    return frozenset(map(repr, schema["enum"])) if "enum" in schema else None


def _as_set(type_: Any) -> frozenset[str]:
    return frozenset() if type_ is None else frozenset([type_] if isinstance(type_, str) else type_)


def _words(types: frozenset[str]) -> str:
    return " or ".join(sorted(types)) or "anything"


def _reference(schema: Any) -> str:
    return str(schema["$ref"]) if isinstance(schema, Mapping) and "$ref" in schema else ""


def _follow(schema: Any, root: Schema) -> Any:
    """The schema that a local reference stands for, with what is written beside the reference."""
    while reference := _reference(schema):
        assert reference.startswith("#/"), f"only local references are used, not {reference}"
        target: Any = root
        for part in reference[2:].split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        schema = {**target, **{name: value for name, value in schema.items() if name != "$ref"}}
    return schema
