"""Calls to the payment provider: made outside of any transaction, their answers recorded in one.

Each looks first whether it is still wanted, because it may have waited; each is repeated safely under our own reference
(the order's id for a charge, the refund's id for a refund).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import Order, OrderStatus, charge_refused, payment_deadline_passed
from services.orders.provider import CANCELLED, FAILED, Charge, PaidAlready, Provider
from services.orders.store import accounts
from services.orders.use_cases.give_back import REFUND
from services.orders.use_cases.receipts import Money
from services.orders.use_cases.receive_money import receive_money, take_all
from services.orders.use_cases.record_steps import CHARGE, CHECK, CHECK_ENDED, END_CHARGE, Taken, record_steps
from services.orders.use_cases.send_refund import fail_refund, make_refund, refund_of
from shared import calls_out
from shared.calls_out import Answered, CallOut, Purpose, Refused
from shared.clock import utc_now
from shared.db import Connection, Database


def purposes(db: Database, provider: Provider | None) -> Mapping[str, Purpose]:
    """How each call is made and recorded."""
    calls = Calls(db, provider)
    return {
        CHARGE: Purpose(calls.charge, record_charges, give_up_charge),
        CHECK: Purpose.alone(calls.ask, record_check, give_up_check),
        END_CHARGE: Purpose.alone(calls.end, record_end, leave_it),
        CHECK_ENDED: Purpose.alone(calls.ask, record_standing, leave_it),
        REFUND: Purpose.alone(calls.refund, record_refund, give_up_refund),
    }


def reference_of(order_id: UUID) -> str:
    """Our reference of an order's charge at the provider."""
    return order_id.hex


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls themselves."""

    db: Database
    provider: Provider | None

    @property
    def _provider(self) -> Provider:
        if self.provider is None:
            raise Refused("no payment provider is configured")
        return self.provider

    async def charge(self, call: CallOut) -> Charge | None:
        """Ask for the order's money; None when the order has ended or its time is over."""
        async with self.db.reading() as conn:
            subject = await store.charge_subject(conn, UUID(call.subject))
        if subject is None or subject.order_status is not OrderStatus.RESERVED:
            return None
        if subject.deadline_at is None or subject.deadline_at <= utc_now():
            return None
        reference = reference_of(UUID(call.subject))
        if subject.method == "va":
            return await self._provider.charge_by_account(reference, subject.amount_minor, until=subject.deadline_at)
        return await self._provider.charge_by_qris(reference, subject.amount_minor, until=subject.deadline_at)

    async def ask(self, call: CallOut) -> Charge:
        """How the charge stands."""
        return await self._provider.ask(reference_of(UUID(call.subject)))

    async def end(self, call: CallOut) -> bool:
        """Nobody shall pay any more; False when somebody has."""
        try:
            await self._provider.end(reference_of(UUID(call.subject)))
        except PaidAlready:
            return False
        return True

    async def refund(self, call: CallOut) -> str | None:
        """Send the money back; the provider's number of it, None when that is done already."""
        async with self.db.reading() as conn:
            found = await store.refund(conn, refund_of(call.subject))
        if found is None or found.status != "requested":
            return None
        refund = found.refund
        return await self._provider.give_back(
            refund.provider_reference, refund.refund_id.hex, refund.amount_minor, reason=refund.reason
        )


async def record_charges(conn: Connection, answered: Sequence[Answered]) -> None:
    """Their buyers can pay now, or have paid already, or never will."""
    now = utc_now()
    orders = await store.lock_orders(conn, [UUID(one.call.subject) for one in answered])
    made: list[tuple[Order, Charge]] = []
    for one in answered:
        order = orders.get(UUID(one.call.subject))
        if order is not None and one.answer is not None:
            made.append((order, one.answer))
        elif order is not None and order.status is not OrderStatus.RESERVED:
            await store.settle_charges(conn, [order.order_id], "ended")
    await store.charges_made(conn, [(order.order_id, charge) for order, charge in made], now=now)
    paid = [(order, charge) for order, charge in made if charge.paid_minor > 0]
    for order, charge in made:
        if charge.paid_minor == 0 and charge.status in {CANCELLED, FAILED}:
            await refuse_payment(conn, order)
        elif charge.paid_minor == 0 and order.status is not OrderStatus.RESERVED:
            await calls_out.request(conn, END_CHARGE, str(order.order_id), {})
    received = await take_all(conn, [(order, money_of(charge, now), None) for order, charge in paid], now=now)
    await accounts.post(conn, [movement for _, movements in received for movement in movements])


async def give_up_charge(conn: Connection, call: CallOut, why: str) -> None:
    """The provider will not take this payment: the order ends."""
    order = await store.lock_order(conn, UUID(call.subject))
    if order is not None:
        await refuse_payment(conn, order)


async def refuse_payment(conn: Connection, order: Order) -> None:
    """The (locked) order ends unpaid."""
    await store.settle_charges(conn, [order.order_id], "refused")
    await record_steps(conn, [Taken(order, charge_refused(order))], now=utc_now())


def money_of(charge: Charge, now: datetime) -> Money:
    """Money that the provider says it has."""
    return Money(Provider.name, charge.reference, charge.paid_minor, charge.paid_at or now)


async def record_check(conn: Connection, call: CallOut, charge: Charge) -> None:
    """The last word before an order expires: paid after all, or it ends now."""
    await record_standing(conn, call, charge)
    await give_up_check(conn, call, "")


async def give_up_check(conn: Connection, call: CallOut, why: str) -> None:
    """Unpaid, or nobody knows: the order ends. Money that comes later is dealt with as late."""
    order = await store.lock_order(conn, UUID(call.subject))
    if order is not None:
        await record_steps(conn, [Taken(order, payment_deadline_passed(order))], now=utc_now())


async def record_standing(conn: Connection, call: CallOut, charge: Charge) -> None:
    """Money that we were not told of."""
    if charge.paid_minor > 0:
        now = utc_now()
        await receive_money(conn, UUID(call.subject), money_of(charge, now), now=now)


async def record_end(conn: Connection, call: CallOut, is_ended: bool) -> None:
    """The charge has ended, or was paid in the last moment: then the provider is asked how much."""
    if is_ended:
        await store.settle_charges(conn, [UUID(call.subject)], "ended")
    else:
        await calls_out.request(conn, CHECK_ENDED, call.subject, {})


async def record_refund(conn: Connection, call: CallOut, refund_number: str | None) -> None:
    """The money is with the buyer again."""
    if refund_number is not None:
        await make_refund(conn, refund_of(call.subject), refund_number, now=utc_now())


async def give_up_refund(conn: Connection, call: CallOut, why: str) -> None:
    """The provider will not send it back: visible at the order and among the calls that failed, for people."""
    await fail_refund(conn, refund_of(call.subject), now=utc_now())


async def leave_it(conn: Connection, call: CallOut, why: str) -> None:
    """Nothing follows: the failed call stays listed."""
