"""The small parts: ports, settings, Java, passwords, addresses, the command line's promises."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.cli.__main__ import SECTIONS
from deploy.local import control, kafka, postgres, processes
from deploy.local.credentials import ensure_credentials
from deploy.local.files import read_json, write_json
from deploy.local.java import Java, major_version
from deploy.local.layout import PROJECT, Layout, LocalStackError, current_layout
from deploy.local.ports import is_free, require_free, taken_sentence
from deploy.local.spec import ProcessSpec, with_dependencies
from deploy.local.stack import SERVICES, StackMissing, describe_stack, load_stack, write_stack


def test_a_taken_port_is_explained() -> None:
    sentence = taken_sentence(8432, wanted_by="postgres", holder="nginx, pid 77", port_base=8000)

    assert sentence == (
        "Port 8432 is taken by nginx, pid 77, and postgres needs it. "
        "Stop that process, or move this stack: LUMBUNG_PORT_BASE=18000 ./lumbung up"
    )


def test_the_holder_of_a_taken_port_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        with pytest.raises(LocalStackError, match=rf"Port {port} is taken by .*pid {os.getpid()}, and kafka needs it"):
            require_free({"kafka": port}, port_base=8000)

    assert is_free(port)


@pytest.mark.parametrize(
    ("report", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ("command not found", None),
    ],
)
def test_the_version_of_java_is_read(report: str, major: int | None) -> None:
    assert major_version(report) == major


def test_kafka_listens_on_loopback_only_and_lets_nobody_in_by_default(tmp_path: Path) -> None:
    place = kafka.KafkaPlace(tmp_path, tmp_path / "lib", Java("java", 17))

    text = kafka.render_properties(place, port=8092, controller_port=8093, admin_password="s3cret")

    lines = dict(line.split("=", 1) for line in text.splitlines())
    assert lines["listeners"] == "CLIENT://127.0.0.1:8092,CONTROLLER://127.0.0.1:8093"
    assert lines["allow.everyone.if.no.acl.found"] == "false"
    assert lines["auto.create.topics.enable"] == "false"
    assert lines["sasl.enabled.mechanisms"] == "SCRAM-SHA-512"
    assert 'password="s3cret"' in lines["listener.name.client.scram-sha-512.sasl.jaas.config"]


def test_the_class_archive_is_kept_by_new_javas_and_written_at_the_end_by_old_ones(tmp_path: Path) -> None:
    old = kafka.archive_options(kafka.KafkaPlace(tmp_path, tmp_path, Java("java", 17)), tmp_path)
    new = kafka.archive_options(kafka.KafkaPlace(tmp_path, tmp_path, Java("java", 25)), tmp_path)

    assert old[0].startswith("-XX:ArchiveClassesAtExit=")
    assert new[0] == "-XX:+AutoCreateSharedArchive"


def test_postgres_never_trades_durability_for_speed() -> None:
    settings = postgres.render_settings(8432)

    assert "port = 8432" in settings
    assert "\nfsync = on\n" in settings
    assert "\nsynchronous_commit = on\n" in settings


def test_passwords_are_made_once_and_are_private(tmp_path: Path) -> None:
    layout = Layout(home=tmp_path, port_base=8000)
    first = ensure_credentials(layout, ["postgres:orders"])

    second = ensure_credentials(layout, ["postgres:orders", "kafka:orders"])

    assert second.password("postgres:orders") == first.password("postgres:orders")
    assert len(second.password("kafka:orders")) >= 32
    assert stat.S_IMODE(layout.secrets_file.stat().st_mode) == 0o600


def test_a_stack_is_read_as_it_was_written(tmp_path: Path) -> None:
    layout = Layout(home=tmp_path, port_base=28_000)
    layout.create()
    stack = describe_stack(layout)

    write_stack(layout, stack)

    assert load_stack(tmp_path) == stack
    assert stack.url("orders") == "http://127.0.0.1:28003"
    assert stack.dsn("orders").endswith("@127.0.0.1:28432/orders")
    assert stat.S_IMODE(layout.stack_file.stat().st_mode) == 0o600


def test_a_service_may_have_two_processes_and_neither_runs_without_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(home=tmp_path, port_base=28_000)
    layout.create()
    monkeypatch.setenv("LUMBUNG_TWO_PROCESSES", "catalog")
    processes.remember_two_processes(layout, is_running=False)
    monkeypatch.delenv("LUMBUNG_TWO_PROCESSES")
    processes.remember_two_processes(layout, is_running=True)

    specs = {spec.name: spec for spec in processes._applications(layout, describe_stack(layout))}

    assert [name for name in specs if name.endswith("-worker")] == ["catalog-worker"]
    assert list(specs["catalog"].command[-2:]) == ["--role", "http"]
    assert list(specs["catalog-worker"].command[-2:]) == ["--role", "worker,relay"]
    assert specs["catalog"].environment["LUMBUNG_HTTP_PORT"] == "28002"
    assert specs["catalog-worker"].environment["LUMBUNG_HTTP_PORT"] == "28022"
    assert "catalog-worker" in specs["catalog"].depends
    assert "--role" not in specs["orders"].command


def test_orders_has_two_processes_where_nobody_said_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUMBUNG_TWO_PROCESSES", raising=False)
    layout = Layout(home=tmp_path, port_base=28_000)
    layout.create()
    processes.remember_two_processes(layout, is_running=False)
    assert processes.two_processes(layout) == ["orders"]

    monkeypatch.setenv("LUMBUNG_TWO_PROCESSES", "")
    processes.remember_two_processes(layout, is_running=False)
    monkeypatch.delenv("LUMBUNG_TWO_PROCESSES")
    processes.remember_two_processes(layout, is_running=False)
    assert processes.two_processes(layout) == []


def test_a_service_s_name_means_both_its_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "supervisor_pid", lambda _: SimpleNamespace())
    layout = Layout(home=tmp_path, port_base=28_000)
    layout.create()
    write_json(layout.state_file, {"processes": {"orders": {}, "orders-worker": {}, "catalog": {}}})

    assert control.processes_called(layout, "orders") == ["orders", "orders-worker"]
    assert control.processes_called(layout, "orders-worker") == ["orders-worker"]
    assert control.processes_called(layout, "catalog") == ["catalog"]
    with pytest.raises(LocalStackError, match="financing does not run here"):
        control.processes_called(layout, "financing")


def test_a_worker_is_not_taken_from_a_service_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr(control, "supervisor_pid", lambda _: SimpleNamespace(send=sent.append))
    layout = Layout(home=tmp_path, port_base=28_000)
    layout.create()
    both = {"orders": 0, "orders-worker": 0}
    write_json(layout.state_file, {"processes": {name: {} for name in both}})
    write_json(layout.desired_file, {"processes": both})

    with pytest.raises(LocalStackError, match=r"orders does not run without orders-worker; './lumbung stop orders'"):
        control.stop(layout, "orders-worker")
    assert not sent
    control.stop(layout, "orders")
    control.stop(layout, "orders-worker")

    assert read_json(layout.desired_file) == {"processes": {}}
    assert len(sent) == 2


def test_the_second_process_is_not_taken_from_a_running_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(home=tmp_path, port_base=28_000)
    layout.create()
    monkeypatch.setenv("LUMBUNG_TWO_PROCESSES", "all")
    processes.remember_two_processes(layout, is_running=False)

    monkeypatch.setenv("LUMBUNG_TWO_PROCESSES", "")
    with pytest.raises(LocalStackError, match="stop it first"):
        processes.remember_two_processes(layout, is_running=True)
    monkeypatch.setenv("LUMBUNG_TWO_PROCESSES", "ordres")
    with pytest.raises(LocalStackError, match="names ordres"):
        processes.remember_two_processes(layout, is_running=False)

    assert processes.two_processes(layout) == list(SERVICES)


def test_a_missing_stack_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StackMissing, match=r"start it with './lumbung up'"):
        load_stack(tmp_path)


@pytest.mark.parametrize("base", ["80", "abc", "65200"])
def test_an_absurd_port_base_is_refused(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMBUNG_PORT_BASE", base)

    with pytest.raises(LocalStackError, match="must be a number from 1024"):
        current_layout()


def test_dependencies_come_along() -> None:
    specs = [ProcessSpec("a", "", []), ProcessSpec("b", "", [], depends=("a",)), ProcessSpec("c", "", [])]

    assert with_dependencies(specs, ["b"]) == ["a", "b"]


def _lumbung(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"LUMBUNG_HOME": str(home), "LUMBUNG_PORT_BASE": "41000"}
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, env=environment, check=False)


def test_help_lists_every_command(tmp_path: Path) -> None:
    done = _lumbung("--help", home=tmp_path)

    assert done.returncode == 0
    for section, commands in SECTIONS.items():
        assert section in done.stdout
        for name in commands:
            assert f"\n  {name} " in done.stdout


def test_a_stack_that_does_not_run_is_exit_code_3(tmp_path: Path) -> None:
    status = _lumbung("status", "--json", home=tmp_path)

    assert status.returncode == 3
    assert json.loads(status.stdout)["running"] is False
    assert _lumbung("kill", "orders", home=tmp_path).returncode == 3
    assert _lumbung("down", home=tmp_path).returncode == 0


def test_a_folder_that_is_no_stack_is_not_deleted(tmp_path: Path) -> None:
    precious = tmp_path / "family.json"
    precious.write_text("{}")

    done = _lumbung("down", "--delete-data", home=tmp_path)

    assert done.returncode == 1
    assert precious.exists()
