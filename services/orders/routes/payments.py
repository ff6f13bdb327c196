"""What the payment provider tells us: signed notifications, believed only after their signature is verified.

What must stay true: the signature is over the bytes that came; a forged or old notification changes nothing; one that
comes again is answered like the first and changes nothing either; money counts only for the charge it was paid to.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog
from fastapi import APIRouter, Request, Response

from services.orders.domain.problems import BadSignature, UnknownCharge
from services.orders.provider import PAID, Provider, amount_of
from services.orders.use_cases.receipts import Money
from services.orders.use_cases.receive_money import receive_notified_money
from shared import snap
from shared.clock import utc_now
from shared.http import Db
from shared.problems import Malformed, NotFound, documented

log = structlog.get_logger()

router = APIRouter(prefix="/v1/payments", tags=["payments"])
PROVIDERS = frozenset({"qris", "va", "snap"})
NOTIFY_SERVICE = "52"


@router.post("/callbacks/{provider}", responses=documented(BadSignature, UnknownCharge, Malformed, NotFound))
async def hear_provider(provider: str, request: Request, db: Db) -> Response:
    """A buyer paid, says the provider (SNAP `qr-mpm-notify`)."""
    if provider not in PROVIDERS:
        raise NotFound
    raw = await request.body()
    now = utc_now()
    verify(request, raw, now=now)
    order_id, money = read_notice(raw, now=now)
    if money is not None:
        try:
            async with db.transaction() as conn:
                verdict = await receive_notified_money(conn, order_id, money, now=now)
        except UnknownCharge:  # another merchant's, or ours before its charge is written down: the provider tells again
            log.warning(
                "money_for_no_charge_of_ours",
                order_id=str(order_id),
                provider_reference=money.provider_reference,
                amount_minor=money.amount_minor,
            )
            raise
        log.info("payment_heard", order_id=str(order_id), verdict=None if verdict is None else verdict.value)
    body = {"responseCode": snap.response_code(200, NOTIFY_SERVICE, "00"), "responseMessage": "Successful"}
    return Response(orjson.dumps(body), media_type="application/json")


def verify(request: Request, raw: bytes, *, now: datetime) -> None:
    """Raises BadSignature unless the provider signed these bytes just now, for us."""
    settings, key = request.app.state.settings, request.app.state.provider_key
    text = request.headers.get("x-timestamp", "")
    moment = snap.parse_timestamp(text)
    window = timedelta(seconds=settings.payments_clock_window_seconds)
    if key is None or moment is None or abs(moment - now) > window:
        raise BadSignature
    if request.headers.get("x-partner-id", settings.payments_client_id) != settings.payments_client_id:
        raise BadSignature
    path = settings.payments_callback_path or request.url.path
    signature = request.headers.get("x-signature", "")
    if not snap.verify_asymmetric(key, signature, snap.Transaction("POST", path, raw, text)):
        raise BadSignature


def read_notice(raw: bytes, *, now: datetime) -> tuple[UUID, Money | None]:
    """Whose charge it is, and the money if the notice is of money. Raises Malformed, UnknownCharge."""
    try:
        notice: Any = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed("the notification is no JSON") from error
    reference = notice.get("originalReferenceNo") if isinstance(notice, dict) else None
    if not isinstance(reference, str) or not reference.isprintable() or not 0 < len(reference) <= 64:
        raise Malformed("the notification names no charge")
    try:
        order_id = UUID(hex=str(notice.get("originalPartnerReferenceNo")))
    except ValueError as error:
        raise UnknownCharge from error
    if notice.get("latestTransactionStatus") != PAID:
        return order_id, None
    amount_minor = amount_of(notice.get("amount"))
    if amount_minor <= 0:
        raise Malformed("the notification names no amount in whole rupiah")
    paid_at = snap.parse_timestamp(str(notice.get("paidTime", ""))) or now
    return order_id, Money(Provider.name, reference, amount_minor, paid_at)
