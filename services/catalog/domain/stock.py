"""Stock: what is on the shelf, what is set aside for orders, and the rules by which it moves.

For every product, at every moment: 0 <= reserved <= on hand, and on hand + sold - returned = received. An order is
reserved whole or not at all. A `StockBook` holds the locked rows of one batch, decides order by order in memory, and
says at the end by how much each row moved, so that the batch is written by one statement.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from shared.contracts.catalog import Shortage, StockCommitted, StockLine, StockRefused, StockReleased, StockReserved

ShortageReason = Literal["sold_out", "withdrawn", "unknown", "changed"]


class State(StrEnum):
    """What became of an order's wish for stock."""

    RESERVED = "reserved"
    REFUSED = "refused"
    RELEASED = "released"
    COMMITTED = "committed"


class RestockKind(StrEnum):
    """Why sold goods came back."""

    PARCEL = "parcel"
    RETURN = "return"


class OutOfTurn(Exception):
    """The event asks for what the order's state rules out; it can never work."""


@dataclass(slots=True)
class Shelf:
    """The stock row of one product, locked."""

    version: int
    is_listed: bool
    on_hand: int
    reserved: int

    @property
    def available(self) -> int:
        """What can still be reserved."""
        return self.on_hand - self.reserved


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line of an order; `version` is the one that was sold, None when the price was agreed long ago."""

    product_id: UUID
    quantity: int
    version: int | None = None


@dataclass(slots=True)
class Hold:
    """What one order has asked for at its latest attempt, and what came back after it was sold."""

    order_id: UUID
    attempt: int
    state: State
    lines: dict[UUID, int]
    restocked: dict[UUID, int]
    reserved_at: datetime
    changed_at: datetime


@dataclass(slots=True)
class Move:
    """By how much a stock row changes."""

    on_hand: int = 0
    reserved: int = 0
    sold: int = 0
    returned: int = 0


@dataclass(slots=True)
class StockBook:
    """The locked rows of a batch, and what the batch does to them."""

    shelves: Mapping[UUID, Shelf]
    holds: dict[UUID, Hold]
    changed: dict[UUID, Hold] = field(default_factory=dict)
    moves: dict[UUID, Move] = field(default_factory=dict)

    def reserve(
        self, order_id: UUID, attempt: int, wanted: Iterable[Wanted], now: datetime
    ) -> StockReserved | StockRefused | None:
        """Set all lines aside or none; None when the attempt is stale.

        A newer attempt takes the place of an older one: what that still holds is given back first. Raises OutOfTurn
        when the order's stock has left already.
        """
        hold = self.holds.get(order_id)
        lines = list(wanted)
        if hold is not None:
            if attempt <= hold.attempt:
                return None
            if hold.state is State.COMMITTED:
                raise OutOfTurn(f"order {order_id} asks for stock again although its stock has left")
            if hold.state is State.RESERVED:
                self._reserve_lines(hold.lines, -1)
        quantities: dict[UUID, int] = {}
        for line in lines:
            quantities[line.product_id] = quantities.get(line.product_id, 0) + line.quantity
        versions = {line.product_id: line.version for line in lines}
        shortages = tuple(
            shortage
            for product_id, quantity in quantities.items()
            if (shortage := self._shortage(product_id, quantity, versions[product_id])) is not None
        )
        state = State.REFUSED if shortages else State.RESERVED
        if not shortages:
            self._reserve_lines(quantities, +1)
        restocked = dict.fromkeys(quantities, 0)
        self._keep(Hold(order_id, attempt, state, quantities, restocked, reserved_at=now, changed_at=now))
        if shortages:
            return StockRefused(order_id=order_id, attempt=attempt, shortages=shortages, refused_at=now)
        return StockReserved(order_id=order_id, attempt=attempt, reserved_at=now)

    def commit(self, order_id: UUID, now: datetime) -> StockCommitted | None:
        """What is set aside leaves for good; None when it has left already.

        Raises OutOfTurn when nothing is set aside.
        """
        hold = self.holds.get(order_id)
        if hold is not None and hold.state is State.COMMITTED:
            return None
        if hold is None or hold.state is not State.RESERVED:
            raise OutOfTurn(f"order {order_id} was confirmed but has no stock set aside ({_state_of(hold)})")
        for product_id, quantity in hold.lines.items():
            move = self._move(product_id)
            move.on_hand -= quantity
            move.reserved -= quantity
            move.sold += quantity
            shelf = self.shelves[product_id]
            shelf.on_hand -= quantity
            shelf.reserved -= quantity
        self._turn(hold, State.COMMITTED, now)
        return StockCommitted(order_id=order_id, committed_at=now)

    def cancel(self, order_id: UUID, now: datetime) -> StockReleased | None:
        """Give back what is set aside; None when nothing is.

        Stock that has left stays out: the order's cancelled parcels put it back one by one. An order that is not known
        yet is remembered, so that its first attempt comes too late.
        """
        hold = self.holds.get(order_id)
        if hold is None:
            self._keep(Hold(order_id, 1, State.RELEASED, {}, {}, reserved_at=now, changed_at=now))
            return None
        if hold.state is not State.RESERVED:
            return None
        self._reserve_lines(hold.lines, -1)
        self._turn(hold, State.RELEASED, now)
        lines = tuple(StockLine(product_id=product_id, quantity=count) for product_id, count in hold.lines.items())
        return StockReleased(order_id=order_id, lines=lines, released_at=now)

    def restock(
        self, kind: RestockKind, order_id: UUID, parcel_id: UUID, lines: Iterable[tuple[UUID, int]], now: datetime
    ) -> StockReleased:
        """Put sold goods back on the shelf.

        Raises OutOfTurn when they were not sold to this order, or came back before.
        """
        hold = self.holds.get(order_id)
        if hold is None or hold.state is not State.COMMITTED:
            raise OutOfTurn(f"goods of order {order_id} come back but none have left ({_state_of(hold)})")
        quantities: dict[UUID, int] = {}
        for product_id, quantity in lines:
            quantities[product_id] = quantities.get(product_id, 0) + quantity
        for product_id, quantity in quantities.items():
            if hold.restocked.get(product_id, 0) + quantity > hold.lines.get(product_id, 0):
                raise OutOfTurn(f"order {order_id} gives back more of product {product_id} than it got")
        for product_id, quantity in quantities.items():
            hold.restocked[product_id] += quantity
            move = self._move(product_id)
            move.on_hand += quantity
            self.shelves[product_id].on_hand += quantity
            if kind is RestockKind.RETURN:
                move.returned += quantity
            else:
                move.sold -= quantity
        self._turn(hold, State.COMMITTED, now)
        released = tuple(StockLine(product_id=product_id, quantity=count) for product_id, count in quantities.items())
        return StockReleased(order_id=order_id, parcel_id=parcel_id, lines=released, released_at=now)

    def _shortage(self, product_id: UUID, quantity: int, version: int | None) -> Shortage | None:
        shelf = self.shelves.get(product_id)
        reason: ShortageReason
        if shelf is None:
            return Shortage(product_id=product_id, reason="unknown", available=0)
        if not shelf.is_listed:
            reason = "withdrawn"
        elif version is not None and version < shelf.version:
            reason = "changed"
        elif shelf.available < quantity:
            reason = "sold_out"
        else:
            return None
        return Shortage(product_id=product_id, reason=reason, available=shelf.available if shelf.is_listed else 0)

    def _reserve_lines(self, lines: Mapping[UUID, int], sign: int) -> None:
        for product_id, quantity in lines.items():
            self._move(product_id).reserved += sign * quantity
            self.shelves[product_id].reserved += sign * quantity

    def _turn(self, hold: Hold, state: State, now: datetime) -> None:
        hold.state = state
        hold.changed_at = now
        self._keep(hold)

    def _keep(self, hold: Hold) -> None:
        self.holds[hold.order_id] = self.changed[hold.order_id] = hold

    def _move(self, product_id: UUID) -> Move:
        return self.moves.setdefault(product_id, Move())


def _state_of(hold: Hold | None) -> str:
    return "it is not known here" if hold is None else f"its stock is {hold.state}"
