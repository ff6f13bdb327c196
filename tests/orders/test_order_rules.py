"""The rules of orders, parcels and shipping as calculations: tables of cases, and a machine that tries everything."""

from datetime import date
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.orders.domain import parcel as parcels
from services.orders.domain import shipping
from services.orders.domain.order import (
    Effect,
    Order,
    OrderStatus,
    Step,
    Verdict,
    cancel,
    charge_refused,
    is_paid_at_the_door,
    money_received,
    parcels_ended,
    payment_deadline_passed,
    stock_refused,
    stock_reserved,
)
from services.orders.domain.parcel import Move, ParcelStatus, check_returned, move
from services.orders.domain.problems import MoreThanSent, NotCancellable, WrongParcelState
from services.orders.settings import OrdersSettings
from shared.contracts.orders import CancelReason, PaymentMethod

TOTAL = 50_000
P, R, CF, RC, CP, CA = (
    OrderStatus.PLACED,
    OrderStatus.RESERVED,
    OrderStatus.CONFIRMED,
    OrderStatus.RECLAIMING,
    OrderStatus.COMPLETED,
    OrderStatus.CANCELLED,
)


def an_order(
    status: OrderStatus,
    *,
    method: PaymentMethod = "qris",
    received: int = 0,
    attempt: int = 1,
    reason: CancelReason | None = None,
) -> Order:
    return Order(uuid4(), uuid4(), status, method, attempt, TOTAL, received, "IDR", reason)


E = Effect
CASES = [
    ("stock for a QRIS order", stock_reserved(an_order(P), 1), R, {E.ASK_PAYMENT}),
    ("stock for a COD order", stock_reserved(an_order(P, method="cod"), 1), CF, {E.CONFIRM}),
    ("stock of a stale attempt", stock_reserved(an_order(RC, attempt=2, received=TOTAL), 1), RC, set()),
    ("stock for late money", stock_reserved(an_order(RC, attempt=2, received=TOTAL), 2), CF, {E.CONFIRM, E.MARK_PAID}),
    ("stock for a cancelled order", stock_reserved(an_order(CA, reason="buyer"), 1), CA, set()),
    ("stock again for a reserved order", stock_reserved(an_order(R), 1), R, set()),
    ("no stock", stock_refused(an_order(P), 1), CA, {E.CANCEL}),
    ("no stock, stale", stock_refused(an_order(RC, attempt=2), 1), RC, set()),
    (
        "no stock for late money",
        stock_refused(an_order(RC, attempt=2, received=TOTAL), 2),
        CA,
        {E.CANCEL, E.REFUND_ALL},
    ),
    ("no stock after it was reserved", stock_refused(an_order(R), 1), R, set()),
    ("the charge is refused", charge_refused(an_order(R)), CA, {E.CANCEL}),
    ("the charge is refused too late", charge_refused(an_order(CF, received=TOTAL)), CF, set()),
    ("nobody paid", payment_deadline_passed(an_order(R)), CA, {E.CANCEL}),
    ("the deadline of a confirmed order", payment_deadline_passed(an_order(CF, received=TOTAL)), CF, set()),
    ("the buyer cancels", cancel(an_order(P), [ParcelStatus.PENDING], by="buyer"), CA, {E.CANCEL}),
    (
        "the buyer cancels what is paid",
        cancel(an_order(CF, received=TOTAL), [ParcelStatus.PENDING], by="buyer"),
        CA,
        {E.CANCEL, E.REFUND_ALL},
    ),
    (
        "the buyer cancels while late money asks for stock",
        cancel(an_order(RC, received=TOTAL, attempt=2), [ParcelStatus.CANCELLED], by="buyer"),
        CA,
        {E.CANCEL, E.REFUND_ALL},
    ),
    ("the last parcel is accepted", parcels_ended(an_order(CF), [ParcelStatus.COMPLETED]), CP, {E.COMPLETE}),
    (
        "one of two parcels is accepted",
        parcels_ended(an_order(CF), [ParcelStatus.COMPLETED, ParcelStatus.SHIPPED]),
        CF,
        set(),
    ),
    (
        "one parcel accepted, one cancelled",
        parcels_ended(an_order(CF), [ParcelStatus.COMPLETED, ParcelStatus.CANCELLED]),
        CP,
        {E.COMPLETE},
    ),
    ("all parcels cancelled", parcels_ended(an_order(CF), [ParcelStatus.CANCELLED]), CA, {E.CANCEL}),
]


@pytest.mark.parametrize(("what", "step", "status", "effects"), CASES, ids=[case[0] for case in CASES])
def test_what_an_order_becomes(what: str, step: Step, status: OrderStatus, effects: set[Effect]) -> None:
    assert (step.order.status, set(step.effects)) == (status, effects)
    assert (step.order.status is CA) == (step.order.cancel_reason is not None)


MONEY = [
    ("in time", an_order(R), TOTAL, Verdict.ACCEPTED, CF),
    ("too little", an_order(R), TOTAL - 1, Verdict.WRONG_AMOUNT, R),
    ("too much", an_order(R), TOTAL + 1, Verdict.WRONG_AMOUNT, R),
    ("twice", an_order(CF, received=TOTAL), TOTAL, Verdict.DUPLICATE, CF),
    ("after it expired", an_order(CA, reason="unpaid"), TOTAL, Verdict.LATE, RC),
    ("after it expired, wrong", an_order(CA, reason="unpaid"), TOTAL - 1, Verdict.WRONG_AMOUNT, CA),
    ("after the buyer cancelled", an_order(CA, reason="buyer"), TOTAL, Verdict.AFTER_CANCEL, CA),
    (
        "twice, after it was sent back",
        an_order(CA, reason="paid_too_late", received=TOTAL),
        TOTAL,
        Verdict.DUPLICATE,
        CA,
    ),
    ("before it was asked for", an_order(P), TOTAL, Verdict.AFTER_CANCEL, P),
]


@pytest.mark.parametrize(("what", "order", "amount", "verdict", "status"), MONEY, ids=[case[0] for case in MONEY])
def test_what_money_does(what: str, order: Order, amount: int, verdict: Verdict, status: OrderStatus) -> None:
    step, found = money_received(order, amount)

    assert (found, step.order.status) == (verdict, status)
    assert (step.order.received_minor == TOTAL) == (found.is_kept or order.received_minor == TOTAL)


@pytest.mark.parametrize("status", [CP, CA])
def test_what_has_ended_is_not_cancelled(status: OrderStatus) -> None:
    with pytest.raises(NotCancellable):
        cancel(an_order(status, reason="buyer" if status is CA else None), [], by="buyer")


@pytest.mark.parametrize("parcel", [ParcelStatus.SHIPPED, ParcelStatus.DELIVERED, ParcelStatus.COMPLETED])
def test_what_is_on_its_way_is_not_cancelled(parcel: ParcelStatus) -> None:
    with pytest.raises(NotCancellable):
        cancel(an_order(CF, received=TOTAL), [ParcelStatus.PENDING, parcel], by="buyer")


@pytest.mark.parametrize("what", list(Move))
@pytest.mark.parametrize("status", list(ParcelStatus))
def test_a_parcel_moves_only_from_where_it_may(status: ParcelStatus, what: Move) -> None:
    before, after = parcels.MOVES[what]
    if status is before:
        assert move(status, what) is after
    else:
        with pytest.raises(WrongParcelState):
            move(status, what)


def test_cash_is_complete_when_every_parcel_that_counts_was_paid_for() -> None:
    order = an_order(CF, method="cod", received=10)

    assert is_paid_at_the_door(order, [ParcelStatus.DELIVERED, ParcelStatus.CANCELLED, ParcelStatus.RETURNED])
    assert not is_paid_at_the_door(order, [ParcelStatus.DELIVERED, ParcelStatus.SHIPPED])
    assert not is_paid_at_the_door(an_order(CF, method="cod"), [ParcelStatus.CANCELLED])
    assert not is_paid_at_the_door(an_order(CF, received=TOTAL), [ParcelStatus.DELIVERED])


def test_no_more_comes_back_than_was_sent() -> None:
    a, b = uuid4(), uuid4()

    assert not check_returned({a: 2, b: 1}, {}, {a: 2})
    assert check_returned({a: 2, b: 1}, {a: 2}, {b: 1})
    with pytest.raises(MoreThanSent):
        check_returned({a: 2}, {a: 1}, {a: 2})
    with pytest.raises(MoreThanSent):
        check_returned({a: 2}, {}, {b: 1})


TARIFF = shipping.load(OrdersSettings.model_fields["shipping_file"].default)
DISTANCES = [
    ("18.01", "18.01", "same_regency"),
    ("18.01", "18.01.05", "same_regency"),
    ("18.01", "18.71", "same_province"),
    ("18", "18.71", "same_province"),
    ("18.01", "11.01", "same_island_group"),
    ("36.73", "31.71", "same_island_group"),
    ("18.01", "36.73", "other"),
    ("18.01", "99.01", "other"),
]


@pytest.mark.parametrize(("origin", "destination", "distance"), DISTANCES)
def test_how_far_a_parcel_goes(origin: str, destination: str, distance: str) -> None:
    assert TARIFF.distance(origin, destination) == distance


@pytest.mark.parametrize(("grams", "kilograms"), [(1, 1), (999, 1), (1000, 1), (1001, 2), (2500, 3)])
def test_every_started_kilogram_counts(grams: int, kilograms: int) -> None:
    fees = shipping.ShippingFees(TARIFF, TARIFF.on(date(2026, 11, 24)))

    assert fees.fee_minor(origin="18.01", destination="18.71", weight_grams=grams) == kilograms * 12_000


def test_rates_are_those_of_the_day() -> None:
    later = TARIFF.rates[0].model_copy(update={"valid_from": date(2027, 1, 1)})
    tariff = TARIFF.model_copy(update={"rates": [later, TARIFF.rates[0]]})

    assert tariff.on(date(2026, 12, 31)) == TARIFF.rates[0]
    assert tariff.on(date(2027, 1, 1)) == later
    with pytest.raises(LookupError):
        tariff.on(date(2019, 12, 31))


class AnOrdersLife(RuleBasedStateMachine):
    """Everything that can happen to one order, in any order, as often as it likes; money is conserved."""

    def __init__(self) -> None:
        super().__init__()
        self.order = an_order(P)
        self.came_in = self.went_back = 0
        self.is_stock_ours = False  # what catalog believes, told by our events
        self.answered = 0
        self.confirmed = self.paid = 0

    def take(self, step: Step) -> None:
        for effect in step.effects:
            if effect is Effect.REFUND_ALL:
                self.went_back += step.order.received_minor
            self.confirmed += effect is Effect.CONFIRM
            self.paid += effect is Effect.MARK_PAID
            if effect is Effect.CANCEL:
                self.is_stock_ours = False
        self.order = step.order

    @precondition(lambda self: self.answered < self.order.attempt)
    @rule()
    def catalog_reserves(self) -> None:
        self.answered = self.order.attempt
        self.is_stock_ours = self.order.status is not CA
        self.take(stock_reserved(self.order, self.answered))

    @precondition(lambda self: self.answered < self.order.attempt)
    @rule()
    def catalog_refuses(self) -> None:
        self.answered = self.order.attempt
        self.take(stock_refused(self.order, self.answered))

    @rule(attempt=st.integers(1, 3))
    def a_stale_answer_comes(self, attempt: int) -> None:
        if attempt < self.order.attempt:
            assert stock_reserved(self.order, attempt).order == self.order
            assert stock_refused(self.order, attempt).order == self.order

    @rule(amount=st.sampled_from([TOTAL, TOTAL, TOTAL - 1, 2 * TOTAL]))
    def money_comes(self, amount: int) -> None:
        step, verdict = money_received(self.order, amount)
        self.came_in += amount
        if not verdict.is_kept:
            self.went_back += amount
        self.take(step)

    @rule()
    def the_clock_strikes(self) -> None:
        self.take(payment_deadline_passed(self.order))

    @rule()
    def the_provider_refuses(self) -> None:
        self.take(charge_refused(self.order))

    @rule()
    def the_buyer_cancels(self) -> None:
        if self.order.status not in {CA, CP}:
            self.take(cancel(self.order, [ParcelStatus.PENDING], by="buyer"))

    @invariant()
    def money_is_conserved(self) -> None:
        kept = self.came_in - self.went_back
        assert kept in {0, TOTAL}
        assert (kept == TOTAL) == (self.order.status in {CF, RC, CP})

    @invariant()
    def what_is_confirmed_has_money_and_stock(self) -> None:
        if self.order.status is CF:
            assert self.order.received_minor == TOTAL and self.is_stock_ours
        assert self.confirmed == self.paid

    @invariant()
    def a_cancelled_order_has_a_reason_and_no_stock(self) -> None:
        assert (self.order.status is CA) == (self.order.cancel_reason is not None)
        if self.order.status is CA:
            assert not self.is_stock_ours


TestAnOrdersLife = AnOrdersLife.TestCase
TestAnOrdersLife.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
