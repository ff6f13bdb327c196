"""The command `audit`: proves that nothing was lost, doubled or unbalanced, or says what was."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from datetime import datetime
from typing import Any

import asyncpg
import click
from confluent_kafka import KafkaException

from deploy import audit as audits
from deploy import registry
from deploy.audit import Findings
from deploy.cli.output import emit_json, emit_table, json_option
from deploy.cli.watermark import Consumers
from deploy.local.layout import LocalStackError, current_layout
from deploy.local.stack import SERVICES, load_stack

EXIT_CLEAN = 0
EXIT_DIFFERENCES = 1
EXIT_COULD_NOT_LOOK = 2
WATCHING_SHARE = 0.04  # of the time, when it looks all the time


@click.command()
@click.option("--settle", default=10.0, show_default=True, help="Seconds that what is under way gets to arrive.")
@click.option("--hours", default=24.0, show_default=True, help="How far back published events are compared.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]),
    metavar="TIME",
    help="The same as a time: 2026-11-25T08:30+07:00.",
)
@click.option("--look-again", default=1.0, show_default=True, help="Seconds until a violation is looked at again.")
@click.option("--watch", type=float, metavar="SECONDS", help="Go on, with this pause, until interrupted.")
@click.option(
    "--share",
    type=click.FloatRange(0.001, 1.0),
    help=f"Work for at most this share of the time and rest otherwise: {WATCHING_SHARE} with --watch, else 1.",
)
@json_option
def audit(
    settle: float,
    hours: float,
    since: datetime | None,
    look_again: float,
    watch: float | None,
    share: float | None,
    as_json: bool,
) -> None:
    """Compare published with recorded events; check what must always be true.

    Reads every database with the read-only role. What is missing, extra or dead, and all violations, must be zero.
    Under load it needs no pause: it looks up to what the relays had sent when it began.

    \b
    Exit codes: 0 clean, 1 something differs, 2 it could not look.
    """
    of_the_time = share or (1.0 if watch is None else WATCHING_SHARE)
    while True:
        began = time.monotonic()
        try:
            findings = asyncio.run(_look(since or audits.default_since(hours), settle, look_again, of_the_time))
        except (LocalStackError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, KafkaException) as error:
            click.echo(f"lumbung: The audit could not look: {error}", err=True)
            code = EXIT_COULD_NOT_LOOK
        else:
            _show(findings, as_json=as_json, seconds=time.monotonic() - began)
            code = EXIT_CLEAN if findings.is_clean else EXIT_DIFFERENCES
        if watch is None:
            raise SystemExit(code)
        time.sleep(watch)


async def _look(since: datetime, settle: float, look_again: float, share: float) -> Findings:
    stack = load_stack(current_layout().home)
    stack.pid_of("postgres")
    names = [name for name in SERVICES if name in registry.service_names()]
    groups = {name: registry.handler_groups(name) for name in names}
    consumers = Consumers(stack, settle_seconds=settle)
    addresses = {name: stack.audit_dsn(name) for name in names}
    return await audits.run(
        addresses,
        groups,
        since=since,
        passed=consumers.passed,
        look_again_seconds=look_again,
        settle_seconds=settle,
        share=share,
    )


def _show(findings: Findings, *, as_json: bool, seconds: float) -> None:
    if as_json:
        emit_json(as_document(findings) | {"seconds": round(seconds, 1)})
        return
    _show_flows(findings)
    click.echo()
    _show_checks(findings)
    for check in findings.checks:
        if check.violations:
            click.echo(f"\n{check.name.replace('_', ' ')} ({check.place}): {check.why}")
            for violation in check.violations[:10]:
                click.echo(f"  {violation.key}: {violation.what}")
            if len(check.violations) > 10:
                click.echo(f"  and {len(check.violations) - 10} or more of these")
    click.echo()
    for sentence in findings.behind:
        click.echo(f"Behind: {sentence}.")
    verdict = "All of it is zero." if findings.is_clean else "Something differs; see above."
    click.echo(f"{verdict} Looked at everything since {findings.since:%Y-%m-%d %H:%M} UTC in {seconds:.1f} s.")


def _show_checks(findings: Findings) -> None:
    """One line per check, whatever the number of databases it looked at."""
    places: dict[str, list[str]] = {}
    violations: dict[str, int] = {}
    for check in findings.checks:
        places.setdefault(check.name, []).append(check.place)
        violations[check.name] = violations.get(check.name, 0) + len(check.violations)
    rows = [(name.replace("_", " "), ", ".join(places[name]), violations[name]) for name in places]
    emit_table(("must always be true", "where", "violations"), [*rows, ("all", "", sum(violations.values()))])


def _show_flows(findings: Findings) -> None:
    headings = ("event", "group", "published", "recorded", "missing", "extra", "dead", "waiting", "discarded")
    shown_flows = [flow for flow in findings.flows if flow.published or flow.recorded]
    figures = [
        (flow.published, flow.recorded, flow.missing, flow.extra, flow.dead, flow.waiting, flow.discarded)
        for flow in shown_flows
    ]
    rows = [(flow.type, flow.group, *numbers) for flow, numbers in zip(shown_flows, figures, strict=True)]
    totals = [sum(column) for column in zip(*figures, strict=True)] or [0] * 7
    emit_table(headings, [*rows, ("all", "", *totals)])
    quiet = len(findings.flows) - len(shown_flows)
    if quiet:
        click.echo(f"{quiet} more event types have listeners and did not occur.")
    for flow in findings.flows:
        for difference in flow.differences:
            for word, ids in (("missing", difference.missing), ("extra", difference.extra)):
                if ids:
                    shown = ", ".join(str(event_id) for event_id in ids)
                    click.echo(f"  {flow.type} at {difference.minute:%Y-%m-%d %H:%M}, {word} in {flow.group}: {shown}")


def as_document(findings: Findings) -> dict[str, Any]:
    """The findings as plain values."""
    return {
        "clean": findings.is_clean,
        "since": findings.since.isoformat(),
        "at": findings.at.isoformat(),
        "behind": findings.behind,
        "flows": [asdict(flow) for flow in findings.flows],
        "checks": [
            {
                "name": check.name,
                "where": check.place,
                "why": check.why,
                "violations": [asdict(violation) for violation in check.violations],
            }
            for check in findings.checks
        ],
        "violations": sum(len(check.violations) for check in findings.checks),
        "differences": sum(flow.missing + flow.extra for flow in findings.flows),
    }
