"""`lumbung payouts` as a process, against the service over HTTP."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio

from services.orders.main import service
from shared.http import make_app, server
from shared.testing.waiting import eventually
from tests.conftest import ROOT
from tests.orders.conftest import Person
from tests.orders.payouts.desk import Desk
from tests.sandbox.processes import free_port


@dataclass
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


@dataclass
class Command:
    """The command line beside a desk."""

    desk: Desk
    home: Path

    async def run(self, *arguments: str, person: Person | None = None) -> Said:
        """One command, as this person."""
        token = {} if person is None else {"LUMBUNG_TOKEN": person.headers["Authorization"].removeprefix("Bearer ")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.cli", "payouts", *arguments),
            cwd=ROOT,
            env={**os.environ, "LUMBUNG_HOME": str(self.home), **token},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Said(process.returncode or 0, out.decode(), err.decode())


@pytest_asyncio.fixture
async def command(desk: Desk, tmp_path: Path) -> AsyncIterator[Command]:
    """A home whose stack says where the desk's service listens."""
    app = make_app("orders", *service.routers, database=desk.db, settings=desk.db.settings)
    app.state.verifier = desk.tokens.verifier()
    port = free_port()
    http = server(app, host="127.0.0.1", port=port, receive_seconds=30, connections=50)
    serving = asyncio.create_task(http.serve())

    async def is_up() -> bool:
        return bool(http.started)

    await eventually(is_up, what="the service")
    stack = json.loads((desk.stack.home / "stack.json").read_text())
    stack["ports"]["orders"] = port
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    yield Command(desk, tmp_path)
    http.end()
    await serving


async def test_two_officers_pay_from_the_command_line(command: Command, tmp_path: Path) -> None:
    desk = command.desk
    payee = await desk.payee(1_500_000)

    made = await command.run("create", "--json", person=desk.drafter)
    batch = json.loads(made.out)["batch"]["batch_id"]
    own = await command.run("approve", batch, person=desk.drafter)
    approved = await command.run("approve", batch, person=desk.approver)
    listed = await command.run("list", "--json", person=desk.approver)
    written = await command.run("file", batch, "--out", str(tmp_path / "bank.csv"), person=desk.approver)
    printed = await command.run("file", batch, person=desk.approver)

    assert (made.code, own.code, approved.code, listed.code, written.code) == (0, 1, 0, 0, 0)
    assert "Another person" in own.err
    assert "Rp1.500.000" in approved.out
    assert str(payee) in approved.out
    assert [one["status"] for one in json.loads(listed.out)] == ["approved"]
    raw = await desk.file({"batch": {"batch_id": batch}})
    assert (tmp_path / "bank.csv").read_bytes() == raw
    assert (tmp_path / "bank.csv").stat().st_mode & 0o077 == 0
    assert printed.out.encode() == raw.replace(b"\r\n", b"\n") or printed.out.encode() == raw

    (tmp_path / "answer.csv").write_bytes(await desk.answer_file(await desk.get(f"/v1/payouts/{batch}")))
    answered = await command.run("answer", batch, str(tmp_path / "answer.csv"), person=desk.drafter)
    again = await command.run("answer", batch, str(tmp_path / "answer.csv"), "--json", person=desk.drafter)
    assert answered.out.strip() == "applied: 1 paid, 0 returned"
    assert json.loads(again.out)["verdict"] == "repeated"


async def test_exit_codes_say_what_went_wrong(command: Command, tmp_path: Path) -> None:
    nothing = await command.run("create", person=command.desk.drafter)
    nobody = await command.run("list")
    stranger = await command.run("list", person=command.desk.person())
    wrong = await command.run("show", "no-id", person=command.desk.drafter)
    stack = json.loads((tmp_path / "stack.json").read_text())
    stack["ports"]["orders"] = free_port()
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    away = await command.run("list", person=command.desk.drafter)

    assert [one.code for one in (nothing, nobody, stranger, wrong, away)] == [1, 2, 1, 2, 3]
    assert "There is nobody to pay now" in nothing.err
