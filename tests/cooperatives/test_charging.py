"""Orders paid from savings, as cooperatives hears of them: each event once, twice, killed, early, and in races."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.cooperatives.handlers import handlers
from shared.clock import utc_now
from shared.contracts.cooperatives import SavingsCharged, SavingsRefused
from shared.contracts.orders import RefundMade, SavingsChargeRequested
from shared.testing.delivery import check_handler, deliver, delivery_of, published
from tests.cooperatives.conftest import PRINCIPAL, Cooperative, Member, Office


def charge_of(cooperative_id: UUID, buyer_id: UUID, amount_minor: int, **other: Any) -> SavingsChargeRequested:
    """What orders asks."""
    now = utc_now()
    said: dict[str, Any] = {
        "order_id": uuid4(),
        "charge_id": uuid4(),
        "cooperative_id": cooperative_id,
        "buyer_id": buyer_id,
        "amount_minor": amount_minor,
        "currency": "IDR",
        "expires_at": now + timedelta(minutes=15),
        "requested_at": now,
    }
    return SavingsChargeRequested(**(said | other))


def charge(cooperative: Cooperative, member: Member, amount_minor: int, **other: Any) -> SavingsChargeRequested:
    """What orders asks of a member."""
    return charge_of(cooperative.cooperative_id, member.person.account_id, amount_minor, **other)


def refund(charged: SavingsChargeRequested, amount_minor: int, *, method: Any = "savings") -> RefundMade:
    """What orders says when money goes back."""
    return RefundMade(
        order_id=charged.order_id,
        refund_id=uuid4(),
        buyer_id=charged.buyer_id,
        parcel_id=None,
        shop_id=None,
        payment_method=method,
        amount_minor=amount_minor,
        currency="IDR",
        reason="cancelled",
        refunded_at=utc_now(),
    )


async def reason_for(office: Office, charged: SavingsChargeRequested) -> str:
    """Why a charge was refused: exactly one answer."""
    (refused,) = await published(office.db, SavingsRefused, charge_id=charged.charge_id)
    assert await published(office.db, SavingsCharged, charge_id=charged.charge_id) == []
    return refused.reason


async def dead(office: Office, order_id: UUID) -> int:
    """How many events of an order were set aside."""
    async with office.db.reading() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM dead_letters WHERE ordering_key = $1", str(order_id)))


async def test_a_charge_is_taken_once_and_owed_to_the_market(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=50_000)
    asked = charge(cooperative, member, 30_000)

    await check_handler(office.db, handlers, asked)
    await deliver(office.db, handlers, asked)  # under another event id, as a re-emit would

    (answer,) = await published(office.db, SavingsCharged, charge_id=asked.charge_id)
    trial = await office.trial(cooperative)
    assert (answer.member_id, answer.order_id, answer.amount_minor) == (member.member_id, asked.order_id, 30_000)
    assert (trial["2101"], trial["2301"]) == (-20_000, -30_000)


async def test_what_cannot_be_charged_is_refused_with_the_reason(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=10_000)
    candidate = await office.candidate(cooperative)
    cases = {
        "too_little": charge(cooperative, member, 10_001),
        "not_a_member": charge_of(cooperative.cooperative_id, uuid4(), 1),
        "unknown_cooperative": charge_of(uuid4(), member.person.account_id, 1),
        "expired": charge(cooperative, member, 1, expires_at=utc_now() - timedelta(seconds=1)),
    }

    for asked in cases.values():
        await check_handler(office.db, handlers, asked)
    await office.hear(waiting := charge(cooperative, candidate, 1))

    assert {reason: await reason_for(office, asked) for reason, asked in cases.items()} == {r: r for r in cases}
    assert await reason_for(office, waiting) == "not_a_member"
    assert (await office.trial(cooperative))["2101"] == -10_000


async def test_a_batch_decides_each_charge_for_itself_in_its_order(office: Office) -> None:
    cooperative = await office.cooperative()
    member, other = await office.member(cooperative, voluntary_minor=10_000), await office.member(cooperative)
    asked = [
        charge(cooperative, member, 6_000),
        charge(cooperative, member, 6_000),
        charge(cooperative, member, 4_000),
        charge(cooperative, other, 1),
    ]

    await office.hear(*asked)

    charged = await published(office.db, SavingsCharged, cooperative_id=cooperative.cooperative_id)
    assert {answer.charge_id for answer in charged} == {asked[0].charge_id, asked[2].charge_id}
    assert [await reason_for(office, asked[i]) for i in (1, 3)] == ["too_little", "too_little"]


async def test_charges_and_withdrawals_at_once_never_overdraw(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=50_000)
    path = f"{cooperative.path}{member.path}/withdrawals"

    paid = await asyncio.gather(
        *(office.post(path, cooperative.treasurer, {"amount_minor": 10_000}) for _ in range(6)),
        *(office.hear(charge(cooperative, member, 10_000)) for _ in range(6)),
    )

    charged = await published(office.db, SavingsCharged, cooperative_id=cooperative.cooperative_id)
    withdrawn = sum(answer is not None and answer.status_code == 201 for answer in paid)
    assert withdrawn + len(charged) == 5
    assert (await office.shown(cooperative, member))["voluntary_minor"] == 0


async def test_money_held_for_a_withdrawal_pays_no_order(office: Office) -> None:
    cooperative = await office.cooperative(withdrawal_limit_minor=0)
    member = await office.member(cooperative, voluntary_minor=10_000)
    path = f"{cooperative.path}{member.path}/withdrawals"
    await office.post(path, cooperative.treasurer, {"amount_minor": 8_000}, status=201)

    await office.hear(asked := charge(cooperative, member, 3_000))

    assert await reason_for(office, asked) == "too_little"


@pytest.mark.parametrize("broken", [{"amount_minor": 0}, {"currency": "USD"}])
async def test_a_charge_that_no_savings_could_pay_is_set_aside(office: Office, broken: dict[str, Any]) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=1_000)
    good = charge(cooperative, member, 1_000)
    bad = charge(cooperative, member, **({"amount_minor": 1_000} | broken))

    await deliver(office.db, handlers, bad, good)

    assert (await dead(office, bad.order_id), await dead(office, good.order_id)) == (1, 0)
    assert len(await published(office.db, SavingsCharged, charge_id=good.charge_id)) == 1


async def test_refunds_come_back_to_the_savings_and_never_more_than_was_taken(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=50_000)
    asked = charge(cooperative, member, 30_000)
    await office.hear(asked)

    first = refund(asked, 10_000)
    await check_handler(office.db, handlers, first)
    await deliver(office.db, handlers, first)
    await office.hear(refund(asked, 20_000))
    await office.hear(refund(asked, 5, method="qris"))
    await office.hear(refund(asked, 1))

    trial = await office.trial(cooperative)
    assert (trial["2101"], trial["2301"]) == (-50_000, 0)
    assert await dead(office, asked.order_id) == 1  # the one rupiah too many; what orders paid otherwise is not ours


async def test_a_refund_to_who_left_is_owed_to_them(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=50_000)
    asked = charge(cooperative, member, 50_000)
    await office.hear(asked)
    await office.post(f"{cooperative.path}{member.path}/end", cooperative.chair, {"reason": "resigned"}, status=201)
    path = f"{cooperative.path}{member.path}/withdrawals"
    payable = {"kind": "payable", "amount_minor": 100_000}
    await office.post(path, cooperative.treasurer, payable, status=201)

    await check_handler(office.db, handlers, refund(asked, 40_000))

    shown = await office.shown(cooperative, member)
    assert (shown["voluntary_minor"], shown["payable_minor"]) == (0, 40_000)


async def test_a_refund_without_a_charge_is_set_aside(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=1_000)
    refused = charge(cooperative, member, 2_000)
    await office.hear(refused)

    await office.hear(delivery := refund(refused, 2_000))

    assert await dead(office, delivery.order_id) == 1
    assert (await office.trial(cooperative))["2101"] == -1_000


async def test_a_charge_and_its_refund_in_one_batch_end_as_one_after_the_other(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=9_000)
    asked = charge(cooperative, member, 9_000)

    await deliver(office.db, handlers, delivery_of(asked), delivery_of(refund(asked, 4_000)))

    trial = await office.trial(cooperative)
    assert (trial["2101"], trial["2301"]) == (-4_000, -5_000)


async def test_who_leaves_while_orders_are_paid_is_charged_before_or_not_at_all(office: Office) -> None:
    cooperative = await office.cooperative()
    members = [await office.member(cooperative, voluntary_minor=10_000) for _ in range(4)]
    asked = [charge(cooperative, member, 4_000) for member in members for _ in range(2)]
    ends = [f"{cooperative.path}{member.path}/end" for member in members]

    await asyncio.gather(
        *(office.hear(*asked[at::4]) for at in range(4)),
        *(office.post(end, cooperative.chair, {"reason": "resigned"}, status=201) for end in ends),
    )

    charged = await published(office.db, SavingsCharged, cooperative_id=cooperative.cooperative_id)
    refused = await published(office.db, SavingsRefused, cooperative_id=cooperative.cooperative_id)
    trial = await office.trial(cooperative)
    assert len(charged) + len(refused) == len(asked)
    assert {answer.reason for answer in refused} <= {"not_a_member"}
    assert (trial["2101"], trial["2301"]) == (0, -4_000 * len(charged))
    assert trial["2102"] == -(4 * (PRINCIPAL + 10_000) - 4_000 * len(charged))
