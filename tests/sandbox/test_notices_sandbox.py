"""The notice sandbox over HTTP: who may send, repeats, the inbox, and what a kill leaves."""

from typing import Any

import httpx2

from tests.sandbox.processes import Sandbox, fresh_reference

MESSAGE = {"channel": "sms", "to": "+6281200000001", "text": "Kode Lumbung Anda: 123456"}


def _send(
    sandbox: Sandbox, message: dict[str, Any], key: str | None = None, *, bearer: str = "rahasia"
) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {bearer}"} | ({"Idempotency-Key": key} if key else {})
    return httpx2.post(f"{sandbox.url}/messages", json=message, headers=headers, trust_env=False)


def _inbox(sandbox: Sandbox, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx2.get(f"{sandbox.url}/messages", params=query, trust_env=False).json()["items"]
    return found


def test_the_same_key_is_one_message_and_another_message_under_it_is_refused(notices: Sandbox) -> None:
    message = MESSAGE | {"to": "+6281200000002"}
    key = fresh_reference()

    first, again = _send(notices, message, key), _send(notices, message, key)
    other = _send(notices, message | {"text": "lain"}, key)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert other.status_code == 409
    assert [(found["id"], found["text"]) for found in _inbox(notices, to=message["to"])] == [
        (first.json()["id"], message["text"])
    ]


def test_without_the_token_nothing_is_sent(notices: Sandbox) -> None:
    message = MESSAGE | {"to": "+6281200000003"}

    assert _send(notices, message, bearer="salah").status_code == 401
    assert _inbox(notices, to=message["to"]) == []


def test_a_malformed_message_is_refused(notices: Sandbox) -> None:
    assert _send(notices, MESSAGE | {"channel": "merpati"}).status_code == 422
    assert _send(notices, MESSAGE | {"text": ""}).status_code == 422


def test_the_newest_message_comes_first(notices: Sandbox) -> None:
    for number in range(3):
        _send(notices, MESSAGE | {"to": "ibu@contoh.id", "channel": "email", "text": f"pesan {number}"})

    assert [found["text"] for found in _inbox(notices, to="ibu@contoh.id", limit=2)] == ["pesan 2", "pesan 1"]


def test_the_page_shows_messages_without_trusting_them(notices: Sandbox) -> None:
    _send(notices, MESSAGE | {"text": "<script>alert(1)</script>"})

    page = httpx2.get(f"{notices.url}/", trust_env=False).text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert '<meta http-equiv="refresh"' in page


def test_a_kill_loses_no_message(notices: Sandbox) -> None:
    key = fresh_reference()
    before = _send(notices, MESSAGE | {"to": "+6281200000009"}, key).json()

    notices.kill()
    notices.start()

    assert [found["id"] for found in _inbox(notices, to="+6281200000009")] == [before["id"]]
    assert _send(notices, MESSAGE | {"to": "+6281200000009"}, key).json() == before
