"""The bank over HTTP: hand in a payout file, ask for the answer.

What must stay true: a file is handed in under its batch's id, so that handing it in again is the same; both ways are
signed over the bytes (SNAP's symmetric signature over the SHA-256 of what was sent), and an answer whose signature does
not fit is not believed.
"""

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import httpx2

from services.orders.domain import bank_file
from services.orders.domain.bank_file import Answer, BadFile
from services.orders.settings import OrdersSettings
from shared import snap
from shared.calls_out import Refused, TryLater
from shared.clock import utc_now

CALL_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Bank:
    """Our account at one bank."""

    url: str
    token: str
    secret: str
    http: httpx2.AsyncClient

    @classmethod
    def of(cls, settings: OrdersSettings, http: httpx2.AsyncClient) -> "Bank | None":
        """The bank that the settings name; None when they name none: officers carry the files by hand."""
        if not settings.bank_url:
            return None
        secret = settings.bank_secret.get_secret_value()
        return cls(settings.bank_url.rstrip("/"), settings.bank_token.get_secret_value(), secret, http)

    async def hand_in(self, batch_id: UUID, raw: bytes) -> None:
        """The bank has the file when this returns. Raises TryLater, Refused."""
        answer = await self._call("POST", f"/v1/transfer-files/{batch_id}", raw)
        if answer.status_code not in (200, 202):
            raise Refused(f"the bank would not take the file: {answer.status_code} {answer.text[:200]}")

    async def ask(self, batch_id: UUID) -> Answer | None:
        """What the bank says so far; None while it says nothing. Raises TryLater, Refused."""
        path = f"/v1/transfer-files/{batch_id}/answer"
        answer = await self._call("GET", path, b"")
        if answer.status_code == 202:
            return None
        if answer.status_code != 200:
            raise Refused(f"the bank does not answer for this batch: {answer.status_code} {answer.text[:200]}")
        timestamp, signature = answer.headers.get("x-timestamp", ""), answer.headers.get("x-signature", "")
        signed = _signed("ANSWER", path, answer.content, timestamp)
        if not snap.verify_symmetric(self.secret, signature, signed, access_token=self.token):
            raise TryLater("the bank's answer is not signed by it")
        try:
            return bank_file.read_answer(answer.content)
        except BadFile as error:
            raise Refused(f"the bank's answer cannot be read: {error}") from error

    async def _call(self, method: str, path: str, raw: bytes) -> httpx2.Response:
        timestamp = snap.format_timestamp(utc_now())
        signature = snap.sign_symmetric(self.secret, _signed(method, path, raw, timestamp), access_token=self.token)
        headers = {
            "Authorization": f"Bearer {self.token}",
            "X-TIMESTAMP": timestamp,
            "X-SIGNATURE": signature,
            "Content-Type": "text/csv",
        }
        try:
            answer = await self.http.request(
                method, self.url + path, content=raw, headers=headers, timeout=CALL_SECONDS
            )
        except httpx2.HTTPError as error:
            raise TryLater(f"the bank did not answer: {type(error).__name__}: {error}") from error
        if answer.status_code >= 500 or answer.status_code in {401, 408, 429}:
            raise TryLater(f"the bank answered {answer.status_code}: {answer.text[:200]}")
        return answer


def _signed(method: str, path: str, raw: bytes, timestamp: str) -> snap.Transaction:
    """What is signed: the hash stands for the file, whose line ends would not survive SNAP's minifying of JSON."""
    return snap.Transaction(method, path, hashlib.sha256(raw).hexdigest().encode(), timestamp)
