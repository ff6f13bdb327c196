"""The provider's SNAP calls: what each reads from its body, does to the book, and answers.

What must stay true: a call is repeated safely by its own reference; answers carry amounts as SNAP objects; a body that
lacks something is refused by the field's name. Service numbers: 47 generate, 51 query, 77 cancel, 78 refund, 27 create,
26 status and 31 delete a virtual account (77, 78, 26 and 31 recalled from the standard, not read in its text).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from deploy.sandbox import refusals
from deploy.sandbox.charges import Book, Charge, amount_object
from shared import snap

DEFAULT_VALIDITY: Final = timedelta(minutes=15)
REFERENCE_CHARACTERS_MAX: Final = 64
_AMOUNT: Final = re.compile(r"([0-9]{1,12})\.00", re.ASCII)

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One SNAP path: its service number and what it does."""

    path: str
    service: str
    run: Callable[[Book, Body, datetime], Body]


def generate_qr(book: Book, body: Body, now: datetime) -> Body:
    """Ask for money by QRIS. In synchronous mode the answer says at once whether it is paid."""
    reference = _text(body, "partnerReferenceNo")
    amount_minor = _amount(body, "amount")
    charge = book.ask_by_qris(reference, amount_minor, _until(body, "validityPeriod", now, book), now=now)
    status, description = charge.status(now)
    return {
        "referenceNo": charge.reference,
        "partnerReferenceNo": charge.partner_reference,
        "qrContent": charge.qr_content,
        "latestTransactionStatus": status,
        "transactionStatusDesc": description,
        "additionalInfo": {"expiredTime": snap.format_timestamp(charge.expires_at)},
    }


def query(book: Book, body: Body, now: datetime) -> Body:
    """How a charge stands, found by the merchant's or the provider's reference."""
    charge = _original(book, body)
    refunded_minor = book.refunded_minor(charge)
    status, description = charge.status(now, refunded_minor=refunded_minor)
    answer: Body = {
        "originalReferenceNo": charge.reference,
        "originalPartnerReferenceNo": charge.partner_reference,
        "serviceCode": "47" if charge.kind == "qris" else "27",
        "latestTransactionStatus": status,
        "transactionStatusDesc": description,
        "amount": amount_object(charge.amount_minor),
        "additionalInfo": {
            "paidAmount": amount_object(charge.paid_minor),
            "refundedAmount": amount_object(refunded_minor),
            "expiredTime": snap.format_timestamp(charge.expires_at),
        },
    }
    if charge.paid_at is not None:
        answer["paidTime"] = snap.format_timestamp(charge.paid_at)
    if charge.account_number is not None:
        answer["virtualAccountNo"] = charge.account_number
    return answer


def cancel(book: Book, body: Body, now: datetime) -> Body:
    """End an unpaid charge, QRIS or account."""
    charge = _original(book, body)
    book.cancel(charge)
    return {
        "originalReferenceNo": charge.reference,
        "originalPartnerReferenceNo": charge.partner_reference,
        "cancelTime": snap.format_timestamp(now),
        "transactionDate": snap.format_timestamp(charge.created_at),
    }


def refund(book: Book, body: Body, now: datetime) -> Body:
    """Give back some or all of what was paid, QRIS or account."""
    charge = _original(book, body)
    given = book.refund(charge, _text(body, "partnerRefundNo"), _amount(body, "refundAmount"), now=now)
    return {
        "originalReferenceNo": charge.reference,
        "originalPartnerReferenceNo": charge.partner_reference,
        "refundNo": given.refund_no,
        "partnerRefundNo": given.partner_refund_no,
        "refundAmount": amount_object(given.amount_minor),
        "refundTime": snap.format_timestamp(given.refunded_at),
    }


def create_account(book: Book, body: Body, now: datetime) -> Body:
    """Ask for money by a virtual account number; one is made up when the merchant names none."""
    charge = book.ask_by_account(
        _text(body, "trxId"),
        _amount(body, "totalAmount"),
        _until(body, "expiredDate", now, book),
        account_number=_optional_text(body, "virtualAccountNo"),
        account_name=_optional_text(body, "virtualAccountName") or "LUMBUNG UMKM",
        now=now,
    )
    return {"virtualAccountData": _account(charge, now)}


def account_status(book: Book, body: Body, now: datetime) -> Body:
    """How an account's charge stands, found by trxId or by the number."""
    return {"virtualAccountData": _account(_account_charge(book, body), now)}


def delete_account(book: Book, body: Body, now: datetime) -> Body:
    """End an unpaid account charge."""
    charge = _account_charge(book, body)
    book.cancel(charge)
    return {"virtualAccountData": _account(charge, now)}


CALLS: Final = (
    Call("/v1.0/qr/qr-mpm-generate", "47", generate_qr),
    Call("/v1.0/qr/qr-mpm-query", "51", query),
    Call("/v1.0/qr/qr-mpm-cancel", "77", cancel),
    Call("/v1.0/qr/qr-mpm-refund", "78", refund),
    Call("/v1.0/transfer-va/create-va", "27", create_account),
    Call("/v1.0/transfer-va/status", "26", account_status),
    Call("/v1.0/transfer-va/delete-va", "31", delete_account),
)


def _account(charge: Charge, now: datetime) -> Body:
    number = charge.account_number or ""
    status, description = charge.status(now)
    return {
        "partnerServiceId": number[:8],
        "customerNo": number[8:],
        "virtualAccountNo": number,
        "virtualAccountName": charge.account_name,
        "trxId": charge.partner_reference,
        "totalAmount": amount_object(charge.amount_minor),
        "expiredDate": snap.format_timestamp(charge.expires_at),
        "additionalInfo": {
            "referenceNo": charge.reference,
            "latestTransactionStatus": status,
            "transactionStatusDesc": description,
            "paidAmount": amount_object(charge.paid_minor),
        },
    }


def _original(book: Book, body: Body) -> Charge:
    reference = _optional_text(body, "originalPartnerReferenceNo")
    if reference is not None:
        return book.charge(reference)
    return book.charge_by_reference(_text(body, "originalReferenceNo"))


def _account_charge(book: Book, body: Body) -> Charge:
    reference = _optional_text(body, "trxId")
    charge = (
        book.charge(reference) if reference is not None else book.charge_by_account(_text(body, "virtualAccountNo"))
    )
    if charge.kind != "va":
        raise refusals.not_found()
    return charge


def _text(body: Body, name: str) -> str:
    value = _optional_text(body, name)
    if value is None:
        raise refusals.missing_field(name)
    return value


def _optional_text(body: Body, name: str) -> str | None:
    value = body.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > REFERENCE_CHARACTERS_MAX or not value.isprintable():
        raise refusals.invalid_field(name, f"text of at most {REFERENCE_CHARACTERS_MAX} characters")
    return value


def _amount(body: Body, name: str) -> int:
    value = body.get(name)
    if value is None:
        raise refusals.missing_field(name)
    if not isinstance(value, dict) or value.get("currency") != "IDR":
        raise refusals.invalid_field(name, 'an object {"value": "50000.00", "currency": "IDR"}')
    match = _AMOUNT.fullmatch(value["value"]) if isinstance(value.get("value"), str) else None
    if match is None or int(match[1]) == 0:
        raise refusals.invalid_field(f"{name}.value", 'whole rupiah above zero with two decimals, "50000.00"')
    return int(match[1])


def _until(body: Body, name: str, now: datetime, book: Book) -> datetime:
    text = _optional_text(body, name)
    if text is None:
        return now + DEFAULT_VALIDITY
    moment = snap.parse_timestamp(text)
    if moment is None:
        raise refusals.invalid_field(name, "ISO 8601 with offset, 2026-01-15T10:20:30+07:00")
    # A repeated request may come after the end of its charge: only a new charge must end in the future.
    is_repeat = book.find(str(body.get("partnerReferenceNo") or body.get("trxId"))) is not None
    if moment <= now and not is_repeat:
        raise refusals.invalid_field(name, "lies in the past")
    return moment
