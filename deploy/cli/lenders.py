"""Commands for partner lenders: add one with everything it needs, list them, see how their deliveries go."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import click

from deploy.cli.dead_letters import on_stack, open_database
from deploy.cli.output import emit_json, emit_table, fail, json_option
from deploy.local.layout import current_layout
from deploy.local.processes import service_environment
from deploy.local.stack import KAFKA_PARTNERS, Stack, load_stack
from deploy.partners.provision import Provisioner
from services.financing.domain.partner_names import group_prefix, topic_of
from services.financing.settings import FinancingSettings
from services.financing.store import lenders, partner
from services.financing.store.lenders import Lender
from services.financing.store.partner import Subscription
from services.financing.use_cases.register_lender import register_lender
from services.financing.use_cases.subscribe import Given, Subscribe, subscribe
from services.identity.use_cases.register_client import register_client
from shared.clock import utc_now
from shared.db import Connection, Database
from shared.ids import new_id
from shared.kafka import KafkaAccess
from shared.problems import Problem

SCOPES = ("lending.events",)
NOBODY = UUID(int=0)  # made from the command line, not by an account
PAGE = 100
T = TypeVar("T")


@dataclass
class Added:
    """A new lender, and what is told this once."""

    lender: Lender
    client_secret: str
    given: dict[str, tuple[UUID, Given]]  # by transport
    is_provisioned: bool = False


@click.group()
def lender() -> None:
    """Partner lenders: add, list, health."""


def _slug(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Said before anything is made: a refusal of the database would leave a machine client behind."""
    if re.fullmatch("[a-z0-9-]{3,30}", value) is None:
        raise click.BadParameter("3 to 30 small letters, digits and hyphens, like bank-lampung.")
    return value


@lender.command()
@click.argument("name")
@click.option(
    "--slug",
    required=True,
    callback=_slug,
    help="A short name: 3 to 30 small letters, digits, hyphens. Names its topic.",
)
@click.option("--webhook", metavar="URL", help="POST what happens to this address.")
@click.option("--kafka", is_flag=True, help="Give it a Kafka topic with a user of its own.")
@click.option("--pull", is_flag=True, help="It asks for what happened (GET /v1/events).")
@click.option("--all", "from_beginning", is_flag=True, help="Deliver from the beginning of its log.")
@json_option
def add(
    name: str, slug: str, webhook: str | None, kafka: bool, pull: bool, from_beginning: bool, as_json: bool
) -> None:
    """Register a lender, with what it needs.

    That is a machine client, its subscriptions, and with --kafka a topic and a user of its own.

    The secrets are printed here and nowhere else: whoever loses one makes a new one (POST .../rotate).

    \b
    For example:
      ./lumbung lender add "Bank Lampung" --slug bank-lampung --kafka --webhook https://bank.contoh.id/lumbung
    """
    wishes = [Subscribe(new_id(), "webhook", webhook)] if webhook else []
    wishes += [Subscribe(new_id(), "kafka")] if kafka else []
    wishes += [Subscribe(new_id(), "pull")] if pull else []
    if from_beginning:
        wishes = [Subscribe(wish.subscription_id, wish.transport, wish.url, (), 0) for wish in wishes]
    added = _run(lambda stack: _add(stack, name, slug, wishes))
    document = _document(load_stack(current_layout().home), added)
    if as_json:
        emit_json(document)
        return
    click.echo(f"{name} is lender {added.lender.lender_id}. Write this down; it is not shown again:")
    emit_table(("what", "value"), [(key, value) for key, value in _flat(document) if value is not None])
    if kafka and not added.is_provisioned:
        click.echo("Its Kafka topic is not made yet; './lumbung lender health' says why.", err=True)


async def _add(stack: Stack, name: str, slug: str, wishes: list[Subscribe]) -> Added:
    async with _financing(stack) as financing:
        async with financing.reading() as conn:
            if any(known.slug == slug for known in await lenders.lenders(conn)):
                fail(f"There is a lender {slug} already.")
        async with open_database(stack, "identity") as identity, identity.transaction() as conn:
            client_id, secret = await register_client(conn, name, SCOPES, made_by=NOBODY, now=utc_now())
        async with financing.transaction() as conn:
            added = await _register(conn, name, slug, client_id, secret, wishes)
        if "kafka" in added.given:
            key = stack.variables["partners"]["LUMBUNG_PARTNER_KEY"]
            access = KafkaAccess(stack.kafka_bootstrap, *stack.kafka_user(KAFKA_PARTNERS))
            await Provisioner(financing, access, key=key).step()
            async with financing.reading() as conn:
                known = await partner.subscription(conn, added.lender.lender_id, added.given["kafka"][0])
            added.is_provisioned = known.kafka_state == "ready"
    return added


async def _register(
    conn: Connection, name: str, slug: str, client_id: UUID, secret: str, wishes: list[Subscribe]
) -> Added:
    now = utc_now()
    made = await register_lender(conn, lender_id=new_id(), client_id=client_id, slug=slug, name=name, now=now)
    given = {wish.transport: (wish.subscription_id, await subscribe(conn, made, wish, now=now)) for wish in wishes}
    return Added(made, secret, given)


def _document(stack: Stack, added: Added) -> dict[str, Any]:
    document: dict[str, Any] = {
        "lender_id": str(added.lender.lender_id),
        "slug": added.lender.slug,
        "client_id": str(added.lender.client_id),
        "client_secret": added.client_secret,
        "token_url": f"{stack.url('identity')}/v1/token",
        "events_url": f"{stack.url('financing')}/v1/events",
    }
    for transport, (subscription_id, given) in added.given.items():
        entry: dict[str, Any] = {"subscription_id": str(subscription_id)}
        if given.secret:
            entry["secret"] = given.secret
        if given.kafka_password:
            entry |= {
                "bootstrap": stack.kafka_bootstrap,
                "topic": topic_of(added.lender.slug),
                "group_prefix": group_prefix(added.lender.slug),
                "username": given.kafka_username,
                "password": given.kafka_password,
                "is_ready": added.is_provisioned,
            }
        document[transport] = entry
    return document


def _flat(document: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in document.items():
        rows += _flat(value, f"{before}{key}.") if isinstance(value, dict) else [(f"{before}{key}", value)]
    return rows


@lender.command("list")
@json_option
def list_lenders(as_json: bool) -> None:
    """Show all lenders."""
    found = _run(_lenders)
    if as_json:
        emit_json(
            [{"lender_id": one.lender_id, "slug": one.slug, "name": one.name, "state": one.state} for one in found]
        )
        return
    emit_table(
        ("slug", "name", "state", "lender", "client"),
        [(one.slug, one.name, one.state, one.lender_id, one.client_id) for one in found],
    )


@lender.command()
@click.argument("slug", required=False)
@json_option
def health(slug: str | None, as_json: bool) -> None:
    """Show how far each subscription is.

    And what it missed, and what went wrong last; of one lender or of all.

    The exit code is 1 when a subscription is disabled.
    """
    found = _run(lambda stack: _health(stack, slug))
    if as_json:
        emit_json([{"lender": name, **_shown(one)} for name, one in found])
    else:
        emit_table(
            ("lender", "transport", "state", "position", "of", "missed", "delivered", "failed", "last error"),
            [
                (name, one.transport, one.state, one.position, one.head, one.missed, one.delivered, one.failed_in_a_row,
                 one.state_reason or one.kafka_error or one.last_error or "")
                for name, one in found
            ],
        )  # fmt: skip
    if any(one.state == "disabled" for _, one in found):
        raise SystemExit(1)


def _shown(one: Subscription) -> dict[str, Any]:
    names = (
        "subscription_id", "transport", "state", "state_reason", "position", "head", "missed", "lost", "delivered",
        "failed_in_a_row", "next_attempt_at", "last_success_at", "last_error", "kafka_state", "kafka_error",
    )  # fmt: skip
    return {name: getattr(one, name) for name in names}


async def _lenders(stack: Stack) -> list[Lender]:
    async with _financing(stack) as financing, financing.reading() as conn:
        return await lenders.lenders(conn)


async def _health(stack: Stack, slug: str | None) -> list[tuple[str, Subscription]]:
    async with _financing(stack) as financing, financing.reading() as conn:
        slugs = {one.lender_id: one.slug for one in await lenders.lenders(conn)}
        chosen = next((lender_id for lender_id, name in slugs.items() if name == slug), None)
        if slug is not None and chosen is None:
            fail(f"There is no lender {slug}.")
        found: list[tuple[str, Subscription]] = []
        page: list[Subscription] = []
        while not found or len(page) == PAGE:
            page = await partner.subscriptions(
                conn, chosen, after=found[-1][1].subscription_id if found else None, most=PAGE
            )
            if not page:
                break
            found += [(slugs[one.lender_id], one) for one in page]
        return found


@asynccontextmanager
async def _financing(stack: Stack) -> AsyncIterator[Database]:
    """The service's own database, role and settings."""
    variables = service_environment(stack, "financing")
    values: dict[str, Any] = {name.removeprefix("LUMBUNG_").lower(): value for name, value in variables.items()}
    async with open_database(stack, "financing", settings=FinancingSettings(**values)) as database:
        yield database


def _run(work: Callable[[Stack], Awaitable[T]]) -> T:
    try:
        return on_stack(work)
    except Problem as refusal:
        fail(refusal.detail or refusal.title())
