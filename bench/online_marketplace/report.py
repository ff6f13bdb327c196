"""The results of Online Marketplace as keys of latest.json and as Markdown for docs/performance.md."""

from typing import Any

HEADLINE = tuple(f"V{number}" for number in (*range(1, 18), 19))  # V18 and V20 are OM-FAIL's
LEVELS = (
    "Levels, as its section 5 names them: delivery exactly once in effect (V9, V17), replication causal per seller "
    "(V7), integrity consistent (V8), event order causal (V15)."
)
DEVIATIONS = (
    "Orders are all or none; order and invoice are one step; a parcel is of a shop; dashboard, buyers and orders share "
    "a database; no vouchers and no cards; whole rupiah. All of it, with reasons: "
    "[bench/online_marketplace/README.md](../bench/online_marketplace/README.md)."
)


def figures(results: dict[str, Any], pgbench_per_s: float) -> dict[str, Any]:
    """The four keys; null when OM-2C did not run. The pgbench of its own run is preferred."""
    result = results.get("OM-2C")
    if result is None:
        return {}
    best = result["best"]
    invariants = result["invariants"]
    return {
        "om2c_tx_per_s": best["tx_per_s"],
        "om2c_ratio": round(best["tx_per_s"] / (result["pgbench_per_s"] or pgbench_per_s), 3),
        "om2c_concurrency": best["concurrency"],
        "om2c_invariants_failed": sum(invariants[name]["found"] != 0 for name in HEADLINE),
    }


def markdown(results: dict[str, Any]) -> list[str]:
    """Tables and pictures."""
    lines = ["### Online Marketplace", ""]
    for name, result in results.items():
        profile = result["profile"]
        lines += [
            f"**{name}**: {profile['customers']:,} customers, {profile['sellers']:,} sellers, "
            f"{profile['sellers'] * profile['products_per_seller']:,} products, {profile['seconds']:.0f} s a load "
            f"(epochs 3 to 6 of 6 counted), seed {result['seed']} "
            f"({result['at']}, commit {result['machine']['commit']})."
            + (f" pgbench of the same run: {result['pgbench_per_s']}/s." if result["pgbench_per_s"] else ""),
            "",
            "| in flight | counted tx/s | checkouts/s | checkout p50 / p90 / p99 ms | not counted |",
            "|---:|---:|---:|---|---|",
            *[_row(point) for point in result["points"]],
            "",
            f"| ms, {result['best']['concurrency']} in flight | counted | mean | p50 | p75 | p90 | p99 |",
            "|---|---:|---:|---:|---:|---:|---:|",
            *[_latencies(kind, figures) for kind, figures in result["best"]["kinds"].items()],
            "",
        ]
        cores = ", ".join(
            f"{process} {percent:.0f} %" for process, percent in list(result["best"]["cpu_percent"].items())[:6]
        )
        per_core = result["best"]["tx_per_s"] / result["machine"]["cores"]
        lines += [
            f"- At the best point {per_core:.1f} counted tx/s per core, of one core: {cores}.",
            f"- Invariants: {verdict_line(result)}",
        ]
        if result["kills"]:
            isolation = result["isolation"]
            lines += [
                f"- kill -9 under load of {', '.join(result['kills'])}. With programmes stopped: "
                f"{isolation['without_per_s']} checkouts/s, with it {isolation['with_per_s']}."
            ]
        lines.append("")
    if "OM-2C" in results:
        lines += [f"![{what}](../bench/results/om2c-{what}.svg)" for what in ("throughput", "latency", "time")] + [
            "",
            LEVELS,
            "",
            DEVIATIONS,
            "",
        ]
    return lines


def verdict_line(result: dict[str, Any]) -> str:
    """Which invariants hold, which are broken, which were not run."""
    by_state: dict[str, list[str]] = {"broken": [], "not run": [], "hold": []}
    for name, verdict in result["invariants"].items():
        state = "not run" if verdict["found"] is None else "broken" if verdict["found"] else "hold"
        by_state[state].append(f"{name} ({verdict['found']})" if state == "broken" else name)
    sentences = [f"{len(names)} {state} ({', '.join(names)})" for state, names in by_state.items() if names]
    return (
        "; ".join(sentences)
        + f". {result['republished']:,} events were told again, {result['orders']:,} orders checked."
    )


def _row(point: dict[str, Any]) -> str:
    kinds = point["kinds"]
    checkout = " / ".join(str(kinds["checkout"][share]) for share in ("p50_ms", "p90_ms", "p99_ms"))
    others = ", ".join(f"{what} {count}" for what, count in point["others"].items()) or "none"
    return f"| {point['concurrency']} | {point['tx_per_s']} | {point['checkouts_per_s']} | {checkout} | {others} |"


def _latencies(kind: str, figures: dict[str, Any]) -> str:
    cells = [figures[name] for name in ("count", "mean_ms", "p50_ms", "p75_ms", "p90_ms", "p99_ms")]
    return f"| {kind.replace('_', ' ')} | " + " | ".join("" if cell is None else f"{cell:,}" for cell in cells) + " |"
