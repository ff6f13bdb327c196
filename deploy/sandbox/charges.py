"""The provider's book: charges, what buyers paid, refunds, and the notifications that follow from a payment.

What must stay true: one merchant reference is one charge, one refund number one refund, whatever is repeated; a charge
is paid at most once; never more is refunded than was paid; a payment and its notifications are written together.
"""

import hashlib
import json
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from deploy.sandbox import refusals
from deploy.sandbox.sqlite import Database
from shared import qris, snap
from shared.calendar import WIB

# The platform as a merchant, in the name space that the research vectors reserve: nobody can pay it by accident.
MERCHANT: Final = qris.build(
    [
        qris.Tag("00", "01"),
        qris.Tag("01", qris.STATIC),
        qris.Tag("26", "0016ID.CO.CONTOH.WWW011893609999000000001902150000000000000190303UKE"),
        qris.Tag("51", "0014ID.CO.QRIS.WWW0215ID10990000000190303UKE"),
        qris.Tag("52", "5262"),
        qris.Tag("53", qris.RUPIAH_CODE),
        qris.Tag("58", "ID"),
        qris.Tag("59", "LUMBUNG UMKM"),
        qris.Tag("60", "BANDAR LAMPUNG"),
        qris.Tag("61", "35141"),
    ]
)
INITIATED, PAID, REFUNDED, CANCELLED, FAILED = "01", "00", "04", "05", "06"
ACCOUNT_PREFIX: Final = "   77001"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

State = Literal["open", "paid", "cancelled", "refused"]


@dataclass(frozen=True, slots=True)
class Charge:
    """Money asked for once, by QRIS or by a virtual account number."""

    partner_reference: str
    reference: str
    kind: Literal["qris", "va"]
    amount_minor: int
    qr_content: str | None
    account_number: str | None
    account_name: str
    state: State
    paid_minor: int
    paid_at: datetime | None
    expires_at: datetime
    created_at: datetime

    def status(self, now: datetime, *, refunded_minor: int = 0) -> tuple[str, str]:
        """SNAP's latestTransactionStatus and its description."""
        if self.state == "open":
            return (FAILED, "Expired") if now >= self.expires_at else (INITIATED, "Initiated")
        if self.state == "paid":
            return (REFUNDED, "Refunded") if 0 < self.paid_minor <= refunded_minor else (PAID, "Success")
        return (CANCELLED, "Canceled") if self.state == "cancelled" else (FAILED, "Failed")


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back from a paid charge."""

    partner_refund_no: str
    refund_no: str
    partner_reference: str
    amount_minor: int
    refunded_at: datetime


class Acceptance:
    """Whether a charge is answered at once, and how: the share that is paid, the same for the same reference."""

    def __init__(self, *, is_synchronous: bool, share: float) -> None:
        self._is_synchronous = is_synchronous
        self._share = share

    def first_state(self, partner_reference: str) -> State:
        """Open when buyers pay later; otherwise paid or refused, decided by the reference alone."""
        if not self._is_synchronous:
            return "open"
        draw = int.from_bytes(hashlib.sha256(partner_reference.encode()).digest()[:8]) / 2**64
        return "paid" if draw < self._share else "refused"


class Book:
    """The charges of one sandbox, in its SQLite file."""

    def __init__(self, database: Database, acceptance: Acceptance) -> None:
        self._database = database
        self._acceptance = acceptance

    def remember_external_id(self, external_id: str, *, now: datetime) -> None:
        """Refuse an X-EXTERNAL-ID that was used on the same day, in western Indonesian time."""
        day = snap.format_timestamp(now)[:10]
        if not self._database.execute("remember_external_id", day=day, external_id=external_id):
            raise refusals.external_id_reused()

    def forget_old_external_ids(self, *, now: datetime) -> None:
        """Drop what earlier days left."""
        self._database.execute("forget_external_ids", day=snap.format_timestamp(now)[:10])

    def ask_by_qris(self, partner_reference: str, amount_minor: int, expires_at: datetime, *, now: datetime) -> Charge:
        """A charge with a dynamic QRIS payload; the same reference gets the same charge, another amount a refusal."""
        known = self.find(partner_reference)
        if known is None:
            reference = _fresh_reference("Q")
            try:
                qr_content = qris.static_to_dynamic(MERCHANT, amount=amount_minor, reference=reference)
            except qris.QrisError as error:
                raise refusals.invalid_field("amount.value", str(error)) from error
            fresh = self._fresh(partner_reference, reference, amount_minor, expires_at, now)
            self._database.execute(
                "insert_charge", **fresh, kind="qris", qr_content=qr_content, account_number=None, account_name=""
            )
            known = self.charge(partner_reference)
        if known.kind != "qris" or known.amount_minor != amount_minor:
            raise refusals.duplicate_reference("partnerReferenceNo")
        return known

    def ask_by_account(
        self,
        partner_reference: str,
        amount_minor: int,
        expires_at: datetime,
        *,
        account_number: str | None,
        account_name: str,
        now: datetime,
    ) -> Charge:
        """A charge with a virtual account number, made up when the merchant names none; repeated like QRIS."""
        known = self.find(partner_reference)
        if known is None:
            fresh = self._fresh(partner_reference, _fresh_reference("V"), amount_minor, expires_at, now)
            number = account_number or ACCOUNT_PREFIX + f"{secrets.randbelow(10**11):011d}"
            inserted = self._database.execute(
                "insert_charge", **fresh, kind="va", qr_content=None, account_number=number, account_name=account_name
            )
            if not inserted:
                raise refusals.duplicate_reference("virtualAccountNo")
            known = self.charge(partner_reference)
        is_same_number = account_number in {None, known.account_number}
        if known.kind != "va" or known.amount_minor != amount_minor or not is_same_number:
            raise refusals.duplicate_reference("trxId")
        return known

    def _fresh(
        self, partner_reference: str, reference: str, amount_minor: int, expires_at: datetime, now: datetime
    ) -> dict[str, str | int | None]:
        state = self._acceptance.first_state(partner_reference)
        return {
            "partner_reference": partner_reference,
            "reference": reference,
            "amount_minor": amount_minor,
            "status": state,
            "paid_minor": amount_minor if state == "paid" else 0,
            "paid_at": _milliseconds(now) if state == "paid" else None,
            "expires_at": _milliseconds(expires_at),
            "created_at": _milliseconds(now),
        }

    def find(self, partner_reference: str) -> Charge | None:
        """The charge with the merchant's reference, if any."""
        return _charge(self._database.row("charge_by_partner_reference", partner_reference=partner_reference))

    def charge(self, partner_reference: str) -> Charge:
        """The charge with the merchant's reference; refuses when there is none."""
        found = self.find(partner_reference)
        if found is None:
            raise refusals.not_found()
        return found

    def charge_by_reference(self, reference: str) -> Charge:
        """The charge with the provider's own reference; refuses when there is none."""
        found = _charge(self._database.row("charge_by_reference", reference=reference))
        if found is None:
            raise refusals.not_found()
        return found

    def charge_by_payload(self, qr_content: str) -> Charge:
        """The charge that a scanned code belongs to; refuses when there is none."""
        found = _charge(self._database.row("charge_by_qr_content", qr_content=qr_content))
        if found is None:
            raise refusals.not_found()
        return found

    def charge_by_account(self, account_number: str) -> Charge:
        """The newest charge of an account number, written with or without its leading spaces."""
        for number in (account_number, account_number.strip(), ACCOUNT_PREFIX[:3] + account_number.strip()):
            found = _charge(self._database.row("charge_by_account_number", account_number=number))
            if found is not None:
                return found
        raise refusals.not_found()

    def newest(self, at_most: int) -> list[Charge]:
        """The newest charges first."""
        rows = self._database.rows("newest_charges", at_most=at_most)
        return [charge for row in rows if (charge := _charge(row)) is not None]

    def notifications_of(self, partner_reference: str) -> list[dict[str, str | int]]:
        """What was told to the merchant about a charge, and how that went."""
        return [dict(row) for row in self._database.rows("notifications_of", partner_reference=partner_reference)]

    def cancel(self, charge: Charge) -> None:
        """End an unpaid charge; ending it again changes nothing, a paid one refuses."""
        if charge.state == "paid":
            raise refusals.paid_bill()
        self._database.execute("mark_cancelled", partner_reference=charge.partner_reference)

    def refunded_minor(self, charge: Charge) -> int:
        """What was given back so far, in rupiah."""
        row = self._database.row("refunded_total", partner_reference=charge.partner_reference)
        return int(row["total"]) if row else 0

    def refund(self, charge: Charge, partner_refund_no: str, amount_minor: int, *, now: datetime) -> Refund:
        """Give money back; the same refund number gives the same refund, other content under it a refusal."""
        with self._database.transaction():
            row = self._database.row("refund_by_number", partner_refund_no=partner_refund_no)
            if row is not None:
                if (row["partner_reference"], row["amount_minor"]) != (charge.partner_reference, amount_minor):
                    raise refusals.duplicate_reference("partnerRefundNo")
                return _refund(row)
            if charge.state != "paid":
                raise refusals.not_permitted("Not paid")
            left = charge.paid_minor - self.refunded_minor(charge)
            if amount_minor > left:
                raise refusals.exceeds_amount(f"{left} rupiah left of what was paid")
            fresh = Refund(partner_refund_no, _fresh_reference("R"), charge.partner_reference, amount_minor, now)
            self._database.execute(
                "insert_refund",
                partner_refund_no=fresh.partner_refund_no,
                refund_no=fresh.refund_no,
                partner_reference=fresh.partner_reference,
                amount_minor=fresh.amount_minor,
                refunded_at=_milliseconds(now),
            )
            return fresh

    def pay(
        self,
        charge: Charge,
        *,
        amount_minor: int,
        notify_at: datetime,
        times: int,
        is_late_allowed: bool,
        now: datetime,
    ) -> Charge:
        """A buyer pays: the charge is marked and `times` notifications are queued for `notify_at`.

        Refused when paid before, and when expired or cancelled unless `is_late_allowed`.
        """
        if charge.state == "paid":
            raise refusals.paid_bill()
        if not is_late_allowed and (charge.state != "open" or now >= charge.expires_at):
            raise refusals.not_permitted("Expired" if charge.state == "open" else charge.state.capitalize())
        reference = charge.partner_reference
        with self._database.transaction():
            touched = self._database.execute(
                "mark_paid", partner_reference=reference, paid_minor=amount_minor, paid_at=_milliseconds(now)
            )
            if not touched:
                raise refusals.paid_bill()
            paid = self.charge(reference)
            body = json.dumps(_notice(paid, now), ensure_ascii=False).encode()
            for _ in range(times):
                due_at = _milliseconds(notify_at)
                self._database.execute("insert_notification", partner_reference=reference, body=body, due_at=due_at)
        return paid


def amount_object(amount_minor: int) -> dict[str, str]:
    """Rupiah as SNAP writes them: two decimals, currency beside it."""
    return {"value": f"{amount_minor}.00", "currency": "IDR"}


def _notice(charge: Charge, now: datetime) -> dict[str, object]:
    status, description = charge.status(now)
    notice: dict[str, object] = {
        "originalReferenceNo": charge.reference,
        "originalPartnerReferenceNo": charge.partner_reference,
        "latestTransactionStatus": status,
        "transactionStatusDesc": description,
        "amount": amount_object(charge.paid_minor),
        "paidTime": snap.format_timestamp(charge.paid_at or now),
        "externalStoreId": "LUMBUNG",
        "additionalInfo": {"channel": charge.kind, "expiredTime": snap.format_timestamp(charge.expires_at)},
    }
    if charge.account_number is not None:
        notice["virtualAccountNo"] = charge.account_number
    return notice


def _fresh_reference(prefix: str) -> str:
    return prefix + secrets.token_hex(9).upper()


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=WIB)


def _charge(row: sqlite3.Row | None) -> Charge | None:
    if row is None:
        return None
    return Charge(
        partner_reference=row["partner_reference"],
        reference=row["reference"],
        kind=row["kind"],
        amount_minor=row["amount_minor"],
        qr_content=row["qr_content"],
        account_number=row["account_number"],
        account_name=row["account_name"],
        state=row["status"],
        paid_minor=row["paid_minor"],
        paid_at=_moment(row["paid_at"]) if row["paid_at"] is not None else None,
        expires_at=_moment(row["expires_at"]),
        created_at=_moment(row["created_at"]),
    )


def _refund(row: sqlite3.Row) -> Refund:
    return Refund(
        partner_refund_no=row["partner_refund_no"],
        refund_no=row["refund_no"],
        partner_reference=row["partner_reference"],
        amount_minor=row["amount_minor"],
        refunded_at=_moment(row["refunded_at"]),
    )
