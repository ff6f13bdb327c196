"""What other services told us of shops and people: our own copy, and the facts that a profile is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.financing.domain.credit_profile import Borrowing, Certificate, Membership, Month, ShopFacts
from services.financing.store.named import facts
from shared.contracts import catalog, cooperatives, orders, programmes
from shared.contracts.payouts import PayoutPaid, PayoutReturned
from shared.db import Connection


@dataclass(frozen=True, slots=True)
class MayKnow:
    """A lender that may be told of the event at `place` (counted from 0), under a consent or for its own loan."""

    place: int
    lender_id: UUID
    consent_id: UUID | None
    shop_id: UUID | None = None


async def open_shops(conn: Connection, events: Sequence[catalog.ShopOpened]) -> None:
    """Take over shops and their owners."""
    await facts.open_shops.run(
        conn,
        shop_ids=[event.shop_id for event in events],
        owner_ids=[event.owner_id for event in events],
        region_codes=[event.region_code for event in events],
        cooperative_ids=[event.cooperative_id for event in events],
        opened_ats=[event.opened_at for event in events],
        sequences=[event.sequence for event in events],
    )


async def change_owners(conn: Connection, events: Sequence[catalog.ShopStaffChanged]) -> None:
    """Who owns shops by their newest staff lists."""
    owners = [next((each.account_id for each in event.staff if each.role == "owner"), None) for event in events]
    await facts.change_owners.run(
        conn,
        shop_ids=[event.shop_id for event in events],
        owner_ids=owners,
        sequences=[event.sequence for event in events],
    )


async def count_categories(conn: Connection, events: Sequence[catalog.ProductListed]) -> None:
    """What shops list."""
    await facts.count_categories.run(
        conn,
        shop_ids=[event.shop_id for event in events],
        categories=[event.category for event in events],
    )


async def complete_sales(conn: Connection, events: Sequence[orders.ParcelCompleted]) -> None:
    """Sales that count."""
    await facts.complete_sales.run(
        conn,
        parcel_ids=[event.parcel_id for event in events],
        shop_ids=[event.shop_id for event in events],
        goods=[event.goods_minor for event in events],
        completed_ats=[event.completed_at for event in events],
    )


async def refund_sales(conn: Connection, events: Sequence[orders.RefundMade]) -> None:
    """What of sales was given back: goods only, as the profile counts them."""
    parts = [part for event in events for part in event.parts if part.goods_minor]
    if parts:
        await facts.refund_sales.run(
            conn,
            parcel_ids=[part.parcel_id for part in parts],
            shop_ids=[part.shop_id for part in parts],
            refunded=[part.goods_minor for part in parts],
        )


async def record_payouts(conn: Connection, events: Sequence[PayoutPaid | PayoutReturned]) -> None:
    """What reached bank accounts, or came back."""
    await facts.record_payouts.run(
        conn,
        payout_ids=[event.payout_id for event in events],
        payee_ids=[event.payee_id for event in events],
        amounts=[event.amount_minor for event in events],
        states=["paid" if isinstance(event, PayoutPaid) else "returned" for event in events],
        happened_ats=[event.paid_at if isinstance(event, PayoutPaid) else event.returned_at for event in events],
    )


async def admit_members(conn: Connection, events: Sequence[cooperatives.MemberAdmitted]) -> None:
    """Memberships of people with an account."""
    known = [(event, event.account_id) for event in events if event.account_id is not None]
    await facts.admit_members.run(
        conn,
        member_ids=[event.member_id for event, _ in known],
        cooperative_ids=[event.cooperative_id for event, _ in known],
        account_ids=[account_id for _, account_id in known],
        admitted_ats=[event.admitted_at for event, _ in known],
    )


async def end_memberships(conn: Connection, events: Sequence[cooperatives.MemberResigned]) -> None:
    """Who is no member any more."""
    await facts.end_memberships.run(
        conn,
        member_ids=[event.member_id for event in events],
        resigned_ats=[event.resigned_at for event in events],
    )


async def record_certificates(conn: Connection, events: Sequence[programmes.CertificateIssued]) -> None:
    """What people hold."""
    await facts.record_certificates.run(
        conn,
        certificate_ids=[event.certificate_id for event in events],
        person_ids=[event.person_id for event in events],
        schemes=[event.scheme for event in events],
        issued_ats=[event.issued_at for event in events],
        expires_ats=[event.expires_at for event in events],
    )


async def revoke_certificates(conn: Connection, events: Sequence[programmes.CertificateRevoked]) -> None:
    """What counts no more."""
    await facts.revoke_certificates.run(
        conn,
        certificate_ids=[event.certificate_id for event in events],
        revoked_ats=[event.revoked_at for event in events],
    )


async def forget_person(conn: Connection, account_id: UUID, *, erased_at: datetime) -> None:
    """All that we keep of the person beside contracts."""
    await facts.remember_erased.run(conn, account_id=account_id, erased_at=erased_at)
    await facts.erase_memberships.run(conn, account_id=account_id)
    await facts.erase_certificates.run(conn, account_id=account_id)
    await facts.disown_shops.run(conn, account_id=account_id)


async def share_owned(conn: Connection, shop_id: UUID, person_id: UUID) -> bool:
    """Whether the person owns the shop, as far as catalog has told us; it stays so until the transaction ends."""
    return await facts.share_owned_shop.row(conn, shop_id=shop_id, person_id=person_id) is not None


async def lock_owned(conn: Connection, shop_id: UUID, person_id: UUID) -> None:
    """Whoever asks for finance for this shop takes turns; a shop that is not theirs is not held."""
    await facts.lock_owned_shop.row(conn, shop_id=shop_id, person_id=person_id)


async def shop_facts(
    conn: Connection, shop_id: UUID, *, person_id: UUID, since: date, as_of: date, at: datetime
) -> ShopFacts | None:
    """Everything that a profile is made of, for the owner's shop; None when the shop is not theirs."""
    shop = await facts.owned_shop.row(conn, shop_id=shop_id, person_id=person_id)
    if shop is None:
        return None
    months = await facts.sales_months.rows(conn, shop_id=shop_id, since=since, until=as_of)
    members = await facts.live_memberships.rows(conn, person_id=person_id)
    certificates = await facts.live_certificates.rows(conn, person_id=person_id, at=at)
    borrowing = await facts.borrowing.row(conn, shop_id=shop_id, as_of=as_of)
    assert borrowing is not None
    return ShopFacts(
        shop_id=shop_id,
        region_code=shop["region_code"],
        sector=shop["sector"],
        opened_on=shop["opened_on"],
        months=[Month(*row.values()) for row in months],
        memberships=[Membership(*row.values()) for row in members],
        certificates=[Certificate(*row.values()) for row in certificates],
        borrowing=Borrowing(*borrowing.values()),
    )


async def who_may_know_of_sales(conn: Connection, shop_ids: Sequence[UUID], *, at: datetime) -> list[MayKnow]:
    """For each of these places (a shop may stand at several), the lenders that may hear of it."""
    rows = await facts.who_may_know_of_sales.rows(conn, shop_ids=list(shop_ids), at=at)
    return _once_per_lender([MayKnow(row["place"] - 1, row["lender_id"], row["consent_id"]) for row in rows])


async def who_may_know_of_certificates(conn: Connection, person_ids: Sequence[UUID], *, at: datetime) -> list[MayKnow]:
    """For each of these people, the lenders that may hear of their certificates, and the shop that it is about."""
    rows = await facts.who_may_know_of_certificates.rows(conn, person_ids=list(person_ids), at=at)
    found = [MayKnow(row["place"] - 1, row["lender_id"], row["consent_id"], row["shop_id"]) for row in rows]
    return _once_per_lender(found)


def _once_per_lender(found: list[MayKnow]) -> list[MayKnow]:
    """One row per place and lender, also when several consents would allow it."""
    return list({(each.place, each.lender_id): each for each in reversed(found)}.values())[::-1]
