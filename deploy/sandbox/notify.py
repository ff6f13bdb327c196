"""Tells the merchant what buyers paid: signed notifications, sent until the answer is 200.

What must stay true: a notification is in the book before it is sent and marked after it was answered, so a kill in
between sends it again and never loses it; every attempt has its own timestamp, signature and X-EXTERNAL-ID, the body
stays the same; after `ATTEMPTS_MAX` attempts (about half an hour) it is given up and stays visible as such.
"""

import asyncio
import secrets
import sqlite3
import time
from datetime import datetime
from typing import Final

import httpx2
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from deploy.sandbox.sqlite import Database
from shared import snap
from shared.calendar import WIB

ATTEMPTS_MAX: Final = 64
PAUSE_SECONDS_FIRST: Final = 0.25
PAUSE_SECONDS_MAX: Final = 30.0
CHANNEL_ID: Final = "95221"
SENT_AT_ONCE_MAX: Final = 32


def pause_seconds(attempts: int) -> float:
    """How long to wait after so many attempts: doubling, bounded."""
    return min(PAUSE_SECONDS_MAX, PAUSE_SECONDS_FIRST * 2.0 ** min(attempts - 1, 16))


class Notifier:
    """Sends what is due, and sleeps until something is."""

    def __init__(self, database: Database, key: RSAPrivateKey, *, client_id: str, url: str) -> None:
        self._database = database
        self._key = key
        self._client_id = client_id
        self._url = httpx2.URL(url)
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(SENT_AT_ONCE_MAX)
        self._in_flight: set[int] = set()

    def wake(self) -> None:
        """Look again: something was queued."""
        self._wake.set()

    async def run(self) -> None:
        """Send for ever; cancelled when the process stops."""
        async with httpx2.AsyncClient(timeout=10, trust_env=False) as http, asyncio.TaskGroup() as sending:
            while True:
                self._wake.clear()
                now = time.time_ns() // 1_000_000
                for row in self._database.rows("due_notifications", now=now):
                    if row["id"] not in self._in_flight:
                        self._in_flight.add(row["id"])
                        sending.create_task(self._send(http, row))
                await self._sleep(now)

    async def _sleep(self, now: int) -> None:
        row = self._database.row("next_due", now=now)
        seconds = (row["due_at"] - now) / 1000 if row is not None and row["due_at"] is not None else None
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    async def _send(self, http: httpx2.AsyncClient, row: sqlite3.Row) -> None:
        try:
            async with self._slots:
                answer = await self._attempt(http, row["body"])
            attempts = row["attempts"] + 1
            state = "delivered" if answer == "200" else "given_up" if attempts >= ATTEMPTS_MAX else "waiting"
            due_at = time.time_ns() // 1_000_000 + int(pause_seconds(attempts) * 1000)
            self._database.execute("record_attempt", id=row["id"], state=state, due_at=due_at, last_answer=answer)
        finally:
            self._in_flight.discard(row["id"])
            self._wake.set()

    async def _attempt(self, http: httpx2.AsyncClient, body: bytes) -> str:
        timestamp = snap.format_timestamp(datetime.now(WIB))
        transaction = snap.Transaction("POST", self._url.raw_path.decode(), body, timestamp)
        headers = {
            "Content-Type": "application/json",
            "X-TIMESTAMP": timestamp,
            "X-SIGNATURE": snap.sign_asymmetric(self._key, transaction),
            "X-PARTNER-ID": self._client_id,
            "X-EXTERNAL-ID": f"{time.time_ns()}{secrets.randbelow(10**9):09d}",
            "CHANNEL-ID": CHANNEL_ID,
        }
        try:
            answer = await http.post(self._url, content=body, headers=headers)
        except httpx2.HTTPError as error:
            return f"{type(error).__name__}: {error}"[:200]
        return str(answer.status_code)
