"""Notices: who is told what, once, and what happens when the channel does not answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from services.identity.handlers import handlers
from services.identity.use_cases.ask_for_notice import PURPOSE
from services.identity.use_cases.send_notice import NoticeChannel
from shared.calls_out import CallOut, CallsOut, Refused, TryLater
from shared.clock import utc_now
from shared.contracts.base import Event
from shared.contracts.orders import OrderCancelled, OrderConfirmed, ParcelShipped
from shared.ids import new_id
from shared.testing.delivery import check_handler, deliver
from tests.identity.conftest import NOTICES_TOKEN, PASSWORD, People, international, new_email, new_phone, sign_in


def confirmed(buyer_id: UUID) -> Event:
    return OrderConfirmed(order_id=new_id(), buyer_id=buyer_id, confirmed_at=utc_now())


def shipped(buyer_id: UUID) -> Event:
    return ParcelShipped(
        order_id=new_id(),
        parcel_id=new_id(),
        shop_id=new_id(),
        buyer_id=buyer_id,
        cooperative_id=None,
        shipped_at=utc_now(),
    )


def cancelled(buyer_id: UUID) -> Event:
    return OrderCancelled(order_id=new_id(), buyer_id=buyer_id, reason="buyer", cancelled_at=utc_now())


async def buyer(people: People, *, notices: bool, is_verified: bool = True) -> tuple[UUID, str]:
    """A buyer with a phone: id and number."""
    client, phone = people.from_address(), new_phone()
    body = {"phone": phone, "name": "Budi", "password": PASSWORD, "notices": notices}
    account_id = (await client.post("/v1/accounts", json=body)).json()["account_id"]
    if is_verified:
        await client.post("/v1/codes", json={"phone": phone, "purpose": "sign_in"})
        form = {
            "grant_type": "urn:lumbung:grant:code",
            "phone": phone,
            "code": await people.code(international(phone)),
        }
        assert (await client.post("/v1/token", data=form)).status_code == 200
    return UUID(account_id), international(phone)


@pytest.mark.parametrize(
    ("event_for", "words"), [(confirmed, "sudah dikonfirmasi"), (shipped, "sudah dikirim"), (cancelled, "dibatalkan")]
)
async def test_a_buyer_who_asked_for_notices_is_told_once(
    people: People, event_for: Callable[[UUID], Any], words: str
) -> None:
    buyer_id, phone = await buyer(people, notices=True)
    event = event_for(buyer_id)

    await check_handler(people.db, handlers, event)
    await deliver(people.db, handlers, event)  # a re-emitted fact with another event id

    messages = await people.messages(phone)
    assert len(messages) == 2  # the code came before
    assert words in messages[0]["text"]
    assert event.order_id.hex[-8:].upper() in messages[0]["text"]
    assert messages[0]["channel"] == "sms"


async def test_nobody_else_is_told(people: People) -> None:
    silent, silent_phone = await buyer(people, notices=False)
    unverified, unverified_phone = await buyer(people, notices=True, is_verified=False)

    await deliver(people.db, handlers, confirmed(silent), confirmed(unverified), confirmed(new_id()))

    assert len(await people.messages(silent_phone)) == 1
    assert await people.messages(unverified_phone) == []


async def test_notices_end_when_they_are_no_longer_wanted(people: People) -> None:
    client, email = people.from_address(), new_email()
    headers = await people.signed_up(email=email)
    account_id = UUID((await client.get("/v1/accounts/me", headers=headers)).json()["account_id"])
    await client.post("/v1/codes", json={"email": email, "purpose": "verify"})
    code = {"email": email, "code": await people.code(email)}
    await client.post("/v1/accounts/me/verifications", json=code, headers=headers)
    for wanted, count in ((True, 2), (False, 2), (True, 3)):
        answer = await client.put("/v1/accounts/me/notices", json={"orders": wanted}, headers=headers)
        assert answer.json() == {"orders": wanted}

        await deliver(people.db, handlers, confirmed(account_id))

        messages = await people.messages(email)
        assert len(messages) == count
        assert messages[0]["channel"] == "email"


async def test_a_waiting_notice_dies_with_its_account(people: People) -> None:
    client, email = people.from_address(), new_email()
    headers = await people.signed_up(email=email, notices=True)
    account_id = UUID((await client.get("/v1/accounts/me", headers=headers)).json()["account_id"])
    await client.post("/v1/codes", json={"email": email, "purpose": "verify"})
    code = {"email": email, "code": await people.code(email)}
    await client.post("/v1/accounts/me/verifications", json=code, headers=headers)
    event = confirmed(account_id)
    await deliver(people.db, handlers, event)

    await client.delete("/v1/accounts/me", headers=headers)

    assert len(await people.messages(email)) == 1
    async with people.db.reading() as conn:
        call = await conn.fetchrow(
            "SELECT state::text, last_error FROM calls_out WHERE subject = $1", f"order_confirmed:{event.ordering_key}"
        )
    assert call is not None
    assert tuple(call) == ("failed", "the contact is gone")


async def channel_that_answers(people: People, status: int, use: Callable[[NoticeChannel], Awaitable[None]]) -> None:
    """A channel whose other side answers everything with `status`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        channel = NoticeChannel(people.db, people.running.keys, url=url, token=NOTICES_TOKEN, timeout_seconds=5)
        await use(channel)
        await channel.close()


@pytest.mark.parametrize(("status", "outcome"), [(500, TryLater), (429, TryLater), (401, TryLater), (422, Refused)])
async def test_what_the_channel_cannot_do_now_is_tried_again(
    people: People, status: int, outcome: type[Exception]
) -> None:
    _, phone = await buyer(people, notices=True)
    async with people.db.reading() as conn:
        contact_id = await conn.fetchval("SELECT id FROM contacts WHERE value = $1", phone)
    call = CallOut(new_id(), PURPOSE, "x", {"notice": "already_registered", "contact_id": str(contact_id)}, 1)

    async def use(channel: NoticeChannel) -> None:
        with pytest.raises(outcome) as refusal:
            await channel.send(call)
        assert phone not in str(refusal.value)

    await channel_that_answers(people, status, use)


async def test_a_code_survives_a_channel_that_is_away(people: People) -> None:
    client, phone = people.from_address(), new_phone()
    await client.post("/v1/accounts", json={"phone": phone, "name": "Budi"})
    await client.post("/v1/codes", json={"phone": phone, "purpose": "sign_in"})
    away = NoticeChannel(people.db, people.running.keys, url="http://127.0.0.1:9", token="", timeout_seconds=1)
    await CallsOut(people.db, {PURPOSE: away.purpose}).step()
    await away.close()
    async with people.db.transaction() as conn:
        await conn.execute("UPDATE calls_out SET due_at = now() WHERE state = 'waiting'")

    form = {"grant_type": "urn:lumbung:grant:code", "phone": phone, "code": await people.code(international(phone))}

    assert (await client.post("/v1/token", data=form)).status_code == 200


async def test_an_idle_password_queue_refuses_what_is_too_much(people: People) -> None:
    client, email = people.from_address(), new_email()
    await people.signed_up(email=email)
    limit = people.running.passwords._most
    bodies = [{"email": new_email(), "password": PASSWORD, "name": "Siti"} for _ in range(40)]
    people.running.passwords._most = 1
    try:
        answers = await asyncio.gather(*(client.post("/v1/accounts", json=body) for body in bodies))
    finally:
        people.running.passwords._most = limit

    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {201, 503}
    refused = answers[statuses.index(503)]
    assert refused.headers["Retry-After"] == "1"
    await sign_in(client, username=email)
