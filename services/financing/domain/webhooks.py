"""Webhooks as Standard Webhooks 1.0 has them: how a message is signed, when it is tried again, when to give up.

What must stay true: the same message keeps its id over all attempts; during a rotation the old and the new secret both
sign; only 2xx is a success.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

SECRET_BYTES: Final = 32
SECRET_PREFIX: Final = "whsec_"  # noqa: S105  what the standard puts before every secret
BODY_BYTES_MAX: Final = 20_000
GONE: Final = 410
SLOW_DOWN: Final = frozenset({429, 502, 503, 504})
# After the first, second, ... failed attempt; a failure after the last of these gives up: 75.6 hours in all.
DELAYS_SECONDS: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
RETRY_AFTER_SECONDS_MAX: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an attempt means: delivered, or to be tried again so many seconds later, or the endpoint is switched off."""

    is_delivered: bool
    delay_seconds: float = 0.0
    disabled: str | None = None
    error: str | None = None


def shown(secret: bytes) -> str:
    """The secret as its owner pastes it into a library."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signature(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: a `v1` signature per secret, the newest first."""
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return " ".join(
        "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode() for secret in secrets
    )


def headers(secrets: Sequence[bytes], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of one attempt at `at`."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secrets, message_id, timestamp, body),
    }


def judge(
    status: int | None, error: str | None, *, failed_before: int, retry_after: str | None, jitter: float, now: datetime
) -> Verdict:
    """What follows from an answer (or from none), after so many failures in a row.

    `jitter` from 0 to 1 makes a pause up to a fifth longer, so that endpoints that failed together do not return
    together.
    """
    if status is not None and 200 <= status < 300:
        return Verdict(is_delivered=True)
    why = error or f"answered {status}" + (" (redirections are not followed)" if 300 <= (status or 0) < 400 else "")
    if status == GONE:
        return Verdict(is_delivered=False, disabled="the endpoint answered 410 Gone", error=why)
    if failed_before >= len(DELAYS_SECONDS):
        return Verdict(is_delivered=False, disabled=f"{failed_before + 1} attempts failed, the last: {why}", error=why)
    pause = DELAYS_SECONDS[failed_before] * (1 + jitter / 5)
    if status in SLOW_DOWN:
        pause = max(pause, asked_pause(retry_after, now=now))
    return Verdict(is_delivered=False, delay_seconds=pause, error=why)


def asked_pause(retry_after: str | None, *, now: datetime) -> float:
    """The seconds of a Retry-After header, in seconds or as a date, at most a day; 0 when there is none to read."""
    if not retry_after:
        return 0.0
    if retry_after.strip().isascii() and retry_after.strip().isdigit():
        return min(float(retry_after.strip()[:9]), RETRY_AFTER_SECONDS_MAX)
    try:
        until = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), RETRY_AFTER_SECONDS_MAX)
