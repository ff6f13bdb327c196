"""What the services of this tree declare, read from their code: handler groups, settings, problems, files of checks.

Only tools read this (commands, documentation, tests); a service never learns of another through it.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from pathlib import Path
from types import ModuleType

from shared.handlers import Handlers
from shared.problems import Problem
from shared.settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[1]
SERVICES_FOLDER = ROOT / "services"


def service_names() -> list[str]:
    """The services that are in this tree."""
    return sorted(path.parent.name for path in SERVICES_FOLDER.glob("*/__init__.py"))


def has_module(service: str, name: str) -> bool:
    """Whether a service has a module (or package) of this name."""
    return importlib.util.find_spec(f"services.{service}.{name}") is not None


def handler_groups(service: str) -> list[Handlers]:
    """The handler groups that `services/<service>/handlers.py` declares; none when there is no such file."""
    if not has_module(service, "handlers"):
        return []
    module = importlib.import_module(f"services.{service}.handlers")
    return sorted(
        {id(value): value for value in vars(module).values() if isinstance(value, Handlers)}.values(),
        key=lambda handlers: handlers.group,
    )


def groups_by_service() -> dict[str, list[Handlers]]:
    """All handler groups of the tree."""
    return {service: handler_groups(service) for service in service_names()}


def listeners() -> dict[str, list[tuple[str, str]]]:
    """Who listens to each event type: (group, name of its handler)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for groups in groups_by_service().values():
        for handlers in groups:
            for type_, handler in handlers.by_type.items():
                found.setdefault(type_, []).append((handlers.group, handler.name))
    return found


def settings_of(service: str) -> type[ServiceSettings] | None:
    """The settings class of a service; None when it has no settings.py."""
    if not has_module(service, "settings"):
        return None
    module = importlib.import_module(f"services.{service}.settings")
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ServiceSettings) and value.__module__ == module.__name__
    ]
    assert len(own) <= 1, f"{service} declares more than one settings class"
    return own[0] if own else None


def modules_of(package: str) -> list[ModuleType]:
    """A package with all its modules, imported; those that start a process are left out."""
    root = importlib.import_module(package)
    found = [root]
    for info in pkgutil.walk_packages(root.__path__, prefix=f"{package}."):
        if info.name.rsplit(".", 1)[-1] not in {"__main__", "main"} and not info.name.startswith("shared.testing"):
            found.append(importlib.import_module(info.name))
    return found


def problems() -> list[type[Problem]]:
    """Every refusal that can leave a service, by slug."""
    for package in ("shared", *(f"services.{service}" for service in service_names())):
        modules_of(package)
    found: set[type[Problem]] = set()
    waiting: list[type[Problem]] = [Problem]
    while waiting:
        for cls in waiting.pop().__subclasses__():
            waiting.append(cls)
            if cls.__module__.startswith(("shared.", "services.")):
                found.add(cls)
    return sorted(found, key=lambda cls: (cls.slug, cls.__module__))
