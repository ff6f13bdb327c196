"""What a running local stack offers to tests, the demo and the command line.

Addresses, users, passwords, pids.

`load_stack()` reads `stack.json` in the data folder, written before the first process starts. It is the only
supported way to learn an address of the stack; nobody else composes one.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploy.local.credentials import ensure_credentials
from deploy.local.files import read_json, write_json
from deploy.local.layout import HOST, PORT_OFFSETS, PROJECT, Layout, LocalStackError, current_layout
from deploy.local.pids import Pid
from deploy.local.postgres import SUPERUSER, place_postgres

SERVICES = ("identity", "catalog", "orders", "cooperatives", "financing", "programmes", "storefront")
OWNER = "lumbung_owner"
AUDIT = "lumbung_audit"
KAFKA_ADMIN = "admin"
KAFKA_OBSERVER = "observer"
KAFKA_PARTNERS = "partners"  # makes lenders' topics and users, and does nothing else


class StackMissing(LocalStackError):
    """There is no stack in this folder yet, or it does not run."""

    exit_code = 3


@dataclass(frozen=True)
class Stack:
    """One local stack. Passwords are inside: do not print it."""

    home: Path
    port_base: int
    ports: dict[str, int]
    postgres_programs: Path
    postgres_passwords: dict[str, str]
    kafka_passwords: dict[str, str]
    variables: dict[str, dict[str, str]]
    postgres_address: str
    kafka_bootstrap: str

    def dsn(self, service: str) -> str:
        """The restricted role of a service, in its own database: rows only, no tables of its own making."""
        return self._dsn(role=service, database=service)

    def owner_dsn(self, service: str) -> str:
        """The role that owns the tables of the service and runs its migrations."""
        return self._dsn(role=OWNER, database=service)

    def audit_dsn(self, service: str) -> str:
        """The role that may read every table of every service, and nothing else."""
        return self._dsn(role=AUDIT, database=service)

    def superuser_dsn(self, db: str = "postgres") -> str:
        return self._dsn(role=SUPERUSER, database=db)

    def _dsn(self, *, role: str, database: str) -> str:
        password = self.postgres_passwords[role]
        return f"postgresql://{role}:{password}@{self.postgres_address}/{database}"

    def kafka_user(self, name: str) -> tuple[str, str]:
        """Name and password of a Kafka user: a service, `observer` (reads everything), `partners` or `admin`."""
        return name, self.kafka_passwords[name]

    def url(self, service: str) -> str:
        """The base URL of a service or sandbox, without a slash at the end."""
        return f"http://{HOST}:{self.ports[service]}"

    def pid_of(self, process: str) -> int:
        """The pid of a process that runs now; StackMissing if it does not."""
        pid = recorded_pid(read_json(self.home / "state.json"), process)
        if pid is None or not pid.is_alive():
            raise StackMissing(f"{process} does not run in this stack.")
        return pid.number


def recorded_pid(state: Any, process: str) -> Pid | None:
    """The pid that the supervisor's state file has for a process."""
    entry = (state or {}).get("processes", {}).get(process)
    return Pid(entry["pid"], entry["birth"]) if entry and entry.get("pid") else None


def describe_stack(layout: Layout) -> Stack:
    """Decide everything about a stack that does not need it to run, and make its passwords if there are none."""
    roles = (SUPERUSER, OWNER, AUDIT, *SERVICES)
    users = (KAFKA_ADMIN, KAFKA_OBSERVER, KAFKA_PARTNERS, *SERVICES)
    purposes = [f"postgres:{role}" for role in roles] + [f"kafka:{user}" for user in users]
    purposes += ["notices", "sessions", "identity", "members", "partners", "bank:token", "bank:secret"]
    credentials = ensure_credentials(layout, purposes)
    notices_token = {"LUMBUNG_NOTICES_TOKEN": credentials.password("notices")}
    bank_keys = {
        "LUMBUNG_BANK_TOKEN": credentials.password("bank:token"),
        "LUMBUNG_BANK_SECRET": credentials.password("bank:secret"),
    }
    partner_key = {"LUMBUNG_PARTNER_KEY": credentials.password("partners")}
    return Stack(
        home=layout.home,
        port_base=layout.port_base,
        ports={name: layout.port(name) for name in PORT_OFFSETS},
        postgres_programs=Path(place_postgres(layout).programs),
        postgres_passwords={role: credentials.password(f"postgres:{role}") for role in roles},
        kafka_passwords={user: credentials.password(f"kafka:{user}") for user in users},
        variables={
            "payments": {"LUMBUNG_SANDBOX_DIR": str(layout.sandbox)},
            "notices": {"LUMBUNG_SANDBOX_DIR": str(layout.sandbox), **notices_token},
            "bank": {"LUMBUNG_SANDBOX_DIR": str(layout.sandbox), **bank_keys},
            "identity": {"LUMBUNG_IDENTITY_KEY": credentials.password("identity"), **notices_token},
            "catalog": {"LUMBUNG_MEDIA_DIR": str(layout.home / "media")},
            "orders": _merchant_variables(layout) | bank_keys,
            "cooperatives": {"LUMBUNG_MEMBERS_KEY": credentials.password("members")},
            "financing": {**partner_key, "LUMBUNG_WEBHOOK_LOCAL_ALLOWED": "true"},
            "partners": partner_key,
            "storefront": {"LUMBUNG_SESSION_KEY": credentials.password("sessions")},
        },
        postgres_address=f"{HOST}:{layout.port('postgres')}",
        kafka_bootstrap=f"{HOST}:{layout.port('kafka')}",
    )


def _merchant_variables(layout: Layout) -> dict[str, str]:
    """What the orders service signs its calls to the payment sandbox with; the sandbox makes the keys once."""
    known: dict[str, str] = (read_json(layout.stack_file) or {}).get("variables", {}).get("orders", {})
    if known and (layout.sandbox / "client_id").exists():
        return known
    command = [sys.executable, "-m", "deploy.sandbox.keys", str(layout.sandbox)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    if done.returncode != 0:
        raise LocalStackError(f"The payment sandbox could not make its keys: {done.stderr.strip()}")
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {name: value for name, _, value in pairs}


def write_stack(layout: Layout, stack: Stack) -> None:
    """Publish the stack to those who use it; readable by its owner only, as it holds passwords."""
    fields = asdict(stack) | {"home": str(stack.home), "postgres_programs": str(stack.postgres_programs)}
    fields["dsn"] = {service: stack.dsn(service) for service in SERVICES}
    fields["urls"] = {name: stack.url(name) for name in (*SERVICES, "payments", "notices", "bank")}
    write_json(layout.stack_file, fields, mode=0o600)


def load_stack(home: Path | None = None) -> Stack:
    """The stack in `home` (or LUMBUNG_HOME, or `.local/stack`).

    StackMissing with what to do if there is none.
    """
    folder = home or current_layout().home
    fields = read_json(folder / "stack.json")
    if fields is None:
        raise StackMissing(f"There is no stack in {folder} yet; start it with './lumbung up'.")
    if not set(Stack.__dataclass_fields__) <= set(fields):
        raise StackMissing(f"The stack in {folder} was made by an older version; run './lumbung up' again.")
    known = {name: fields[name] for name in Stack.__dataclass_fields__}
    known["home"] = Path(known["home"])
    known["postgres_programs"] = Path(known["postgres_programs"])
    return Stack(**known)
