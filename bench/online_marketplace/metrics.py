"""What a load amounts to: counted transactions per second, latencies by kind, and who used the processor meanwhile."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

from bench.load import percentile_ms
from bench.online_marketplace.journal import Done, Journal, Outcome
from bench.online_marketplace.profiles import EPOCHS, WARMUP_EPOCHS
from bench.online_marketplace.workload import Kind
from deploy.local.files import read_json
from deploy.local.stack import Stack, recorded_pid

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
SHARES = (("p50_ms", 0.5), ("p75_ms", 0.75), ("p90_ms", 0.9), ("p99_ms", 0.99))


def window(begin: float, end: float) -> tuple[float, float]:
    """The epochs that count: without the first ones, which warm up."""
    return begin + (end - begin) * WARMUP_EPOCHS / EPOCHS, end


def summary(journal: Journal, since: float, until: float) -> dict[str, Any]:
    """The figures of what ended inside the window; only successes are counted as throughput."""
    ended = [done for done in journal.done if since <= done.ended <= until]
    good = [done for done in ended if done.outcome is Outcome.SUCCESS]
    seconds = until - since
    others = Counter(
        f"{done.kind}: {done.outcome} {done.reason}".strip() for done in ended if done.outcome is not Outcome.SUCCESS
    )
    return {
        "tx_per_s": round(len(good) / seconds, 1),
        "checkouts_per_s": round(sum(done.kind is Kind.CHECKOUT for done in good) / seconds, 1),
        "kinds": {kind.value: _latencies([done for done in good if done.kind is kind]) for kind in Kind},
        "others": dict(others),
    }


def _latencies(done: list[Done]) -> dict[str, Any]:
    took = sorted(one.ended - one.started for one in done)
    figures: dict[str, Any] = {name: percentile_ms(took, share) for name, share in SHARES}
    figures["mean_ms"] = round(1000 * sum(took) / len(took), 2) if took else None
    return {"count": len(took)} | figures


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """Processor seconds used so far by each process of the stack with its children, and by the driver (this one)."""
    state = read_json(stack.home / "state.json") or {}
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                columns = (place / "stat").read_text().rpartition(") ")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended in this moment
            # Its own and that of children that have ended: PostgreSQL ends workers all the time.
            used[int(place.name)] = sum(map(int, columns[11:15])) / TICKS_PER_SECOND
            children.setdefault(int(columns[1]), []).append(int(place.name))
    found = {"driver": used.get(os.getpid(), 0.0)}
    for name in state.get("processes", {}):
        if (pid := recorded_pid(state, name)) is not None and pid.is_alive():
            found[name] = _with_children(pid.number, used, children)
    return found


def cpu_percent(before: dict[str, float], after: dict[str, float], seconds: float) -> dict[str, float]:
    """Percent of one core by process, largest first; a process that was restarted meanwhile counts from its start."""
    shares = {
        name: round(
            100 * max(0.0, used - (before.get(name, 0.0) if used >= before.get(name, 0.0) else 0.0)) / seconds, 1
        )
        for name, used in after.items()
    }
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _with_children(pid: int, used: dict[int, float], children: dict[int, list[int]]) -> float:
    return used.get(pid, 0.0) + sum(_with_children(child, used, children) for child in children.get(pid, []))
