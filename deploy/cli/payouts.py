"""Commands for payouts, over the HTTP API of orders and with its rules: two people are needed here too.

Who you are is said by an access token (`--token`, LUMBUNG_TOKEN), or by signing in at identity (`--as`, with the
password asked for or read from standard input).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import click
import httpx2

from deploy.cli.output import EXIT_NOT_RUNNING, emit_json, emit_table, fail, json_option
from deploy.local.layout import current_layout
from deploy.local.stack import Stack, load_stack
from shared.calendar import day_of
from shared.clock import utc_now
from shared.money import rupiah

SECONDS_MAX = 60
F = TypeVar("F", bound=Callable[..., Any])


class Api:
    """The HTTP API of orders, as the person that the options name."""

    def __init__(self, stack: Stack, token: str) -> None:
        self._stack = stack
        self._token = token

    def call(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """One request; a refusal ends the command with what it says."""
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": uuid4().hex}
        headers |= request.pop("headers", {})
        return _call(self._stack, "orders", method, path, headers=headers, **request)


def _call(stack: Stack, service: str, method: str, path: str, **request: Any) -> httpx2.Response:
    try:
        with httpx2.Client(trust_env=False, timeout=SECONDS_MAX) as http:
            answer = http.request(method, stack.url(service) + path, **request)
    except httpx2.TransportError as error:
        fail(f"{service} does not answer: {type(error).__name__}.", EXIT_NOT_RUNNING)
    if not answer.is_success:
        fail(_why(answer))
    return answer


def _why(answer: httpx2.Response) -> str:
    """What a refusal says, for people."""
    try:
        document = answer.json()
    except ValueError:
        return f"{answer.status_code} {answer.text[:200]}"
    title = document.get("title") or document.get("error_description") or document.get("error")
    return f"{title}" + (f" ({document['detail']})" if document.get("detail") else "")


def as_somebody(function: F) -> F:
    """Adds the options that say who acts; the command gets `api` instead of them."""

    @click.option("--token", envvar="LUMBUNG_TOKEN", help="An access token of identity. [env: LUMBUNG_TOKEN]")
    @click.option("--as", "contact", envvar="LUMBUNG_AS", help="Sign in as this phone or e-mail. [env: LUMBUNG_AS]")
    @click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
    @wraps(function)
    def command(*, token: str | None, contact: str | None, password_stdin: bool, **options: Any) -> Any:
        if (token is None) == (contact is None):
            raise click.UsageError("say who you are, by --token or by --as, and not by both")
        stack = load_stack(current_layout().home)
        if token is None:
            token = _sign_in(stack, str(contact), _password(from_stdin=password_stdin))
        return function(api=Api(stack, token), **options)

    return command  # type: ignore[return-value]  # click looks at the parameters that the options left on it


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    given: str = click.prompt("Password", hide_input=True, err=True)
    return given


def _sign_in(stack: Stack, contact: str, password: str) -> str:
    form = {"grant_type": "password", "username": contact, "password": password}
    return str(_call(stack, "identity", "POST", "/v1/token", data=form).json()["access_token"])


@click.group()
def payouts() -> None:
    """Payouts by two officers: draft, approve, the file for the bank, its answer.

    Officers have the role operator (`./lumbung user add`) or finance.

    \b
    For example, by two officers:
      ./lumbung payouts create --as siti@contoh.id
      ./lumbung payouts approve BATCH --as budi@contoh.id
      ./lumbung payouts file BATCH --as budi@contoh.id --out payouts.csv
    """


@payouts.command("list")
@click.option("--status", type=click.Choice(("draft", "approved", "closed", "cancelled")), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@as_somebody
@json_option
def list_batches(api: Api, status: str | None, limit: int, as_json: bool) -> None:
    """List batches, the newest first."""
    asked = {"limit": limit} | ({} if status is None else {"status": status})
    items = api.call("GET", "/v1/payouts", params=asked).json()["items"]
    if as_json:
        emit_json(items)
        return
    rows = [
        (one["batch_id"], one["status"], one["up_to_date"], one["created_by"] or "the clock", one["approved_by"] or "-",
         one["file_lines"] if one["file_lines"] is not None else "-", _amount(one["file_total_minor"]),
         one["trouble"] or "")
        for one in items
    ]  # fmt: skip
    emit_table(("batch", "status", "up to", "drafted by", "approved by", "lines", "total", "trouble"), rows)


@payouts.command()
@click.option(
    "--up-to",
    type=click.DateTime(("%Y-%m-%d",)),
    metavar="YYYY-MM-DD",
    help="What came in until this day; today when left out.",
)
@as_somebody
@json_option
def create(api: Api, up_to: datetime | None, as_json: bool) -> None:
    """Draft a batch of everybody who has enough to get."""
    day: date = day_of(utc_now()) if up_to is None else up_to.date()
    _show(api.call("POST", "/v1/payouts", json={"up_to_date": day.isoformat()}).json(), as_json=as_json)


@payouts.command()
@click.argument("batch", type=click.UUID)
@as_somebody
@json_option
def show(api: Api, batch: UUID, as_json: bool) -> None:
    """Print a batch with its lines and what the bank said."""
    _show(api.call("GET", f"/v1/payouts/{batch}").json(), as_json=as_json)


@payouts.command()
@click.argument("batch", type=click.UUID)
@as_somebody
@json_option
def approve(api: Api, batch: UUID, as_json: bool) -> None:
    """Approve what another person drafted; it goes to the bank."""
    _show(api.call("POST", f"/v1/payouts/{batch}/approve").json(), as_json=as_json)


@payouts.command()
@click.argument("batch", type=click.UUID)
@as_somebody
@json_option
def cancel(api: Api, batch: UUID, as_json: bool) -> None:
    """Give a draft up; its payees are free for the next one."""
    _show(api.call("POST", f"/v1/payouts/{batch}/cancel").json(), as_json=as_json)


@payouts.command()
@click.argument("batch", type=click.UUID)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it there; standard output if not.")
@as_somebody
@json_option
def file(api: Api, batch: UUID, out: Path | None, as_json: bool) -> None:
    """Write the bank file of an approved batch. It holds account numbers: keep it to yourself."""
    answer = api.call("GET", f"/v1/payouts/{batch}/bank-file")
    said = {"batch_id": batch, "bytes": len(answer.content), "sha256": answer.headers["x-checksum-sha256"]}
    if out is not None:
        out.touch(mode=0o600)
        out.write_bytes(answer.content)
    if as_json:
        emit_json(said | ({"file": str(out)} if out is not None else {"content": answer.text}))
    elif out is None:
        sys.stdout.buffer.write(answer.content)
    else:
        click.echo(f"{out}: {said['bytes']} bytes, SHA-256 {said['sha256']}")


@payouts.command()
@click.argument("batch", type=click.UUID)
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_somebody
@json_option
def answer(api: Api, batch: UUID, path: Path, as_json: bool) -> None:
    """Hand in the bank's answer file. Doing it again changes nothing."""
    headers = {"Content-Type": "text/csv"}
    said = api.call("POST", f"/v1/payouts/{batch}/bank-answer", content=path.read_bytes(), headers=headers).json()
    if as_json:
        emit_json(said)
    else:
        click.echo(f"{said['verdict']}: {said['paid']} paid, {said['returned']} returned")


def _show(view: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit_json(view)
        return
    batch = view["batch"]
    click.echo(f"{batch['batch_id']}  {batch['status']}, up to {batch['up_to_date']}")
    if batch["trouble"]:
        click.echo(f"Trouble: {batch['trouble']}")
    rows = [
        ("payout", one["payee_id"], one["status"], _amount(_of_draft(one)), _amount(one["instalments_minor"]),
         _amount(one["amount_minor"]), one["left_out_reason"] or one["returned_reason"] or "")
        for one in view["payouts"]
    ]  # fmt: skip
    rows += [
        ("remittance", one["lender_id"], one["status"], "", "", _amount(one["amount_minor"]),
         one["returned_reason"] or "")
        for one in view["remittances"]
    ]  # fmt: skip
    emit_table(("line", "to", "status", "balance", "for lenders", "to the bank", "why"), rows)


def _of_draft(line: dict[str, Any]) -> int:
    return int(line["draft_minor"] if line["status"] in ("draft", "left_out", "cancelled") else line["balance_minor"])


def _amount(amount_minor: int | None) -> str:
    return "-" if amount_minor is None else rupiah(amount_minor)
