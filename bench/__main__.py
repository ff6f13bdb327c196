"""`make bench`: everything in one run, as ratios to pgbench writing the same rows on the same server.

Absolute figures on shared machines differ by a factor of three from day to day; only ratios within one run mean
anything. Writes bench/results/latest.json, one file per run beside it, and the table in docs/performance.md.
"""

import asyncio
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bench import ablation, machine, marketplace, measure, plots, processes, report, scale, webhooks
from bench.online_marketplace import report as om
from bench.stage import Stage, goods, lumbung, people, say, stack
from bench.trial import trial

RESULTS = Path(__file__).parent / "results"
KEYS = (
    "accept_per_s", "pgbench_per_s", "noop_per_s", "accept_ratio", "saga_per_s", "saga_ratio", "saga_p50_ms",
    "saga_p99_ms", "om2c_tx_per_s", "om2c_ratio", "om2c_concurrency", "om2c_invariants_failed", "relay_events_per_s",
    "commit_to_handler_p50_ms_idle", "list_per_s", "detail_per_s", "search_p99_ms_1m", "webhook_p99_ms",
    "idle_cpu_percent", "idle_rss_mb", "up_seconds_first", "up_seconds_again", "order_insert_slowdown_10m",
    "dashboard_slowdown_10m", "accept_one_shop_per_s", "accept_one_shop_ratio", "saga_one_shop_per_s",
    "saga_one_shop_ratio",
)  # fmt: skip


async def run(*, products: int, seconds: int, is_quick: bool) -> dict[str, Any]:
    """All measurements, in order; figures by name."""
    details: dict[str, Any] = {}
    lumbung("down", "--delete-data")
    began = time.monotonic()
    lumbung("up")
    details["up_first_s"] = round(time.monotonic() - began, 1)
    lumbung("down")
    began = time.monotonic()
    lumbung("up")
    details["up_again_s"] = round(time.monotonic() - began, 1)
    say(f"the stack starts in {details['up_first_s']} s from nothing, {details['up_again_s']} s again")
    details["idle"] = measure.idle(20)
    say(f"idle: {details['idle']['cpu_percent']} % of a core, {details['idle']['rss_mb']} MB")
    stage = Stage(stack())
    await people(stage, measure.CLIENTS)
    began = time.monotonic()
    await goods(stage, products)
    details["import_per_s"] = round(products / (time.monotonic() - began))
    say(f"{products} products imported, {details['import_per_s']} a second")
    await asyncio.sleep(10)
    details["idle_latency"] = await measure.idle_latency(stage, 40)
    say(f"commit to handler when idle: {details['idle_latency']}")
    details["pages"] = await measure.pages(stage, min(seconds, 10))
    say("pages: " + ", ".join(f"{name} {figure['per_s']}/s" for name, figure in details["pages"].items()))
    details["saga"] = await measure.sagas(stage, seconds)
    say(f"sagas: {details['saga']}")
    details["saga_one_shop"] = await measure.sagas(stage, seconds, shops=1)
    say(f"sagas of orders from one shop: {details['saga_one_shop']}")
    details["pgbench"] = [await measure.pgbench(stage, seconds)]
    say(f"pgbench: {details['pgbench'][0]:.0f} tps")
    details["accept"] = await measure.accept(stage, seconds)
    say(f"accept: {details['accept']['per_s']}/s; of one shop {details['accept']['one_shop']['per_s']}/s")
    details["pgbench"].append(await measure.pgbench(stage, seconds))
    say(f"pgbench again: {details['pgbench'][1]:.0f} tps")
    details["relay"] = await measure.relay(stage)
    say(f"relay: {details['relay']}")
    for service in ("identity", "orders"):  # `accept` has stopped the others
        lumbung("stop", service)
    details["webhooks"] = await webhooks.measure(stage.stack, 2 * seconds)
    say(f"webhooks: {details['webhooks']}")
    lumbung("down", "--delete-data")
    details["online_marketplace"] = await asyncio.to_thread(marketplace.run, RESULTS, is_quick=is_quick)
    return details


async def parts_and_processes() -> dict[str, Any]:
    """What each part costs, and what processes and cores give."""
    async with trial() as prepared:
        return {
            "ablation": await ablation.ablation(prepared, say),
            "processes": await processes.processes(prepared, say),
        }


def taken_over(latest: Path, *names: str) -> dict[str, Any]:
    """What a quick run does not measure again: these details of the last result, each with its own date and commit."""
    try:
        details: dict[str, Any] = json.loads(latest.read_text(encoding="utf-8"))["details"]
    except FileNotFoundError:
        return {}
    return {name: details[name] for name in names if name in details}


def summary(details: dict[str, Any]) -> dict[str, Any]:
    """The figures that are compared over time; None where a later issue measures it."""
    pgbench = measure.median(details["pgbench"])
    figures: dict[str, Any] = dict.fromkeys(KEYS)
    figures |= {
        "accept_per_s": details["accept"]["per_s"],
        "pgbench_per_s": round(pgbench, 1),
        "noop_per_s": details["pages"]["noop"]["per_s"],
        "accept_ratio": round(details["accept"]["per_s"] / pgbench, 3),
        "saga_per_s": details["saga"]["per_s"],
        "saga_ratio": round(details["saga"]["per_s"] / pgbench, 3),
        "accept_one_shop_per_s": details["accept"]["one_shop"]["per_s"],
        "accept_one_shop_ratio": round(details["accept"]["one_shop"]["per_s"] / pgbench, 3),
        "saga_one_shop_per_s": details["saga_one_shop"]["per_s"],
        "saga_one_shop_ratio": round(details["saga_one_shop"]["per_s"] / pgbench, 3),
        "saga_p50_ms": details["saga"]["p50_ms"],
        "saga_p99_ms": details["saga"]["p99_ms"],
        "relay_events_per_s": details["relay"]["per_s"],
        "commit_to_handler_p50_ms_idle": details["idle_latency"]["p50_ms"],
        "list_per_s": details["pages"]["list"]["per_s"],
        "detail_per_s": details["pages"]["detail"]["per_s"],
        "webhook_p99_ms": details["webhooks"]["p99_ms"],
        "idle_cpu_percent": details["idle"]["cpu_percent"],
        "idle_rss_mb": details["idle"]["rss_mb"],
        "up_seconds_first": details["up_first_s"],
        "up_seconds_again": details["up_again_s"],
    }
    return figures | om.figures(details["online_marketplace"], pgbench) | scale.summary(details.get("scale"))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--products", default=100_000, show_default=True)
@click.option("--seconds", default=15, show_default=True, help="How long each load runs.")
def main(products: int, seconds: int) -> None:
    """Measure, in one run, what docs/performance.md reports."""
    is_quick = bool(os.environ.get("QUICK"))
    if is_quick:
        products, seconds = min(products, 10_000), min(seconds, 6)
    about = {"machine": machine.describe(), "products": products, "seconds": seconds, "is_quick": is_quick}
    details = asyncio.run(run(products=products, seconds=seconds, is_quick=is_quick))
    last = taken_over(RESULTS / "latest.json", "ablation", "processes", "online_marketplace")
    profiles = last.get("online_marketplace", {}) | details["online_marketplace"]
    details = last | details | {"online_marketplace": profiles}
    details["scale"] = scale.last()
    keep(about, details)  # so that nothing is lost if what follows fails
    if not is_quick:
        details |= asyncio.run(parts_and_processes())
        keep(about, details)
        keep(about, details | {"scale": scale.run()})


def keep(about: dict[str, Any], details: dict[str, Any]) -> None:
    """Write the result, its pictures and the page."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    result: dict[str, Any] = {"at": at, **about, **summary(details), "details": details}
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(result, indent=2, default=str) + "\n"
    (RESULTS / f"{datetime.now(UTC):%Y-%m-%d}.json").write_text(text)
    (RESULTS / "latest.json").write_text(text)
    report.write(result)
    plots.write(details, RESULTS, machine.lines(result["machine"]))
    say("written: bench/results/latest.json, docs/performance.md")


if __name__ == "__main__":
    main()
