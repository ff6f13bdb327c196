"""What people are told, in Indonesian. Texts hold no more than the recipient needs: they pass through other hands."""

from typing import Literal, TypeAlias
from uuid import UUID

from services.identity.domain.contacts import ContactKind

Channel: TypeAlias = Literal["sms", "email"]
OrderNotice: TypeAlias = Literal["order_confirmed", "parcel_shipped", "order_cancelled"]

_ORDER_TEXTS: dict[OrderNotice, str] = {
    "order_confirmed": "Lumbung: pesanan {order} sudah dikonfirmasi dan sedang disiapkan penjual.",
    "parcel_shipped": "Lumbung: paket dari pesanan {order} sudah dikirim.",
    "order_cancelled": "Lumbung: pesanan {order} dibatalkan. Uang yang sudah dibayar akan dikembalikan.",
}


def channel_of(kind: ContactKind) -> Channel:
    """How a contact of this kind is reached."""
    return "sms" if kind == "phone" else "email"


def code_text(digits: str, *, purpose: str) -> str:
    """The message that carries a one-time code."""
    use = "masuk" if purpose == "sign_in" else "verifikasi"
    return f"Kode {use} Lumbung: {digits}. Berlaku 5 menit. Jangan berikan kode ini kepada siapa pun."


def already_registered_text() -> str:
    """To the owner of a contact that somebody tried to register again."""
    return (
        "Lumbung: ada yang mencoba mendaftar dengan kontak Anda, yang sudah terdaftar. Jika itu Anda, silakan masuk "
        "dengan kode. Jika bukan, abaikan pesan ini."
    )


def order_text(notice: OrderNotice, order_id: UUID) -> str:
    """About an order, named by the last eight digits of its id."""
    return _ORDER_TEXTS[notice].format(order=order_id.hex[-8:].upper())
