"""Reference pages made from the code: `docs/events.md`, `settings.md`, `problems.md`, `metrics.md`.

`python -m deploy.docs` writes them; they are committed, and a test fails when they are stale, so what is declared is
documented. Whatever has no sentence of its own in the code is refused here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from deploy import registry
from shared.contracts import EVENTS, Event, publish
from shared.problems import TYPE_PREFIX
from shared.settings import ServiceSettings

FOLDER = registry.ROOT / "docs"
NOTE = "<!-- Made from the code by `make schemas`; edit the code. -->"


class Undocumented(Exception):
    """Something that others depend on has no sentence that explains it."""


def written() -> dict[str, str]:
    """File name to text of every page."""
    pages: dict[str, Callable[[], str]] = {
        "events.md": events,
        "settings.md": settings,
        "problems.md": problems,
        "metrics.md": metrics,
    }
    return {name: make() for name, make in pages.items()}


def stale() -> list[str]:
    """The pages that do not say what the code says."""
    return [name for name, text in written().items() if _read(name) != text]


def write() -> list[str]:
    """Bring the pages up to date; the names of those that changed."""
    FOLDER.mkdir(exist_ok=True)
    changed = [(name, text) for name, text in written().items() if _read(name) != text]
    for name, text in changed:
        (FOLDER / name).write_text(text, encoding="utf-8")
    return [name for name, _ in changed]


def _read(name: str) -> str | None:
    path = FOLDER / name
    return path.read_text(encoding="utf-8") if path.exists() else None


def events() -> str:
    """Every event: who says it, where, in which order, and who listens."""
    listeners = registry.listeners()
    rows = []
    details = []
    for name, event in publish.declared().items():
        declaration = event.declaration
        heard_by = ", ".join(f"`{group}`" for group, _ in sorted(listeners.get(name, []))) or "nobody yet"
        rows.append(
            (
                f"[`{name}`](#{_anchor(name)})",
                declaration.owner,
                f"`{declaration.topic.name}`",
                f"`{declaration.keyed_by}`",
                f"`{declaration.ordered_by}`",
                heard_by,
            )
        )
        details.append(_event(name, event, sorted(listeners.get(name, []))))
    return _page(
        "Events",
        "What the services tell each other. An event is a CloudEvent in binary mode on Kafka: its attributes are record"
        " headers, its value is the JSON described here. Delivered at least once, in order per ordering key. Schemas:"
        " `shared/contracts/schemas/`, all together as AsyncAPI in `asyncapi.json`, with an example of each.",
        _table(("event", "said by", "topic", "record key", "in order per", "heard by"), rows),
        *details,
    )


def _anchor(name: str) -> str:
    return name.replace(".", "")


def _event(name: str, event: type[Event], listeners: Sequence[tuple[str, str]]) -> str:
    schema = publish.inlined(event.model_json_schema())
    required = set(schema.get("required", ()))
    rows = [
        (f"`{field}`", _kind(part), "" if field in required else "optional", part.get("description", ""))
        for field, part in schema["properties"].items()
    ]
    heard = "".join(f"- `{group}`: {handler.replace('_', ' ')}\n" for group, handler in listeners)
    lines = [f"## {name}", "", _sentence(event.__doc__, name), "", _table(("field", "is", "", "meaning"), rows)]
    return "\n".join([*lines, heard]) if heard else "\n".join(lines)


def _kind(schema: dict[str, object]) -> str:
    """A schema in a few words."""
    branches = schema.get("anyOf")
    if isinstance(branches, list):
        return " or ".join(_kind(branch) for branch in branches)
    if isinstance(schema.get("enum"), list):
        return ", ".join(f"`{value}`" for value in schema["enum"])  # type: ignore[attr-defined]  # checked above
    items = schema.get("items")
    if isinstance(items, dict):
        properties = items.get("properties")
        fields = ", ".join(f"`{name}`" for name in properties) if isinstance(properties, dict) else _kind(items)
        return f"list of ({fields})"
    return str(schema.get("format") or schema.get("type"))


def settings() -> str:
    """Every setting of every service."""
    common = set(ServiceSettings.model_fields)
    parts = [
        "## Every service",
        _settings_table(ServiceSettings, common),
    ]
    for service in registry.service_names():
        cls = registry.settings_of(service)
        own = set(cls.model_fields) - common if cls else set()
        if cls and own:
            parts += [f"## {service}", _settings_table(cls, own)]
    return _page(
        "Settings",
        "Environment variables, read once at the start. A missing or absurd value stops the start with a sentence."
        " `./lumbung env SERVICE` prints what the local stack uses.",
        *parts,
    )


def _settings_table(cls: type[ServiceSettings], names: set[str]) -> str:
    rows = []
    for name, field in cls.model_fields.items():
        if name in names:
            meaning = field.description or name.replace("_", " ").capitalize() + "."
            default = "required" if field.is_required() else _default(field)
            rows.append((f"`LUMBUNG_{name.upper()}`", default, _limits(field), meaning))
    return _table(("variable", "default", "limits", "meaning"), rows)


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "from others"
    value = field.get_default()
    if isinstance(value, Path) and value.is_relative_to(registry.ROOT):
        value = value.relative_to(registry.ROOT)
    if value is None:
        return "not set"
    return "required" if value is PydanticUndefined else f"`{value}`" if str(value) else "empty"


def _limits(field: FieldInfo) -> str:
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "pattern": "like"}
    words |= {"min_length": "characters at least", "max_length": "characters at most"}
    found = []
    for limit in field.metadata:
        for name, word in words.items():
            value = getattr(limit, name, None)
            if value is not None:
                found.append(f"{word} `{value}`".replace("|", "\\|"))
    return ", ".join(found)


def problems() -> str:
    """Every refusal, by slug."""
    rows = [
        (f"`{cls.slug}`", cls.status, _sentence(cls.__doc__, cls.__name__), _place(cls.__module__))
        for cls in registry.problems()
    ]
    return _page(
        "Problems",
        f"Refusals are RFC 9457 problem documents of type `{TYPE_PREFIX}SLUG`; the slug is the stable name to branch"
        " on. A 503 may be tried again, with the same Idempotency-Key, after the seconds in `Retry-After`.",
        _table(("slug", "status", "means", "from"), sorted(rows)),
    )


def _place(module: str) -> str:
    return module.split(".")[1] if module.startswith("services.") else "every service"


def metrics() -> str:
    """Every metric."""
    rows = []
    for metric in _declared_metrics():
        described = next(iter(metric.describe()))
        labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "none"
        name = described.name + ("_total" if described.type == "counter" else "")
        rows.append((f"`{name}`", described.type, labels, _sentence(described.documentation, described.name)))
    return _page(
        "Metrics",
        "What `/metrics` of every service shows, in the format of Prometheus. It names nobody and asks nobody to sign "
        "in: whoever reaches a service's own port may read it, as Prometheus does in its network, and the "
        "edge (`deploy/compose/Caddyfile`) passes neither it nor `/readyz` on. `/docs` and `/openapi.json` are for "
        "the public.",
        _table(("metric", "kind", "labels", "meaning"), sorted(rows)),
    )


def _declared_metrics() -> list[MetricWrapperBase]:
    """Our own, wherever a module declares one."""
    packages = ["shared", *(f"services.{service}" for service in registry.service_names())]
    modules = [module for package in packages for module in registry.modules_of(package)]
    found = {id(v): v for module in modules for v in vars(module).values() if isinstance(v, MetricWrapperBase)}
    return list(found.values())


def _sentence(doc: str | None, of: str) -> str:
    """The first paragraph. Raises Undocumented."""
    first = " ".join((doc or "").strip().partition("\n\n")[0].split())
    if not first.endswith((".", "?", "!")):
        raise Undocumented(f"{of} needs a docstring that is a sentence")
    return first


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", NOTE, *(part.strip() for part in parts)]) + "\n"


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    assert EVENTS, "the contracts are loaded"
    for changed_name in write() or ["all pages are fresh"]:
        sys.stdout.write(f"{changed_name}\n")
