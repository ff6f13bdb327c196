"""The rules of stock, purely: a table of cases, and a machine that plays any life of orders."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.catalog.domain.stock import Hold, OutOfTurn, RestockKind, Shelf, State, StockBook, Wanted
from shared.contracts.catalog import StockRefused, StockReserved

NOW = datetime(2026, 11, 24, tzinfo=UTC)
A, B = UUID(int=1), UUID(int=2)


def book_of(**shelves: Shelf) -> StockBook:
    return StockBook({{"a": A, "b": B}[name]: shelf for name, shelf in shelves.items()}, {})


@pytest.mark.parametrize(
    ("shelf", "wanted", "reason", "available"),
    [
        (Shelf(1, True, 10, 8), Wanted(A, 3, 1), "sold_out", 2),
        (Shelf(2, True, 10, 0), Wanted(A, 1, 1), "changed", 10),
        (Shelf(2, False, 10, 0), Wanted(A, 1, 2), "withdrawn", 0),
        (None, Wanted(A, 1, 1), "unknown", 0),
    ],
)
def test_why_a_line_is_refused(shelf: Shelf | None, wanted: Wanted, reason: str, available: int) -> None:
    book = StockBook({} if shelf is None else {A: shelf}, {})

    answer = book.reserve(uuid4(), 1, [wanted], NOW)

    assert isinstance(answer, StockRefused)
    assert [(s.reason, s.available) for s in answer.shortages] == [(reason, available)]
    assert book.moves == {}


def test_an_order_is_reserved_whole_or_not_at_all() -> None:
    book = book_of(a=Shelf(1, True, 5, 0), b=Shelf(1, True, 1, 0))

    refused = book.reserve(uuid4(), 1, [Wanted(A, 5, 1), Wanted(B, 2, 1)], NOW)
    reserved = book.reserve(uuid4(), 1, [Wanted(A, 5, 1), Wanted(B, 1, 1)], NOW)

    assert isinstance(refused, StockRefused)
    assert isinstance(reserved, StockReserved)
    assert (book.shelves[A].available, book.shelves[B].available) == (0, 0)


def test_two_lines_of_one_product_are_counted_together() -> None:
    book = book_of(a=Shelf(1, True, 5, 0))

    assert isinstance(book.reserve(uuid4(), 1, [Wanted(A, 3, 1), Wanted(A, 3, 1)], NOW), StockRefused)


def test_a_price_agreed_long_ago_is_no_reason_to_refuse() -> None:
    book = book_of(a=Shelf(9, True, 5, 0))

    assert isinstance(book.reserve(uuid4(), 2, [Wanted(A, 3)], NOW), StockReserved)


def test_a_stale_attempt_is_ignored_and_a_newer_one_takes_its_place() -> None:
    book, order = book_of(a=Shelf(1, True, 5, 0)), uuid4()
    book.reserve(order, 1, [Wanted(A, 3)], NOW)

    newer = book.reserve(order, 3, [Wanted(A, 4)], NOW)
    stale = book.reserve(order, 2, [Wanted(A, 1)], NOW)

    assert isinstance(newer, StockReserved)
    assert stale is None
    assert book.shelves[A].reserved == 4


def test_after_an_early_cancellation_the_first_attempt_comes_too_late_and_the_second_counts() -> None:
    book, order = book_of(a=Shelf(1, True, 5, 0)), uuid4()

    cancelled = book.cancel(order, NOW)
    first = book.reserve(order, 1, [Wanted(A, 3)], NOW)
    second = book.reserve(order, 2, [Wanted(A, 3)], NOW)

    assert (cancelled, first) == (None, None)
    assert isinstance(second, StockReserved)


def test_what_left_cannot_be_asked_for_again_and_a_cancellation_does_not_bring_it_back() -> None:
    book, order = book_of(a=Shelf(1, True, 5, 0)), uuid4()
    book.reserve(order, 1, [Wanted(A, 3)], NOW)
    book.commit(order, NOW)

    assert book.cancel(order, NOW) is None
    with pytest.raises(OutOfTurn):
        book.reserve(order, 2, [Wanted(A, 3)], NOW)
    assert (book.shelves[A].on_hand, book.shelves[A].reserved) == (2, 0)


@pytest.mark.parametrize("state", [None, State.REFUSED, State.RELEASED])
def test_an_order_without_stock_cannot_be_confirmed(state: State | None) -> None:
    order = uuid4()
    holds = {} if state is None else {order: Hold(order, 1, state, {A: 1}, {A: 0}, NOW, NOW)}

    with pytest.raises(OutOfTurn):
        StockBook({A: Shelf(1, True, 5, 0)}, holds).commit(order, NOW)


def test_no_more_comes_back_than_left() -> None:
    book, order, parcel = book_of(a=Shelf(1, True, 5, 0)), uuid4(), uuid4()
    book.reserve(order, 1, [Wanted(A, 3)], NOW)
    with pytest.raises(OutOfTurn):
        book.restock(RestockKind.PARCEL, order, parcel, [(A, 1)], NOW)
    book.commit(order, NOW)

    book.restock(RestockKind.RETURN, order, parcel, [(A, 2)], NOW)
    with pytest.raises(OutOfTurn):
        book.restock(RestockKind.RETURN, order, parcel, [(A, 2)], NOW)

    assert book.shelves[A].on_hand == 4
    assert (book.moves[A].sold, book.moves[A].returned) == (3, 2)


PRODUCTS = [UUID(int=i) for i in range(1, 5)]
ORDERS = [UUID(int=i) for i in range(100, 112)]
START = 20


class LifeOfStock(RuleBasedStateMachine):
    """Any sequence of what orders may say; what must hold of stock holds after each."""

    def __init__(self) -> None:
        super().__init__()
        self.book = StockBook({product: Shelf(1, True, START, 0) for product in PRODUCTS}, {})

    @rule(
        order=st.sampled_from(ORDERS),
        attempt=st.integers(1, 4),
        lines=st.lists(st.tuples(st.sampled_from(PRODUCTS), st.integers(1, 9)), min_size=1, max_size=4),
    )
    def reserve(self, order: UUID, attempt: int, lines: list[tuple[UUID, int]]) -> None:
        self._try(lambda: self.book.reserve(order, attempt, [Wanted(*line) for line in lines], NOW))

    @rule(order=st.sampled_from(ORDERS))
    def confirm(self, order: UUID) -> None:
        self._try(lambda: self.book.commit(order, NOW))

    @rule(order=st.sampled_from(ORDERS))
    def cancel(self, order: UUID) -> None:
        self.book.cancel(order, NOW)

    @rule(
        order=st.sampled_from(ORDERS),
        kind=st.sampled_from(RestockKind),
        line=st.tuples(st.sampled_from(PRODUCTS), st.integers(1, 9)),
    )
    def restock(self, order: UUID, kind: RestockKind, line: tuple[UUID, int]) -> None:
        self._try(lambda: self.book.restock(kind, order, order, [line], NOW))

    def _try(self, act: object) -> None:
        before = {product: (shelf.on_hand, shelf.reserved) for product, shelf in self.book.shelves.items()}
        try:
            act()  # type: ignore[operator]  # a lambda of any answer
        except OutOfTurn:
            after = {product: (shelf.on_hand, shelf.reserved) for product, shelf in self.book.shelves.items()}
            assert after == before, "a refusal moved stock"

    @invariant()
    def reserved_lies_between_nothing_and_what_is_there(self) -> None:
        assert all(0 <= shelf.reserved <= shelf.on_hand for shelf in self.book.shelves.values())

    @invariant()
    def nothing_is_lost_or_made(self) -> None:
        for product, shelf in self.book.shelves.items():
            move = self.book.moves.get(product)
            assert shelf.on_hand + (move.sold - move.returned if move else 0) == START
            assert move is None or (move.on_hand, move.reserved) == (shelf.on_hand - START, shelf.reserved)

    @invariant()
    def reserved_is_what_open_orders_hold(self) -> None:
        for product, shelf in self.book.shelves.items():
            held = [hold.lines.get(product, 0) for hold in self.book.holds.values() if hold.state is State.RESERVED]
            assert shelf.reserved == sum(held)


LifeOfStock.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLifeOfStock = LifeOfStock.TestCase
