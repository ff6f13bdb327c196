"""The processes of the local stack, as data: what is started, with which environment, after what, ready when.

A service that is not in the tree is left out and named by `missing_services`, so that the infrastructure is
useful on its own.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from dataclasses import replace

from deploy.local import kafka, postgres
from deploy.local.files import read_json, write_json
from deploy.local.layout import HOST, WISHES, Layout, LocalStackError
from deploy.local.spec import Answers, Http, ProcessSpec, Tcp
from deploy.local.stack import KAFKA_PARTNERS, SERVICES, Stack

SANDBOXES = {
    "payments": "payment provider (sandbox)",
    "notices": "notice channel (sandbox)",
    "bank": "bank for payouts (sandbox)",
}
INFRASTRUCTURE = ("provision-postgres", "provision-kafka")
URLS = (*SERVICES, *SANDBOXES)
PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "JAVA_HOME", "SSL_CERT_FILE", "LD_LIBRARY_PATH")
TWO_PROCESSES = "LUMBUNG_TWO_PROCESSES"
TWO_PROCESSES_DEFAULT = ("orders",)  # the hottest service (decision 3)
WORKER = "-worker"  # ends the name of a service's second process
DECIDED_BY_LAYOUT = ("LUMBUNG_HOME", "LUMBUNG_PORT_BASE", TWO_PROCESSES)


def module_of(name: str) -> str:
    """The module that a service or sandbox is started from."""
    return f"deploy.sandbox.{name}" if name in SANDBOXES else f"services.{name}.main"


def is_present(name: str) -> bool:
    """Whether the service or sandbox is in this tree."""
    importlib.invalidate_caches()  # the supervisor asks again while people write code
    try:
        return importlib.util.find_spec(module_of(name)) is not None
    except ModuleNotFoundError:
        return False


def missing_services() -> list[str]:
    return [name for name in (*SANDBOXES, *SERVICES) if not is_present(name)]


def base_environment() -> dict[str, str]:
    """What every process gets: a few harmless variables of the machine, and our own habits."""
    kept = {name: value for name, value in os.environ.items() if name in PASSED_ON}
    return kept | {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}


def layout_environment(layout: Layout) -> dict[str, str]:
    """Tells a process of ours which stack it belongs to."""
    return {"LUMBUNG_HOME": str(layout.home), "LUMBUNG_PORT_BASE": str(layout.port_base)}


def remember_wishes(layout: Layout) -> None:
    """Keep the LUMBUNG_ variables that `up` was called with: each service or sandbox started from now on gets them.

    `LUMBUNG_TRACE_RATIO=1 ./lumbung up` therefore works on a stack whose infrastructure runs already.
    """
    wishes = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("LUMBUNG_") and name not in DECIDED_BY_LAYOUT
    }
    write_json(layout.wishes_file, wishes, mode=0o600)


def remember_two_processes(layout: Layout, *, is_running: bool) -> None:
    """Keep which services `up` was told to run as two processes; told nothing, they stay as they are.

    Raises LocalStackError for a name that is no service, and for another wish while the stack runs: a service whose
    second process is taken away would go on without its handlers.
    """
    wish = os.environ.get(TWO_PROCESSES)
    if wish is None:
        return
    names = list(SERVICES) if wish == "all" else sorted(filter(None, wish.split(",")))
    if unknown := [name for name in names if name not in SERVICES]:
        raise LocalStackError(f"{TWO_PROCESSES} names {', '.join(unknown)}; there are all, {', '.join(SERVICES)}.")
    if is_running and set(names) != set(two_processes(layout)):
        raise LocalStackError(f"The stack runs with {TWO_PROCESSES}={','.join(two_processes(layout))}; stop it first.")
    write_json(layout.two_processes_file, names)


def two_processes(layout: Layout) -> list[str]:
    """The services that run as two processes."""
    names: list[str] | None = read_json(layout.two_processes_file)
    return list(TWO_PROCESSES_DEFAULT) if names is None else names


def service_environment(stack: Stack, name: str) -> dict[str, str]:
    """The LUMBUNG_ variables of a service or sandbox, read by shared/settings.py; addresses and passwords are ours."""
    wishes: dict[str, str] = read_json(stack.home / WISHES) or {}
    variables = {
        "LUMBUNG_OTLP_ENDPOINT": "",
        "LUMBUNG_TRACE_RATIO": "0.01",
        **wishes,
        "LUMBUNG_HOME": str(stack.home),
        "LUMBUNG_PORT_BASE": str(stack.port_base),
        "LUMBUNG_HTTP_HOST": HOST,
        "LUMBUNG_HTTP_PORT": str(stack.ports[name]),
    }
    variables |= {f"LUMBUNG_{other.upper()}_URL": stack.url(other) for other in URLS}
    variables |= stack.variables.get(name, {})
    if name in SERVICES:
        user, password = stack.kafka_user(name)
        variables |= {
            "LUMBUNG_DATABASE_URL": stack.dsn(name),
            "LUMBUNG_KAFKA_BOOTSTRAP": stack.kafka_bootstrap,
            "LUMBUNG_KAFKA_USERNAME": user,
            "LUMBUNG_KAFKA_PASSWORD": password,
            "LUMBUNG_WORKER_INSTANCE": "local",
        }
    return variables


def build_processes(layout: Layout, stack: Stack) -> list[ProcessSpec]:
    """Everything this tree can run, in the order in which people like to read it."""
    return [*_postgres(layout), *_kafka(layout), *_applications(layout, stack)]


def _task(layout: Layout, name: str, purpose: str, module: str, depends: tuple[str, ...] = ()) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        purpose=purpose,
        command=[sys.executable, "-m", f"deploy.local.{module}", name],
        environment=base_environment() | layout_environment(layout),
        depends=depends,
        is_task=True,
    )


def _postgres(layout: Layout) -> list[ProcessSpec]:
    place = postgres.place_postgres(layout)
    port = layout.port("postgres")
    return [
        _task(layout, "prepare-postgres", "database files", "prepare"),
        ProcessSpec(
            name="postgres",
            purpose="PostgreSQL 18",
            command=postgres.server_command(place),
            environment={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
            depends=("prepare-postgres",),
            ready=Answers(tuple(postgres.ready_command(place, port))),
            ports=(port,),
            url=f"postgresql://{HOST}:{port}",
            folder="/",
            stop_signal=signal.SIGINT,  # fast shutdown: ends sessions, writes a checkpoint
            stop_seconds=20,
            death_signal=signal.SIGINT,
            uid=place.uid,
            gid=place.gid,
        ),
        _task(layout, "provision-postgres", "databases, roles, rights", "provision_postgres", ("postgres",)),
        _task(layout, "migrate", "tables of the services", "migrations", ("provision-postgres",)),
    ]


def _kafka(layout: Layout) -> list[ProcessSpec]:
    ports = (layout.port("kafka"), layout.port("kafka-controller"))
    return [
        _task(layout, "prepare-kafka", "log storage", "prepare"),
        ProcessSpec(
            name="kafka",
            purpose=f"Apache Kafka {kafka.VERSION}",
            command=kafka.server_command(kafka.recorded_place(layout)),
            environment=base_environment(),
            depends=("prepare-kafka",),
            ready=Tcp(ports[0]),
            ports=ports,
            url=f"{HOST}:{ports[0]}",
            ready_seconds=90,
            stop_seconds=30,
            death_signal=signal.SIGTERM,
        ),
        _task(layout, "provision-kafka", "users, topics, rights", "provision_kafka", ("kafka",)),
    ]


def _applications(layout: Layout, stack: Stack) -> list[ProcessSpec]:
    specs = []
    two = two_processes(layout)
    for name in (*SANDBOXES, *SERVICES):
        if not is_present(name):
            continue
        port = stack.ports[name]
        spec = ProcessSpec(
            name=name,
            purpose=SANDBOXES.get(name, f"service {name}"),
            command=[sys.executable, "-m", module_of(name)],
            environment=base_environment() | service_environment(stack, name),
            depends=() if name in SANDBOXES else ("migrate", "provision-kafka"),
            ready=Http(port),
            ports=(port,),
            url=stack.url(name),
        )
        specs += _split(spec, layout.port(f"{name}{WORKER}")) if name in two else [spec]
    if is_present("financing"):
        specs.append(_partners(stack))
    return specs


def _split(spec: ProcessSpec, port: int) -> list[ProcessSpec]:
    """A service as two processes; the one that answers HTTP needs the other, so that none runs without its handlers."""
    worker = replace(
        spec,
        name=f"{spec.name}{WORKER}",
        purpose=f"worker and relay of {spec.name}",
        command=[*spec.command, "--role", "worker,relay"],
        environment={**spec.environment, "LUMBUNG_HTTP_PORT": str(port)},
        ready=Http(port),
        ports=(port,),
        url=f"http://{HOST}:{port}",
    )
    http = replace(spec, command=[*spec.command, "--role", "http"], depends=(*spec.depends, worker.name))
    return [worker, http]


def _partners(stack: Stack) -> ProcessSpec:
    """The task that makes lenders' topics and users: the only one that signs in to Kafka as `partners`."""
    user, password = stack.kafka_user(KAFKA_PARTNERS)
    variables = {
        "LUMBUNG_DATABASE_URL": stack.dsn("financing"),
        "LUMBUNG_KAFKA_BOOTSTRAP": stack.kafka_bootstrap,
        "LUMBUNG_KAFKA_USERNAME": user,
        "LUMBUNG_KAFKA_PASSWORD": password,
    }
    return ProcessSpec(
        name="partners",
        purpose="lenders' topics and users",
        command=[sys.executable, "-m", "deploy.partners"],
        environment=base_environment() | variables | stack.variables["partners"],
        depends=("migrate", "provision-kafka"),
    )
