"""After a fault: every answered order is there, once, and ended; then the audit, which must say zero."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from faults.ground import Ground
from faults.market import Life, Tally
from shared.clock import utc_now

DRAIN_SECONDS = 150.0


@dataclass(frozen=True)
class Auditing:
    """How it is judged. `not_judged`: checks of the audit that a fault makes pointless, which it says why.

    `as_meant`: whether each order must end as its buyer meant, and not only end.
    """

    as_meant: bool = True
    settle_seconds: float = 60.0  # until what is on its way counts as lost
    hours: float = 24.0
    not_judged: frozenset[str] = frozenset()


@dataclass
class Outcome:
    """What one fault did, and what was found after it."""

    name: str
    did: str
    seed: int
    runs: int = 0  # how often the fault happened
    orders: int = 0
    lost: int = 0
    doubled: int = 0
    unfinished: int = 0
    differences: int = 0  # of the audit: events missing or extra
    violations: int = 0  # of the audit: invariants
    seconds: float = 0.0
    audit: str = "not asked"
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # whatever else was not as promised
    skipped: str = ""
    at: str = field(default_factory=lambda: utc_now().isoformat(timespec="seconds"))
    commit: str = ""  # the code that it happened to
    asked: int = 0  # orders that were to be placed at least
    is_control: bool = False  # a protection was taken away: it must not be clean
    sign: str = ""  # of a control: words that must be among what was found, where nothing is lost or doubled

    @property
    def is_clean(self) -> bool:
        """Nothing was lost, doubled, left lying, or found by the audit."""
        found = self.lost + self.doubled + self.unfinished + self.differences + self.violations
        return not self.skipped and found == 0 and not self.faults and self.audit in ("clean", "not asked")

    @property
    def is_as_promised(self) -> bool:
        """Clean; for a control: its sign seen, or without one a loss or a double. That it was slow proves nothing."""
        is_harmed = bool(self.lost + self.doubled + self.differences)
        is_seen_to_fail = any(self.sign in found for found in (*self.faults, *self.notes)) if self.sign else is_harmed
        return bool(self.skipped) or (self.runs > 0 and is_seen_to_fail if self.is_control else self.is_clean)

    def as_document(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"clean": self.is_clean, "as_promised": self.is_as_promised}


async def close(
    ground: Ground,
    outcome: Outcome,
    tally: Tally,
    *,
    drain_seconds: float = DRAIN_SECONDS,
    auditing: Auditing = Auditing(),
) -> Outcome:
    """Count orders, wait until they have ended, and have the audit look."""
    outcome.orders += len(tally.orders)
    outcome.doubled += tally.doubled
    statuses = await _drained(ground, tally, drain_seconds, as_meant=auditing.as_meant)
    outcome.lost += len(ground.answered - statuses.keys())
    # Who gave up before the answer may have ordered all the same: that is unfinished, and counted there.
    outcome.doubled += max(0, len(statuses.keys() - ground.answered) - tally.unanswered)
    wrong = Counter(
        f"{life.method}, {life.ending}: {statuses.get(order_id)}"
        for order_id, life in tally.orders.items()
        if not _has_ended(statuses.get(order_id), life, as_meant=auditing.as_meant)
    )
    outcome.unfinished += wrong.total()
    outcome.notes += [f"did not end as meant: {number} x {what}" for what, number in wrong.items()]
    outcome.unfinished += len(tally.given_up)
    outcome.notes.append(_told(tally, statuses))
    outcome.faults += [f"answered {s}: {text}" for s, text in tally.samples.items() if s == 500]
    outcome.notes += tally.given_up[:3]
    if tally.refusals_without_retry_after:
        outcome.faults.append(f"{tally.refusals_without_retry_after} times 503 without Retry-After")
    ground.answered &= statuses.keys()  # counted once
    ground.answered |= statuses.keys()
    await look(ground, outcome, auditing)
    return outcome


MEANT = {
    "called off": {"cancelled"},
    "unpaid": {"cancelled"},
    "confirmed": {"confirmed"},
    "delivered": {"completed"},
    "completed": {"completed"},
}


def _has_ended(status: str | None, life: Life, *, as_meant: bool) -> bool:
    """Whether an order came to the end that its life meant. Money that comes too late goes back: a QRIS order may end
    cancelled, too.
    """
    if status is None:
        return True  # counted as lost
    if not as_meant:
        return status in ("completed", "cancelled") or (status, life.ending) == ("confirmed", "confirmed")
    return status in MEANT[life.ending] or (life.method == "qris" and status == "cancelled")


async def _drained(ground: Ground, tally: Tally, seconds: float, *, as_meant: bool) -> dict[str, str]:
    """Statuses of all orders of the suite's buyers, once those of this load have ended or the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            rows = await ground.look("orders", "orders_by", buyer_ids=ground.buyer_ids)
        except OSError:
            rows = []
        statuses = {row["order_id"]: row["status"] for row in rows}
        waiting = sum(not _has_ended(statuses.get(o), life, as_meant=as_meant) for o, life in tally.orders.items())
        if (rows and not waiting) or time.monotonic() > deadline:
            return statuses
        await asyncio.sleep(0.5)


def _told(tally: Tally, statuses: dict[str, str]) -> str:
    ends = Counter(statuses.get(order_id, "lost") for order_id in tally.orders)
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(tally.statuses.items()) if status >= 400)
    return (
        f"ends: {dict(sorted(ends.items()))}; connections broken {tally.breaks}; refused: {answers or 'none'}; "
        f"longest until 201: {tally.longest_seconds:.1f} s"
    )


async def look(ground: Ground, outcome: Outcome, auditing: Auditing) -> None:
    """Ask the audit."""
    asked = ("--settle", str(auditing.settle_seconds), "--hours", str(auditing.hours))
    text = await ground.command("audit", "--json", *asked, is_checked=False)
    if not text.strip():
        outcome.audit = "could not look"
        return
    found = json.loads(text)
    violated = [check for check in found["checks"] if check["violations"] and check["name"] not in auditing.not_judged]
    unhandled = [flow for flow in found["flows"] if flow["missing"] or flow["extra"] or flow["dead"] or flow["waiting"]]
    if not found["behind"]:  # what a group has not reached yet is late, not lost
        outcome.differences += found["differences"]
    outcome.violations += sum(len(check["violations"]) for check in violated)
    is_clean = not (
        found["behind"] or violated or any(flow["missing"] or flow["extra"] or flow["dead"] for flow in unhandled)
    )
    outcome.audit = "clean" if is_clean else "not clean"
    outcome.notes += found["behind"]
    for check in violated:
        first = check["violations"][0]
        outcome.notes.append(f"{check['name']} ({check['where']}): {first['key']}: {first['what']}")
    for flow in unhandled:
        numbers = {word: flow[word] for word in ("missing", "extra", "dead", "waiting") if flow[word]}
        outcome.notes.append(f"{flow['type']} in {flow['group']}: {numbers}")
