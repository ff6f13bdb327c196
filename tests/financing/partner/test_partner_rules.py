"""Rules of webhooks: where they may go, when they are tried again, how they are signed, how secrets lie."""

import base64
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from services.financing.domain import sealing, targets, webhooks
from services.financing.domain.targets import BadTarget

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


def test_the_published_vector_of_the_standard() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    plain = base64.b64decode(secret.removeprefix("whsec_"))

    signed = webhooks.signature([plain], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_official_package_knows_our_signature() -> None:
    secret, body = bytes(range(32)), '{"a": "ä"}'.encode()
    headers = webhooks.headers([secret], "3f", datetime.now(UTC), body)

    assert Webhook(webhooks.shown(secret)).verify(body, headers) == {"a": "ä"}


@pytest.mark.parametrize(
    ("status", "failed", "retry_after", "delay"),
    [
        (500, 0, None, 5),
        (404, 1, None, 300),
        (302, 2, None, 1_800),
        (None, 8, None, 86_400),
        (429, 0, "120", 120),
        (503, 0, "Wed, 25 Nov 2026 01:10:00 GMT", 600),
        (429, 0, "99999999999999", 86_400),
        (429, 0, "soon", 5),
        (500, 0, "120", 5),  # only who says "slow down" is asked when
    ],
)
def test_a_failure_is_tried_again_later(status: int | None, failed: int, retry_after: str | None, delay: int) -> None:
    verdict = webhooks.judge(status, None, failed_before=failed, retry_after=retry_after, jitter=0, now=NOW)

    assert not verdict.is_delivered and verdict.disabled is None and verdict.delay_seconds == delay


@pytest.mark.parametrize(("status", "failed"), [(410, 0), (500, 9)])
def test_the_endpoint_is_switched_off(status: int, failed: int) -> None:
    assert webhooks.judge(status, None, failed_before=failed, retry_after=None, jitter=0, now=NOW).disabled


def test_the_schedule_lasts_as_long_as_the_standard_says() -> None:
    assert sum(webhooks.DELAYS_SECONDS) == pytest.approx(75.6 * 3600, rel=0.01)
    later = webhooks.judge(500, None, failed_before=1, retry_after=None, jitter=1, now=NOW)
    assert later.delay_seconds == 360


@pytest.mark.parametrize(
    "url",
    [
        "http://contoh.id/hook",
        "https://user:word@contoh.id/",
        "https://contoh.id/#part",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://contoh.id:22/",
        "https://contoh.id:70000/",
        "https://contoh.id/\r\nx: y",
        "ftp://contoh.id/",
        "https:///path",
        "",
    ],
)
def test_a_url_that_reaches_inside_is_refused(url: str) -> None:
    with pytest.raises(BadTarget):
        targets.parse(url, is_local_allowed=False)


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:192.168.0.1"], [], ["x"]])
def test_a_name_that_leads_inside_is_refused(addresses: list[str]) -> None:
    target = targets.parse("https://contoh.id/hook?x=1", is_local_allowed=False)

    with pytest.raises(BadTarget):
        targets.check(target, addresses, is_local_allowed=False)


def test_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    target = targets.parse("https://contoh.id/hook?x=1", is_local_allowed=False)

    addresses = targets.check(target, ["2606:2800:220:1::1", "93.184.216.34"], is_local_allowed=False)

    assert addresses == ["93.184.216.34", "2606:2800:220:1::1"]
    assert target.at(addresses[1]) == "https://[2606:2800:220:1::1]:443/hook?x=1"
    assert target.at(addresses[0]) == "https://93.184.216.34:443/hook?x=1" and target.authority == "contoh.id"
    assert targets.parse("http://127.0.0.1:18999/a", is_local_allowed=True).authority == "127.0.0.1:18999"
    with pytest.raises(BadTarget):
        targets.parse("http://10.0.0.1/a", is_local_allowed=True)


def test_a_sealed_secret_opens_only_in_its_own_row() -> None:
    key = sealing.key_of("long and random")
    sealed = sealing.seal(key, b"secret", context="row 1", nonce=bytes(12))

    assert sealing.unseal(key, sealed, context="row 1") == b"secret"
    for other_key, context in ((key, "row 2"), (sealing.key_of("other"), "row 1")):
        with pytest.raises(sealing.NotOurs):
            sealing.unseal(other_key, sealed, context=context)


def test_the_page_for_partners_names_every_type() -> None:
    root = Path(__file__).parents[3]
    code = "".join(file.read_text() for file in (root / "services" / "financing").rglob("*.py"))
    said = set(re.findall(r'"(lending\.[a-z_]+\.v\d+)"', code))

    page = (root / "docs" / "partners.md").read_text()

    assert len(said) > 5 and [name for name in sorted(said) if f"`{name}`" not in page] == []
