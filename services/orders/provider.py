"""The payment provider over SNAP: charge by QRIS or virtual account, ask, end, give back.

What must stay true: every call is repeated safely, because it carries our own reference; a call whose answer did not
come is unknown, never assumed; the access token is fetched once for many calls and thrown away when it is refused.
"""

import asyncio
import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import aiohttp
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from services.orders.settings import OrdersSettings
from shared import snap
from shared.calls_out import Refused, TryLater
from shared.clock import utc_now
from shared.money import CURRENCY

TOKEN_MARGIN_SECONDS: Final = 60
CALL_SECONDS: Final = aiohttp.ClientTimeout(total=10)
CHANNEL_ID: Final = "95221"
PAID, REFUNDED, CANCELLED, FAILED = "00", "04", "05", "06"  # SNAP's latestTransactionStatus
_AMOUNT: Final = re.compile(r"([0-9]{1,15})\.00", re.ASCII)


class PaidAlready(Refused):
    """The charge cannot be ended: it is paid."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What the provider made for us, and how it stands."""

    reference: str
    status: str
    paid_minor: int
    paid_at: datetime | None
    qr_payload: str | None = None
    account_number: str | None = None
    expires_at: datetime | None = None


def open_session() -> aiohttp.ClientSession:
    """Connections to the provider. Each order needs a call, and aiohttp takes a sixth of httpx2's time for one."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32), cookie_jar=aiohttp.DummyCookieJar())


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider sent back."""

    status: int
    raw: bytes

    @property
    def text(self) -> str:
        """For people."""
        return self.raw.decode(errors="replace")


class Provider:
    """One merchant account at one SNAP provider."""

    name: Final = "snap"

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        client_secret: str,
        key: RSAPrivateKey,
        provider_key: RSAPublicKey | None,
        http: aiohttp.ClientSession,
    ) -> None:
        self._url = url.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._key = key
        self.provider_key = provider_key
        self._http = http
        self._token = ""
        self._token_until = 0.0
        self._fetching = asyncio.Lock()

    @classmethod
    def of(cls, settings: OrdersSettings, http: aiohttp.ClientSession) -> "Provider | None":
        """The provider that the settings name; None when they name none. Raises OSError, ValueError for bad keys."""
        if not settings.payments_url or settings.payments_private_key_file is None:
            return None
        return cls(
            settings.payments_url,
            client_id=settings.payments_client_id,
            client_secret=settings.payments_client_secret.get_secret_value(),
            key=snap.load_private_key(settings.payments_private_key_file.read_bytes()),
            provider_key=verification_key(settings),
            http=http,
        )

    async def charge_by_qris(self, reference: str, amount_minor: int, *, until: datetime) -> Charge:
        """A dynamic QRIS payload; asking again gives the same. Raises TryLater, Refused."""
        answer = await self._call(
            "/v1.0/qr/qr-mpm-generate",
            {
                "partnerReferenceNo": reference,
                "amount": amount_object(amount_minor),
                "validityPeriod": snap.format_timestamp(until),
            },
        )
        status = str(answer.get("latestTransactionStatus", ""))
        is_paid = status == PAID
        return Charge(
            reference=str(answer["referenceNo"]),
            status=status,
            paid_minor=amount_minor if is_paid else 0,
            paid_at=utc_now() if is_paid else None,
            qr_payload=str(answer["qrContent"]),
            expires_at=_moment(answer.get("additionalInfo", {}).get("expiredTime")) or until,
        )

    async def charge_by_account(self, reference: str, amount_minor: int, *, until: datetime) -> Charge:
        """A virtual account number to pay to; asking again gives the same. Raises TryLater, Refused."""
        answer = await self._call(
            "/v1.0/transfer-va/create-va",
            {
                "trxId": reference,
                "totalAmount": amount_object(amount_minor),
                "expiredDate": snap.format_timestamp(until),
                "virtualAccountName": "LUMBUNG UMKM",
            },
        )
        account = answer["virtualAccountData"]
        more = account.get("additionalInfo", {})
        return Charge(
            reference=str(more["referenceNo"]),
            status=str(more.get("latestTransactionStatus", "")),
            paid_minor=amount_of(more.get("paidAmount")),
            paid_at=utc_now(),
            account_number=str(account["virtualAccountNo"]),
            expires_at=_moment(account.get("expiredDate")) or until,
        )

    async def ask(self, reference: str) -> Charge:
        """How a charge stands, by our reference. Raises TryLater, Refused (when there is none)."""
        answer = await self._call("/v1.0/qr/qr-mpm-query", {"originalPartnerReferenceNo": reference})
        status = str(answer.get("latestTransactionStatus", ""))
        more = answer.get("additionalInfo", {})
        is_paid = status in {PAID, REFUNDED}
        return Charge(
            reference=str(answer["originalReferenceNo"]),
            status=status,
            paid_minor=amount_of(more.get("paidAmount") or answer.get("amount")) if is_paid else 0,
            paid_at=_moment(answer.get("paidTime")),
        )

    async def end(self, reference: str) -> None:
        """Nobody can pay this charge any more. Raises TryLater, PaidAlready, Refused."""
        await self._call("/v1.0/qr/qr-mpm-cancel", {"originalPartnerReferenceNo": reference})

    async def give_back(self, reference: str, refund_number: str, amount_minor: int, *, reason: str) -> str:
        """Send money of a charge (by the provider's reference) back; the provider's number of it.

        The same refund number is the same refund. Raises TryLater, Refused.
        """
        answer = await self._call(
            "/v1.0/qr/qr-mpm-refund",
            {
                "originalReferenceNo": reference,
                "partnerRefundNo": refund_number,
                "refundAmount": amount_object(amount_minor),
                "reason": reason,
            },
        )
        return str(answer["refundNo"])

    async def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        raw = orjson.dumps(body)
        token = await self._access_token()
        timestamp = snap.format_timestamp(utc_now())
        transaction = snap.Transaction("POST", path, raw, timestamp)
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {token}",
            "X-TIMESTAMP": timestamp,
            "X-SIGNATURE": snap.sign_symmetric(self._client_secret, transaction, access_token=token),
            "X-PARTNER-ID": self._client_id,
            "X-EXTERNAL-ID": f"{time.time_ns()}{secrets.randbelow(10**9):09d}",
            "CHANNEL-ID": CHANNEL_ID,
        }
        answer = await self._post(path, raw, headers)
        if answer.status == 401:
            self._token_until = 0.0
            raise TryLater(f"the provider refused our token: {answer.text[:200]}", seconds=1)
        return _read(answer)

    async def _access_token(self) -> str:
        async with self._fetching:
            if time.monotonic() >= self._token_until:
                timestamp = snap.format_timestamp(utc_now())
                headers = {
                    "Content-Type": "application/json",
                    "X-TIMESTAMP": timestamp,
                    "X-CLIENT-KEY": self._client_id,
                    "X-SIGNATURE": snap.sign_token_request(self._key, client_id=self._client_id, timestamp=timestamp),
                }
                body = orjson.dumps({"grantType": "client_credentials"})
                answer = await self._post("/v1.0/access-token/b2b", body, headers)
                if answer.status != 200:
                    raise TryLater(f"no access token: {answer.status} {answer.text[:200]}")
                document = _document(answer)
                self._token = str(document["accessToken"])
                lifetime_seconds = int(document.get("expiresIn", 900)) - TOKEN_MARGIN_SECONDS
                self._token_until = time.monotonic() + max(lifetime_seconds, 1)
            return self._token

    async def _post(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        try:
            async with self._http.post(
                self._url + path, data=body, headers=headers, timeout=CALL_SECONDS, allow_redirects=False
            ) as answer:
                return Answer(answer.status, await answer.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TryLater(f"the provider did not answer: {type(error).__name__}: {error}") from error


def verification_key(settings: OrdersSettings) -> RSAPublicKey | None:
    """What proves the provider's notifications; None when it is not configured. Raises OSError, ValueError."""
    file = settings.payments_provider_public_key_file
    return None if file is None else snap.load_public_key(file.read_bytes())


def amount_object(amount_minor: int) -> dict[str, str]:
    """Rupiah as SNAP writes them."""
    return {"value": f"{amount_minor}.00", "currency": CURRENCY}


def amount_of(value: Any) -> int:
    """Rupiah in a SNAP amount; 0 when there is none or it is malformed."""
    if not isinstance(value, dict) or value.get("currency") != CURRENCY:
        return 0
    match = _AMOUNT.fullmatch(str(value.get("value", "")))
    return int(match[1]) if match else 0


def _moment(text: Any) -> datetime | None:
    return snap.parse_timestamp(text) if isinstance(text, str) else None


def _document(answer: Answer) -> dict[str, Any]:
    try:
        document = orjson.loads(answer.raw)
    except orjson.JSONDecodeError as error:
        raise TryLater(f"the provider's answer {answer.status} is no JSON") from error
    if not isinstance(document, dict):
        raise TryLater(f"the provider's answer {answer.status} is no object")
    return document


def _read(answer: Answer) -> dict[str, Any]:
    """The body of a success. Raises TryLater for what may pass, Refused for what will not."""
    if answer.status >= 500 or answer.status in {408, 429}:
        raise TryLater(f"the provider answered {answer.status}: {answer.text[:200]}")
    document = _document(answer)
    if answer.status == 200:
        return document
    code, message = str(document.get("responseCode", "")), str(document.get("responseMessage", ""))[:150]
    if code.startswith("404") and code.endswith("14"):
        raise PaidAlready(message)
    if answer.status == 409 and code.endswith("00"):
        raise TryLater(f"X-EXTERNAL-ID was used before: {message}", seconds=0.1)
    raise Refused(f"{code} {message}")
