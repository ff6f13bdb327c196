"""The payment sandbox: a QRIS and virtual-account provider that speaks SNAP, with a buyer's side to pay from.

What must stay true: the merchant's side is SNAP and nothing else, so that a real provider can take its place; the
buyer's side (`/sandbox/...` and the page) exists only here and is open to whoever reaches the port. The book is a
SQLite file, so a kill -9 loses nothing. Start: `python -m deploy.sandbox.payments`.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

import uvicorn
from fastapi import FastAPI, Form, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader
from pydantic import BaseModel, ConfigDict, Field, model_validator

from deploy.sandbox.calls import CALLS, Call
from deploy.sandbox.charges import Acceptance, Book, Charge
from deploy.sandbox.gate import TOKEN_SECONDS, Gate
from deploy.sandbox.keys import ensure_keys
from deploy.sandbox.notify import Notifier
from deploy.sandbox.refusals import Refusal
from deploy.sandbox.settings import PAYMENTS_OFFSET, PaymentSettings, private_folder
from deploy.sandbox.sqlite import Database
from shared import snap
from shared.calendar import WIB

HERE = Path(__file__).parent
PAGES = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True)
GRANT_SERVICE = "73"
PAY_SERVICE = "50"


class Payment(BaseModel):
    """What a buyer does: exactly one of the three names the charge."""

    model_config = ConfigDict(extra="forbid")

    qrContent: str | None = None
    virtualAccountNo: str | None = None
    partnerReferenceNo: str | None = None
    amount: int | None = Field(default=None, gt=0, le=10**12, description="Rupiah; what was asked for when absent.")
    delay_seconds: float = Field(default=0, ge=0, le=86_400, description="The notification leaves so much later.")
    times: int = Field(default=1, ge=1, le=20, description="How often the same notification is sent.")
    even_if_expired: bool = Field(default=False, description="Pay although the charge has expired or was cancelled.")

    @model_validator(mode="after")
    def _names_one_charge(self) -> Self:
        if sum(name is not None for name in (self.qrContent, self.virtualAccountNo, self.partnerReferenceNo)) != 1:
            raise ValueError("name the charge by exactly one of qrContent, virtualAccountNo, partnerReferenceNo")
        return self

    def charge(self, book: Book) -> Charge:
        """The charge that is meant; refuses when there is none."""
        if self.qrContent is not None:
            return book.charge_by_payload(self.qrContent)
        if self.virtualAccountNo is not None:
            return book.charge_by_account(self.virtualAccountNo)
        return book.charge(self.partnerReferenceNo or "")


class Provider:
    """One running sandbox: its book, its gate, its notifier."""

    def __init__(self, settings: PaymentSettings) -> None:
        folder = private_folder(settings.sandbox_dir)
        keys = ensure_keys(folder)
        self.database = Database(folder / "payments.sqlite", HERE / "payments.sql")
        acceptance = Acceptance(is_synchronous=settings.sandbox_synchronous, share=settings.sandbox_acceptance)
        self.book = Book(self.database, acceptance)
        window = timedelta(seconds=settings.sandbox_clock_window_seconds)
        self.gate = Gate.of(keys, self.book, clock_window=window)
        key = snap.load_private_key(keys.provider_private_key_file.read_bytes())
        self.notifier = Notifier(self.database, key, client_id=keys.client_id, url=settings.callback_url)

    def pay(self, payment: Payment) -> Charge:
        """A buyer pays now; the notification leaves at once or after the asked delay."""
        now = _now()
        charge = payment.charge(self.book)
        paid = self.book.pay(
            charge,
            amount_minor=payment.amount or charge.amount_minor,
            notify_at=now + timedelta(seconds=payment.delay_seconds),
            times=payment.times,
            is_late_allowed=payment.even_if_expired,
            now=now,
        )
        self.notifier.wake()
        return paid


def create_app(settings: PaymentSettings) -> FastAPI:
    """The sandbox as an application; its state is opened here and closed when it stops."""
    provider = Provider(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        provider.book.forget_old_external_ids(now=_now())
        sending = asyncio.create_task(provider.notifier.run())
        sending.add_done_callback(_stop_unless_cancelled)
        yield
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        provider.database.close()

    app = FastAPI(title="Lumbung payment sandbox", lifespan=lifespan)
    app.add_api_route("/v1.0/access-token/b2b", _token_route(provider), methods=["POST"])
    for call in CALLS:
        app.add_api_route(call.path, _snap_route(provider, call), methods=["POST"], name=call.run.__name__)
    _add_buyer_side(app, provider)
    _add_health(app, provider)
    return app


def _token_route(provider: Provider) -> Callable[[Request], Awaitable[Response]]:
    async def access_token(request: Request) -> Response:
        try:
            token = await provider.gate.token_for(request, now=_now())
        except Refusal as refusal:
            return JSONResponse(refusal.body(GRANT_SERVICE), refusal.http_status)
        body = {"accessToken": token, "tokenType": "Bearer", "expiresIn": str(TOKEN_SECONDS)}
        return JSONResponse(_successful(GRANT_SERVICE) | body)

    return access_token


def _snap_route(provider: Provider, call: Call) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            body = await provider.gate.body_of(request, now=_now())
            result = call.run(provider.book, body, _now())
        except Refusal as refusal:
            return JSONResponse(refusal.body(call.service), refusal.http_status)
        echo = {"X-EXTERNAL-ID": request.headers["X-EXTERNAL-ID"], "X-TIMESTAMP": snap.format_timestamp(_now())}
        return JSONResponse(_successful(call.service) | result, headers=echo)

    return answer


def _add_buyer_side(app: FastAPI, provider: Provider) -> None:
    @app.post("/sandbox/pay", status_code=202)
    async def pay(payment: Payment) -> Response:
        """Pay a charge as a buyer would."""
        try:
            paid = provider.pay(payment)
        except Refusal as refusal:
            return JSONResponse(refusal.body(PAY_SERVICE), refusal.http_status)
        return JSONResponse(_view(provider.book, paid), 202)

    @app.get("/sandbox/charges")
    async def charges(limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> Response:
        """The newest charges with what was notified about them."""
        return JSONResponse({"items": [_view(provider.book, charge) for charge in provider.book.newest(limit)]})

    @app.get("/sandbox/charges/{partner_reference}")
    async def charge(partner_reference: str) -> Response:
        """One charge by the merchant's reference."""
        try:
            return JSONResponse(_view(provider.book, provider.book.charge(partner_reference)))
        except Refusal as refusal:
            return JSONResponse(refusal.body(PAY_SERVICE), refusal.http_status)

    @app.get("/", response_class=HTMLResponse)
    async def page(message: str = "") -> str:
        """The charges as a page to pay from."""
        views = [_view(provider.book, charge) for charge in provider.book.newest(50)]
        return PAGES.get_template("payments.html").render(charges=views, message=message)

    @app.post("/sandbox/page/pay")
    async def pay_from_page(
        partner_reference: Annotated[str, Form()], even_if_expired: Annotated[bool, Form()] = False
    ) -> Response:
        """The page's pay button."""
        try:
            provider.pay(Payment(partnerReferenceNo=partner_reference, even_if_expired=even_if_expired))
        except Refusal:
            return RedirectResponse("/?message=ditolak", 303)
        return RedirectResponse("/?message=dibayar", 303)


def _add_health(app: FastAPI, provider: Provider) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        """The book can be read."""
        provider.book.newest(1)
        return {"status": "ok"}


def _stop_unless_cancelled(sending: asyncio.Task[None]) -> None:
    # A provider that takes money and tells nobody is worse than none: stop, and let the supervisor start it afresh.
    if not sending.cancelled():
        print("the notifier failed:", sending.exception(), file=sys.stderr, flush=True)
        signal.raise_signal(signal.SIGTERM)


def _view(book: Book, charge: Charge) -> dict[str, Any]:
    status, description = charge.status(_now(), refunded_minor=book.refunded_minor(charge))
    return {
        "partnerReferenceNo": charge.partner_reference,
        "referenceNo": charge.reference,
        "kind": charge.kind,
        "amount": charge.amount_minor,
        "qrContent": charge.qr_content,
        "virtualAccountNo": charge.account_number,
        "latestTransactionStatus": status,
        "transactionStatusDesc": description,
        "paidAmount": charge.paid_minor,
        "refundedAmount": book.refunded_minor(charge),
        "expiredTime": snap.format_timestamp(charge.expires_at),
        "createdTime": snap.format_timestamp(charge.created_at),
        "notifications": book.notifications_of(charge.partner_reference),
    }


def _successful(service: str) -> dict[str, Any]:
    return {"responseCode": snap.response_code(200, service, "00"), "responseMessage": "Successful"}


def _now() -> datetime:
    return datetime.now(WIB)


def main() -> None:
    """Run the sandbox until it is told to stop."""
    settings = PaymentSettings()
    port = settings.port(PAYMENTS_OFFSET)
    uvicorn.run(create_app(settings), host=settings.http_host, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
