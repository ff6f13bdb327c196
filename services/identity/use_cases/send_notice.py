"""Send the notices that were asked for, through the notice channel, outside of any transaction."""

from uuid import UUID

import httpx2

from services.identity import store
from services.identity.domain import notices
from services.identity.domain.secrets import ServerKeys, code_digits
from shared.calls_out import CallOut, Purpose, Refused, TryLater, one_by_one
from shared.db import Connection, Database


class NoticeChannel:
    """The notice channel over HTTP. The call's id is the idempotency key, so that nobody is told twice."""

    def __init__(self, db: Database, keys: ServerKeys, *, url: str, token: str, timeout_seconds: float) -> None:
        self._db = db
        self._keys = keys
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx2.AsyncClient(base_url=url, headers=headers, timeout=timeout_seconds)

    @property
    def purpose(self) -> Purpose:
        """For the runner of calls out."""
        return Purpose(make=self.send, record=one_by_one(_nothing_to_record), give_up=_nothing_to_record)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(self, call: CallOut) -> None:
        """Send one notice. Raises TryLater, or Refused when the contact was erased or the channel will not have it."""
        async with self._db.reading() as conn:
            address = await store.address_of_contact(conn, UUID(call.request["contact_id"]))
        if address is None:
            raise Refused("the contact is gone")
        kind, value = address
        message = {"channel": notices.channel_of(kind), "to": value, "text": self._text(call)}
        try:
            answer = await self._client.post("/messages", json=message, headers={"Idempotency-Key": str(call.id)})
        except httpx2.HTTPError as error:
            raise TryLater(f"the notice channel cannot be reached: {type(error).__name__}") from error
        if answer.status_code >= 500 or answer.status_code in (401, 403, 408, 429):
            raise TryLater(f"the notice channel answered {answer.status_code}")
        if answer.status_code >= 400:
            raise Refused(f"the notice channel answered {answer.status_code}")

    def _text(self, call: CallOut) -> str:
        request = call.request
        match request["notice"]:
            case "code":
                digits = code_digits(self._keys.codes, UUID(request["code_id"]), UUID(request["contact_id"]))
                return notices.code_text(digits, purpose=request["purpose"])
            case "already_registered":
                return notices.already_registered_text()
            case notice:
                return notices.order_text(notice, UUID(request["order_id"]))


async def _nothing_to_record(conn: Connection, call: CallOut, outcome: object) -> None:
    """The row of the call says it all."""
