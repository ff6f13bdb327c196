"""Facts of others, as programmes hears them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from shared.contracts.catalog import Payee, ProductListed, ShopOpened
from shared.contracts.cooperatives import (
    CooperativeRegistered,
    MeetingClosed,
    MemberAdmitted,
    MemberResigned,
    SurplusDistributed,
)
from shared.contracts.financing import CollectabilityChanged, LoanDisbursed, RepaymentReceived
from shared.contracts.orders import ParcelCompleted, ParcelLine, RefundMade
from shared.contracts.orders import RefundPart as Refunded


def opened(shop_id: UUID, region_code: str, at: datetime, owner_id: UUID | None = None) -> ShopOpened:
    return ShopOpened(shop_id=shop_id, owner_id=owner_id or uuid4(), region_code=region_code, sequence=1, opened_at=at)


def listed(shop_id: UUID, at: datetime) -> ProductListed:
    return ProductListed(
        product_id=uuid4(),
        shop_id=shop_id,
        version=1,
        title="Kopi",
        category="kopi-teh",
        unit_price_minor=10_000,
        currency="IDR",
        weight_grams=250,
        payees=(Payee(party_id=shop_id, share_basis_points=10_000),),
        sequence=3,
        listed_at=at,
    )


def completed(shop_id: UUID, region_code: str, at: datetime, goods_minor: int = 10_000) -> ParcelCompleted:
    return ParcelCompleted(
        order_id=uuid4(),
        parcel_id=uuid4(),
        shop_id=shop_id,
        buyer_id=uuid4(),
        cooperative_id=None,
        lines=(
            ParcelLine(
                product_id=uuid4(),
                quantity=1,
                amount_minor=goods_minor,
                payees=(Payee(party_id=shop_id, share_basis_points=10_000),),
            ),
        ),
        goods_minor=goods_minor,
        shipping_minor=5_000,
        currency="IDR",
        region_code=region_code,
        completed_by="buyer",
        completed_at=at,
    )


def refunded(shops: list[UUID], at: datetime) -> RefundMade:
    return RefundMade(
        order_id=uuid4(),
        refund_id=uuid4(),
        buyer_id=uuid4(),
        parcel_id=None,
        shop_id=None,
        payment_method="qris",
        amount_minor=15_000 * len(shops),
        currency="IDR",
        reason="damaged",
        parts=tuple(
            Refunded(
                parcel_id=uuid4(),
                shop_id=shop_id,
                cooperative_id=None,
                goods_minor=10_000,
                shipping_minor=5_000,
                lines=(),
            )
            for shop_id in shops
        ),
        refunded_at=at,
    )


def registered(cooperative_id: UUID, region_code: str, at: datetime) -> CooperativeRegistered:
    return CooperativeRegistered(
        cooperative_id=cooperative_id, kind="primer", region_code=region_code, registered_at=at
    )


def admitted(region_code: str, at: datetime) -> MemberAdmitted:
    return MemberAdmitted(
        cooperative_id=uuid4(), member_id=uuid4(), account_id=None, region_code=region_code, admitted_at=at
    )


def resigned(admission: MemberAdmitted) -> MemberResigned:
    said = admission.model_dump(exclude={"admitted_at"})
    return MemberResigned(**said, reason="resigned", resigned_at=admission.admitted_at)


def met(cooperative_id: UUID, at: datetime, kind: Any = "annual") -> MeetingClosed:
    return MeetingClosed(
        cooperative_id=cooperative_id,
        meeting_id=uuid4(),
        kind=kind,
        year=at.year - 1,
        members=20,
        present=15,
        has_quorum=True,
        motions_passed=1,
        motions_rejected=0,
        closed_at=at,
    )


def divided(cooperative_id: UUID, at: datetime, surplus_minor: int = 1_000_000) -> SurplusDistributed:
    return SurplusDistributed(
        cooperative_id=cooperative_id,
        year=at.year - 1,
        meeting_id=uuid4(),
        surplus_minor=surplus_minor,
        members_minor=surplus_minor // 2,
        members=20,
        currency="IDR",
        distributed_at=at,
    )


class Loan:
    """A loan and what becomes of it."""

    def __init__(self, region_code: str, at: datetime, shop_id: UUID | None = None) -> None:
        self.at = at
        self.region_code = region_code
        self.ids: dict[str, Any] = {
            "application_id": uuid4(),
            "loan_id": uuid4(),
            "lender_id": uuid4(),
            "shop_id": shop_id or uuid4(),
        }

    def disbursed(self) -> LoanDisbursed:
        return LoanDisbursed(
            **self.ids,
            amount_minor=12_000_000,
            currency="IDR",
            scheme="flat",
            tenor_months=12,
            total_minor=13_440_000,
            region_code=self.region_code,
            disbursed_at=self.at,
        )

    def moved(self, before: int, after: int) -> CollectabilityChanged:
        return CollectabilityChanged(
            **self.ids, before=before, after=after, days_past_due=91, changed_at=self.at + timedelta(days=1)
        )

    def repaid(self, outstanding_minor: int) -> RepaymentReceived:
        return RepaymentReceived(
            **self.ids,
            repayment_id=uuid4(),
            instalment_id=None,
            amount_minor=1_120_000,
            principal_minor=1_000_000,
            cost_minor=120_000,
            outstanding_minor=outstanding_minor,
            currency="IDR",
            received_at=self.at + timedelta(days=2),
        )
