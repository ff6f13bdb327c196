"""Take over what other services say of shops and people, and tell lenders who may know of it."""

from collections.abc import Sequence
from datetime import datetime

from services.financing.store import shops
from services.financing.use_cases.tell_lenders import LenderFact, tell
from shared.contracts import catalog, cooperatives, orders, programmes
from shared.contracts.payouts import PayoutPaid, PayoutReturned
from shared.db import Connection


async def take_over_shops(conn: Connection, events: Sequence[catalog.ShopOpened]) -> None:
    """Shops that opened."""
    await shops.open_shops(conn, events)


async def take_over_owners(conn: Connection, events: Sequence[catalog.ShopStaffChanged]) -> None:
    """Who owns shops."""
    await shops.change_owners(conn, events)


async def take_over_categories(conn: Connection, events: Sequence[catalog.ProductListed]) -> None:
    """What shops sell."""
    await shops.count_categories(conn, events)


async def take_over_sales(conn: Connection, events: Sequence[orders.ParcelCompleted], *, now: datetime) -> None:
    """Sales count for the profile; lenders hear of them in the buyer's own trace."""
    await shops.complete_sales(conn, events)
    may_know = await shops.who_may_know_of_sales(conn, [event.shop_id for event in events], at=now)
    await tell(
        conn,
        [
            LenderFact(
                each.lender_id,
                "lending.sale_completed.v1",
                {
                    "shop_id": event.shop_id,
                    "parcel_id": event.parcel_id,
                    "amount_minor": event.goods_minor,
                    "currency": event.currency,
                    "completed_at": event.completed_at,
                },
                consent_id=each.consent_id,
                traceparent=conn.traceparents.get(str(event.order_id)),
                subject={"shop_id": event.shop_id},
            )
            for each in may_know
            for event in (events[each.place],)
        ],
    )


async def take_over_refunds(conn: Connection, events: Sequence[orders.RefundMade]) -> None:
    """What of sales was given back. An instalment that was paid is never taken back for it."""
    await shops.refund_sales(conn, events)


async def take_over_payouts(
    conn: Connection, events: Sequence[PayoutPaid] | Sequence[PayoutReturned], *, now: datetime
) -> None:
    """What reached the bank account of a shop, or came back from it."""
    await shops.record_payouts(conn, events)
    may_know = await shops.who_may_know_of_sales(conn, [event.payee_id for event in events], at=now)
    facts = []
    for each in may_know:
        event = events[each.place]
        is_paid = isinstance(event, PayoutPaid)
        facts.append(
            LenderFact(
                each.lender_id,
                "lending.payout_paid.v1" if is_paid else "lending.payout_returned.v1",
                {
                    "shop_id": event.payee_id,
                    "payout_id": event.payout_id,
                    "amount_minor": event.amount_minor,
                    "currency": event.currency,
                    "happened_at": event.paid_at if isinstance(event, PayoutPaid) else event.returned_at,
                },
                consent_id=each.consent_id,
                traceparent=conn.traceparents.get(str(event.payee_id)),
                subject={"shop_id": event.payee_id},
            )
        )
    await tell(conn, facts)


async def take_over_members(conn: Connection, events: Sequence[cooperatives.MemberAdmitted]) -> None:
    """Who is a member."""
    await shops.admit_members(conn, events)


async def end_memberships(conn: Connection, events: Sequence[cooperatives.MemberResigned]) -> None:
    """Who is none any more."""
    await shops.end_memberships(conn, events)


async def take_over_certificates(
    conn: Connection, events: Sequence[programmes.CertificateIssued], *, now: datetime
) -> None:
    """What people have learnt."""
    await shops.record_certificates(conn, events)
    facts = []
    for each in await shops.who_may_know_of_certificates(conn, [event.person_id for event in events], at=now):
        event = events[each.place]
        facts.append(
            LenderFact(
                each.lender_id,
                "lending.certificate_issued.v1",
                {
                    "shop_id": each.shop_id,
                    "certificate_id": event.certificate_id,
                    "scheme": event.scheme,
                    "issued_at": event.issued_at,
                    "expires_at": event.expires_at,
                },
                consent_id=each.consent_id,
                traceparent=conn.traceparents.get(str(event.person_id)),
                subject={} if each.shop_id is None else {"shop_id": each.shop_id},
            )
        )
    await tell(conn, facts)


async def revoke_certificates(
    conn: Connection, events: Sequence[programmes.CertificateRevoked], *, now: datetime
) -> None:
    """What counts no more."""
    await shops.revoke_certificates(conn, events)
    facts = []
    for each in await shops.who_may_know_of_certificates(conn, [event.person_id for event in events], at=now):
        event = events[each.place]
        facts.append(
            LenderFact(
                each.lender_id,
                "lending.certificate_revoked.v1",
                {
                    "shop_id": each.shop_id,
                    "certificate_id": event.certificate_id,
                    "scheme": event.scheme,
                    "revoked_at": event.revoked_at,
                },
                consent_id=each.consent_id,
                traceparent=conn.traceparents.get(str(event.person_id)),
                subject={} if each.shop_id is None else {"shop_id": each.shop_id},
            )
        )
    await tell(conn, facts)
