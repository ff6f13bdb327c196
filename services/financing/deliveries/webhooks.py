"""Webhooks: each endpoint gets its lender's log in the order of positions; a dead one slows nobody.

A subscription is leased together with its next events, the events are posted one after another outside of any
transaction, and how far it came is written by one statement for all endpoints that finished meanwhile. A process that
dies lets its leases run out: the same events come again, with the same ids, and none is left out. Endpoints that fail
are tried again with growing pauses and have places of their own, so that they cannot take those of the others. Any
number of processes may run this.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from services.financing.deliveries.posting import Poster
from services.financing.domain import lender_events, sealing, webhooks
from services.financing.domain.lender_events import LenderEvent
from services.financing.running import News
from services.financing.store.partner import event_of, queries
from shared.clock import utc_now
from shared.db import TRANSIENT, Database
from shared.ids import new_id
from shared.pace import news_within
from shared.problems import Problem
from shared.sql import Row
from shared.telemetry import CALLS_OUT, calling, current_traceparent

log = structlog.get_logger()

EVENTS_AT_ONCE = 20
LEASE_MARGIN_SECONDS = 5.0  # beyond a turn's own time and its last post
POLL_SECONDS = 1.0
BREATH_SECONDS = 0.005  # between two leases, and between two writings of results: so that they come in batches
RECORD_SECONDS = 1.0  # between two tries to write results when the database is in trouble
RECORD_TRIES = 30
UNSEALED_SECONDS = 300.0  # until we look again whether a secret opens


@dataclass(slots=True)
class Turn:
    """An endpoint's turn: what is to be sent to it, and how far it came."""

    subscription_id: UUID
    lease: UUID
    url: str
    secrets: list[bytes]
    types: frozenset[str]
    position: int
    failed: int
    events: list[LenderEvent] = field(default_factory=list)
    delivered: int = 0
    verdict: webhooks.Verdict = webhooks.Verdict(is_delivered=True)  # noqa: RUF009  frozen


class Webhooks:
    """Delivers for all webhook subscriptions."""

    def __init__(self, db: Database, poster: Poster, news: News, *, key: bytes, most: int) -> None:
        self._db = db
        self._poster = poster
        self._key = key
        self._most = {False: most, True: max(1, most // 4)}  # places of those that work, and of those that fail
        self._busy = {False: 0, True: 0}
        self._news = asyncio.Event()
        self._finished: list[Turn] = []
        self._results = asyncio.Event()
        news.bells.append(self._news.set)

    async def run_forever(self) -> None:
        """Run until cancelled; how far the turns in hand have come is then written down."""
        try:
            await self._run()
        finally:
            if self._finished:
                await self._record(self._finished)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._record_forever())
            while True:
                self._news.clear()
                is_full = False
                for is_failing in (False, True):
                    free = self._most[is_failing] - self._busy[is_failing]
                    turns = await self._turns(is_failing, free) if free else []
                    is_full = is_full or len(turns) == free > 0
                    for turn in turns:
                        self._busy[is_failing] += 1
                        group.create_task(self._take(turn, is_failing))
                if not is_full:
                    await news_within(self._news, POLL_SECONDS)
                await asyncio.sleep(BREATH_SECONDS)

    async def step(self) -> int:
        """Deliver what is due now, one turn per endpoint, and write it down; how many turns there were."""
        turns = [turn for is_failing in (False, True) for turn in await self._lease(is_failing, self._most[is_failing])]
        async with asyncio.TaskGroup() as group:
            for turn in turns:
                group.create_task(self._deliver(turn))
        if turns:
            await self._record(turns)
        return len(turns)

    async def _turns(self, is_failing: bool, most: int) -> list[Turn]:
        try:
            return await self._lease(is_failing, most)
        except (*TRANSIENT, Problem) as error:
            log.warning("webhooks_postponed", error=f"{type(error).__name__}: {error}")
            return []

    async def _lease(self, is_failing: bool, most: int) -> list[Turn]:
        lease = new_id()
        async with self._db.reading() as conn:  # one statement is one transaction
            rows = await queries.lease_webhooks.rows(
                conn,
                is_failing=is_failing,
                most=most,
                events=1 if is_failing else EVENTS_AT_ONCE,
                lease=lease,
                lease_seconds=2 * self._poster.seconds + LEASE_MARGIN_SECONDS,
            )
        turns: dict[UUID, Turn] = {}
        for row in rows:
            turn = turns.get(row["subscription_id"])
            if turn is None:
                turn = turns[row["subscription_id"]] = self._turn(row, lease)
            if turn.secrets:
                turn.events.append(event_of(row))
        return list(turns.values())

    def _turn(self, row: Row, lease: UUID) -> Turn:
        turn = Turn(
            subscription_id=row["subscription_id"],
            lease=lease,
            url=row["url"],
            secrets=[],
            types=frozenset(row["types"]),
            position=row["start"],
            failed=row["failed_in_a_row"],
        )
        sealed = [secret for secret in (row["secret"], row["old_secret"]) if secret is not None]
        try:
            turn.secrets = [sealing.unseal(self._key, each, context=str(turn.subscription_id)) for each in sealed]
        except sealing.NotOurs as error:
            turn.failed += 1
            turn.verdict = webhooks.Verdict(is_delivered=False, delay_seconds=UNSEALED_SECONDS, error=str(error))
        return turn

    async def _take(self, turn: Turn, is_failing: bool) -> None:
        try:
            await self._deliver(turn)
        finally:
            self._busy[is_failing] -= 1
            self._finished.append(turn)
            self._results.set()

    async def _deliver(self, turn: Turn) -> None:
        """Post the turn's events in order, until one fails or the turn is over; the last may take its whole time."""
        until = time.monotonic() + self._poster.seconds
        for event in turn.events:
            if turn.types and event.type not in turn.types:
                turn.position = event.position
                continue
            if time.monotonic() > until:
                return
            turn.verdict = await self._post(turn, event)
            CALLS_OUT.labels("webhook", "done" if turn.verdict.is_delivered else "later").inc()
            if not turn.verdict.is_delivered:
                turn.failed += 1
                return
            turn.position, turn.failed = event.position, 0
            turn.delivered += 1

    async def _post(self, turn: Turn, event: LenderEvent) -> webhooks.Verdict:
        body = event.as_body()
        with calling("webhook", event.traceparent):
            headers = webhooks.headers(turn.secrets, str(event.event_id), utc_now(), body)
            headers["content-type"] = lender_events.STRUCTURED
            if traceparent := current_traceparent():
                headers["traceparent"] = traceparent
            answer = await self._poster.post(turn.url, body, headers)
        return webhooks.judge(
            answer.status,
            answer.error,
            failed_before=turn.failed,
            retry_after=answer.retry_after,
            jitter=random.random(),
            now=utc_now(),
        )

    async def _record_forever(self) -> None:
        while True:
            await self._results.wait()
            self._results.clear()
            turns, self._finished = self._finished, []
            await self._record_surely(turns)
            self._news.set()  # there may be more for these endpoints
            await asyncio.sleep(BREATH_SECONDS)

    async def _record_surely(self, turns: list[Turn]) -> None:
        for _ in range(RECORD_TRIES):
            try:
                await self._record(turns)
            except (*TRANSIENT, Problem) as error:
                log.warning("webhook_results_not_written", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(RECORD_SECONDS)
            else:
                return
        log.error("webhook_results_lost", turns=len(turns))  # their leases run out; the events are sent again

    async def _record(self, turns: list[Turn]) -> None:
        for turn in turns:
            if turn.verdict.disabled:
                log.warning("webhook_disabled", subscription=str(turn.subscription_id), reason=turn.verdict.disabled)
        async with self._db.reading() as conn:
            await queries.record_deliveries.run(
                conn,
                subscription_ids=[turn.subscription_id for turn in turns],
                leases=[turn.lease for turn in turns],
                positions=[turn.position for turn in turns],
                delivered=[turn.delivered for turn in turns],
                failed=[turn.failed for turn in turns],
                delays_seconds=[turn.verdict.delay_seconds for turn in turns],
                disabled=[turn.verdict.disabled for turn in turns],
                errors=[turn.verdict.error for turn in turns],
            )
