"""docker-compose.yml has the same topology as the local stack.

Each process, port and variable, and nothing open to the world.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from deploy.compose.passwords import variables
from deploy.local.layout import PORT_OFFSETS, PROJECT, Layout
from deploy.local.processes import SANDBOXES, service_environment
from deploy.local.stack import SERVICES, describe_stack
from shared.contracts import TOPICS

ONLY_LOCAL = {"LUMBUNG_HOME", "LUMBUNG_PORT_BASE"}
READ = """
const fs = require("fs"), yaml = require(process.argv[1] + "/yaml");
const file = yaml.parse(fs.readFileSync("docker-compose.yml", "utf8"), { merge: true });
process.stdout.write(JSON.stringify(file));
"""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file, linted and read by the linter's own YAML reader; skipped where there is no npm."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not on this machine")
    linted = subprocess.run(["sh", "deploy/compose/check.sh"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    modules = str(PROJECT / ".local" / "dclint" / "node_modules")
    done = subprocess.run(["node", "-e", READ, modules], cwd=PROJECT, capture_output=True, text=True, check=True)
    file: dict[str, Any] = json.loads(done.stdout)
    return file


def _roles(compose: dict[str, Any], service: str) -> dict[str, dict[str, Any]]:
    """The containers of a service by the role that they play."""
    containers = compose["services"]
    names = [service, f"{service}-worker", f"{service}-relay"]
    return {containers[name]["command"][1]: containers[name] for name in names if name in containers}


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_a_container_per_role(compose: dict[str, Any], service: str) -> None:
    publishes = any(topic.owner == service for topic in TOPICS.values())

    roles = _roles(compose, service)

    assert set(roles) == {"http", "worker"} | ({"relay"} if publishes else set())
    for container in roles.values():
        assert container["build"]["args"] == {"SERVICE": service}
        assert container["depends_on"] == {"provision": {"condition": "service_completed_successfully"}}


@pytest.mark.parametrize("name", [*SERVICES, *SANDBOXES])
def test_each_process_has_its_port_and_every_variable(compose: dict[str, Any], name: str, tmp_path: Path) -> None:
    layout = Layout(home=tmp_path, port_base=8000)
    layout.create()
    wanted = set(service_environment(describe_stack(layout), name)) - ONLY_LOCAL
    containers: Iterable[dict[str, Any]] = (
        _roles(compose, name).values() if name in SERVICES else [compose["services"][name]]
    )

    for container in containers:
        given = container["environment"]
        assert given["LUMBUNG_HTTP_PORT"] == str(8000 + PORT_OFFSETS[name])
        if name in SERVICES:
            assert wanted - set(given) == set()
            assert f"@postgres:5432/{name}" in given["LUMBUNG_DATABASE_URL"]


def test_ports_are_open_to_this_machine_only(compose: dict[str, Any]) -> None:
    published = [port for container in compose["services"].values() for port in container.get("ports", [])]

    assert published != []
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_every_password_that_is_asked_for_is_made(compose: dict[str, Any]) -> None:
    text = (PROJECT / "docker-compose.yml").read_text()
    asked = {part.partition(":?")[0] for part in text.split("${")[1:] if ":?" in part.partition("}")[0]}

    assert asked == set(variables())
    assert compose["name"] == "lumbung"


def test_every_image_is_pinned_and_every_mounted_file_is_there(compose: dict[str, Any]) -> None:
    for container in compose["services"].values():
        image = container["image"]
        assert ":" in image or image.startswith("lumbung-")
        for mount in container.get("volumes", []):
            source = mount.split(":")[0]
            assert not source.startswith(".") or (PROJECT / source).exists()


def test_an_image_holds_one_service_and_shared_only() -> None:
    stages = (PROJECT / "deploy" / "Dockerfile").read_text().split("FROM base AS service")
    copied = [line.split()[-2] for line in stages[1].splitlines() if line.startswith("COPY")]

    assert copied == ["services/__init__.py", "services/$SERVICE/"]
    assert "USER 10001" in stages[1]
