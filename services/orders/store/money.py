"""Charges, receipts and refunds, with their orders locked before."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.orders.domain.order import OrderStatus, Verdict
from services.orders.domain.refunds import RefundedPart
from services.orders.store.named import queries
from shared.db import Connection


class Incoming(Protocol):
    """Money that came in."""

    @property
    def provider(self) -> str: ...

    @property
    def provider_reference(self) -> str: ...

    @property
    def amount_minor(self) -> int: ...

    @property
    def received_at(self) -> datetime: ...


class MadeCharge(Protocol):
    """What the provider made for us."""

    @property
    def reference(self) -> str: ...

    @property
    def qr_payload(self) -> str | None: ...

    @property
    def account_number(self) -> str | None: ...

    @property
    def expires_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that came in and is not wholly given back."""

    order_id: UUID
    provider: str
    provider_reference: str
    left_minor: int


@dataclass(frozen=True, slots=True)
class NewRefund:
    """Part of a receipt that must go back."""

    refund_id: UUID
    order_id: UUID
    parcel_id: UUID | None
    shop_id: UUID | None
    provider: str
    provider_reference: str
    amount_minor: int
    reason: str
    requested_by: UUID | None
    parts: tuple[RefundedPart, ...] = ()  # whose money it is; none when it was never the order's


async def insert_receipts(conn: Connection, receipts: Sequence[tuple[UUID, Incoming, Verdict]]) -> set[tuple[str, str]]:
    """Record money that came in for orders; provider and reference of what was not known already."""
    if not receipts:
        return set()
    rows = await queries.insert_receipts.rows(
        conn,
        providers=[money.provider for _, money, _ in receipts],
        provider_references=[money.provider_reference for _, money, _ in receipts],
        order_ids=[order_id for order_id, _, _ in receipts],
        amounts_minor=[money.amount_minor for _, money, _ in receipts],
        verdicts=[verdict.value for _, _, verdict in receipts],
        received_at=[money.received_at for _, money, _ in receipts],
    )
    return {(row["provider"], row["provider_reference"]) for row in rows}


async def lock_receipts(conn: Connection, order_ids: Iterable[UUID]) -> list[Receipt]:
    """The money that counts for these orders and can still be given back, locked."""
    rows = await queries.lock_receipts.rows(conn, order_ids=list(order_ids))
    return [
        Receipt(
            row["order_id"], row["provider"], row["provider_reference"], row["amount_minor"] - row["refunded_minor"]
        )
        for row in rows
    ]


async def insert_refunds(conn: Connection, refunds: Sequence[NewRefund], *, now: datetime) -> None:
    """Write down what must go back, and count it against its receipts."""
    taken: dict[tuple[str, str], int] = defaultdict(int)
    for refund in refunds:
        taken[refund.provider, refund.provider_reference] += refund.amount_minor
    await queries.take_from_receipts.run(
        conn,
        providers=[provider for provider, _ in taken],
        provider_references=[reference for _, reference in taken],
        amounts_minor=list(taken.values()),
    )
    await queries.insert_refunds.run(
        conn,
        refund_ids=[refund.refund_id for refund in refunds],
        order_ids=[refund.order_id for refund in refunds],
        parcel_ids=[refund.parcel_id for refund in refunds],
        shop_ids=[refund.shop_id for refund in refunds],
        providers=[refund.provider for refund in refunds],
        provider_references=[refund.provider_reference for refund in refunds],
        amounts_minor=[refund.amount_minor for refund in refunds],
        reasons=[refund.reason for refund in refunds],
        requested_by=[refund.requested_by for refund in refunds],
        now=now,
    )


async def receive_cash(conn: Connection, cash: Sequence[tuple[UUID, UUID, int]], *, now: datetime) -> None:
    """Cash taken at the door: parcel, order, amount."""
    order_ids = [order_id for _, order_id, _ in cash]
    amounts_minor = [amount_minor for _, _, amount_minor in cash]
    await queries.add_received.run(conn, order_ids=order_ids, amounts_minor=amounts_minor)
    await queries.insert_cash_receipts.run(
        conn,
        parcel_ids=[parcel_id for parcel_id, _, _ in cash],
        order_ids=order_ids,
        amounts_minor=amounts_minor,
        now=now,
    )


async def insert_charges(conn: Connection, charges: Sequence[tuple[UUID, int]], *, now: datetime) -> None:
    """The provider will be asked for these amounts."""
    await queries.insert_charges.run(
        conn,
        order_ids=[order_id for order_id, _ in charges],
        amounts_minor=[amount_minor for _, amount_minor in charges],
        now=now,
    )


async def open_charges(conn: Connection, order_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the orders whose charge could still be paid."""
    return [row["order_id"] for row in await queries.open_charges_of.rows(conn, order_ids=order_ids)]


async def settle_charges(conn: Connection, order_ids: Sequence[UUID], status: str) -> None:
    """The charges are paid, refused or ended; what was paid stays paid."""
    if order_ids:
        await queries.settle_charges.run(conn, order_ids=order_ids, status=status)


@dataclass(frozen=True, slots=True)
class ChargeSubject:
    """What the provider is asked for, and whether it still should be."""

    order_status: OrderStatus
    method: str
    amount_minor: int
    deadline_at: datetime | None
    provider_reference: str | None


async def charge_subject(conn: Connection, order_id: UUID) -> ChargeSubject | None:
    """The charge of an order, None when it has none."""
    row = await queries.charge_subject.row(conn, order_id=order_id)
    if row is None:
        return None
    return ChargeSubject(
        OrderStatus(row["status"]),
        row["payment_method"],
        row["amount_minor"],
        row["deadline_at"],
        row["provider_reference"],
    )


async def charges_made(conn: Connection, made: Sequence[tuple[UUID, MadeCharge]], *, now: datetime) -> None:
    """What the provider answered when it was asked for these orders' charges."""
    if not made:
        return
    await queries.charges_made.run(
        conn,
        order_ids=[order_id for order_id, _ in made],
        provider_references=[charge.reference for _, charge in made],
        qr_payloads=[charge.qr_payload for _, charge in made],
        account_numbers=[charge.account_number for _, charge in made],
        expire_at=[charge.expires_at for _, charge in made],
        now=now,
    )


async def mark_checks(conn: Connection, order_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these orders whose charge was not asked about yet, marked so."""
    return {row["order_id"] for row in await queries.mark_checks.rows(conn, order_ids=order_ids)}


@dataclass(frozen=True, slots=True)
class RefundSubject:
    """A refund, and the order that it belongs to as far as its fact tells it."""

    refund: NewRefund
    status: str


async def refund(conn: Connection, refund_id: UUID) -> RefundSubject | None:
    """One refund."""
    row = await queries.refund.row(conn, refund_id=refund_id)
    if row is None:
        return None
    found = NewRefund(
        refund_id=row["refund_id"],
        order_id=row["order_id"],
        parcel_id=row["parcel_id"],
        shop_id=row["shop_id"],
        provider=row["provider"],
        provider_reference=row["provider_reference"],
        amount_minor=row["amount_minor"],
        reason=row["reason"],
        requested_by=row["requested_by"],
    )
    return RefundSubject(found, row["status"])


async def finish_refund(
    conn: Connection,
    refund_id: UUID,
    *,
    is_made: bool,
    refund_number: str | None,
    event_id: UUID | None,
    now: datetime,
) -> bool:
    """Record what became of a refund, and the event that says so; False when that is known already."""
    return bool(
        await queries.finish_refund.run(
            conn,
            refund_id=refund_id,
            status="made" if is_made else "failed",
            made_at=now if is_made else None,
            refund_number=refund_number,
            event_id=event_id,
        )
    )
