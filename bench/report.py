"""Writes the measured part of docs/performance.md, between its two marks, from a result."""

from pathlib import Path
from typing import Any

from bench import ablation, machine, processes, scale
from bench.online_marketplace import report as om

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

ROWS = (
    ("Orders accepted (HTTP, 3 lines from 3 shops, 64 clients, signed in, durable)", "accept_per_s", "accept_ratio"),
    ("the same with the 3 lines from one shop", "accept_one_shop_per_s", "accept_one_shop_ratio"),
    ("Whole sagas (placed to stock committed), 3 lines from 3 shops", "saga_per_s", "saga_ratio"),
    ("the same with the 3 lines from one shop", "saga_one_shop_per_s", "saga_one_shop_ratio"),
    ("pgbench writing the same order, lines and event", "pgbench_per_s", None),
    ("FastAPI route that does nothing", "noop_per_s", None),
    ("Product page", "detail_per_s", None),
    ("Product list", "list_per_s", None),
    ("Relay, events from a full outbox", "relay_events_per_s", None),
)


def write(result: dict[str, Any]) -> None:
    """Replace what lies between the marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(result)}\n{END}{after}", encoding="utf-8")


def table(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        f"Run of {result['at']}: {result['machine']['cores']} cores shared by database, broker, services and "
        f"generator, "
        f"{result['products']:,} products, {result['seconds']} s a load."
        + (" A short run: what carries a date of its own is taken over." if result["is_quick"] else ""),
        "",
        *[f"- {line}." for line in machine.lines(result["machine"])],
        "",
        "| what | per second | ratio to pgbench |",
        "|---|---:|---:|",
    ]
    for title, rate, ratio in ROWS:
        lines.append(f"| {title} | {result[rate]} | {'' if ratio is None else result[ratio]} |")
    details = result["details"]
    noop = result["noop_per_s"]
    lines += [
        "",
        f"- Saga p50 {result['saga_p50_ms']} ms, p99 {result['saga_p99_ms']} ms at full load "
        f"(accepted meanwhile: {details['saga']['accepted_per_s_meanwhile']}/s; the queue was empty "
        f"{details['saga']['drained_after_s']} s after the last order).",
        f"- Commit to handler when idle: p50 {result['commit_to_handler_p50_ms_idle']} ms, "
        f"p99 {details['idle_latency']['p99_ms']} ms.",
        f"- Commit to webhook at {details['webhooks']['per_s']:.0f} deliveries a second over "
        f"{details['webhooks']['endpoints']:,} endpoints, {details['webhooks']['dead']} of them dead: "
        f"p50 {details['webhooks']['p50_ms']} ms, p99 {result['webhook_p99_ms']} ms; "
        f"{details['webhooks']['lost']} lost.",
        f"- Product page {result['detail_per_s'] / noop:.2f} and list {result['list_per_s'] / noop:.2f} of the FastAPI "
        f"no-op; search p50 {details['pages']['search']['p50_ms']} ms, p99 {details['pages']['search']['p99_ms']} ms; "
        f"search with a typo p50 {details['pages']['search_typo']['p50_ms']} ms, "
        f"p99 {details['pages']['search_typo']['p99_ms']} ms (4 clients).",
        f"- Idle stack: {result['idle_cpu_percent']} % of one core, {result['idle_rss_mb']} MB. "
        f"Start from nothing {result['up_seconds_first']} s, again {result['up_seconds_again']} s.",
        f"- Import: {details['import_per_s']} products a second.",
        *scale.markdown(result, details.get("scale")),
        "",
        "Where the accepting process spends its time (py-spy, own time):",
        "",
        "| function | share |",
        "|---|---:|",
    ]
    lines += [f"| `{name}` | {share:.1%} |" for name, share in details["accept"]["profile"][:12]]
    lines += ["", picture("where accepting orders spends its time", "accept-profile")]
    for name, part in (("ablation", ablation), ("processes", processes)):
        if name in details:
            lines += ["", *part.markdown(details[name]), "", picture(name, name)]
    if "online_marketplace" in details:
        lines += ["", *om.markdown(details["online_marketplace"])]
    return "\n".join(lines)


def picture(what: str, name: str) -> str:
    """One of bench/plots.py."""
    return f"![{what}](../bench/results/{name}.svg)"
