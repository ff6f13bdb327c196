"""What is asked of a ledger and what it answers, as values.

Amounts are whole minor units (`shared.money`), always positive, with a side; ids come from the caller, so that asking
twice does once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

from shared.ids import new_id
from shared.money import CURRENCY

Reference: TypeAlias = Mapping[str, str]  # what it is about: {"order_id": "...", "parcel_id": "..."}


class Side(StrEnum):
    """The two sides of an entry."""

    DEBIT = "debit"
    CREDIT = "credit"


class Kind(StrEnum):
    """The five kinds of account."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"

    @property
    def normal_side(self) -> Side:
        """The side on which an account of this kind grows."""
        return Side.DEBIT if self in (Kind.ASSET, Kind.EXPENSE) else Side.CREDIT


class Reason(StrEnum):
    """Why a step was refused."""

    ID_TAKEN = "id_taken"  # the id was used before, for something else
    TOO_FEW_LEGS = "too_few_legs"
    TOO_MANY_LEGS = "too_many_legs"  # a hold has two
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"  # below 1 or above money.AMOUNT_MINOR_MAX
    ACCOUNT_UNKNOWN = "account_unknown"
    ACCOUNT_TWICE = "account_twice"
    MIXED_CURRENCY = "mixed_currency"
    UNBALANCED = "unbalanced"
    BELOW_MINIMUM = "below_minimum"  # with what is held counted as gone
    ABOVE_MAXIMUM = "above_maximum"  # with what is held for it counted as there
    HOLD_UNKNOWN = "hold_unknown"
    HOLD_RESOLVED = "hold_resolved"
    HOLD_EXCEEDED = "hold_exceeded"
    HOLD_EXPIRED = "hold_expired"
    HOLD_NOT_DUE = "hold_not_due"
    NOT_DONE = "not_done"  # nothing wrong with it, but another one of all-or-nothing was refused


@dataclass(frozen=True)
class NewAccount:
    """An account to open. Balances count in its side; a bound of None is none, the lower one is zero unless said."""

    code: str
    kind: Kind
    currency: str = CURRENCY
    balance_min_minor: int | None = 0
    balance_max_minor: int | None = None
    normal_side: Side | None = None  # None: the kind's own; otherwise a contra account
    id: UUID = field(default_factory=new_id, compare=False)

    @property
    def side(self) -> Side:
        """The side on which it grows."""
        return self.normal_side or self.kind.normal_side


@dataclass(frozen=True)
class Leg:
    """One amount on one side of one account."""

    account_id: UUID
    side: Side
    amount_minor: int


def debit(account_id: UUID, amount_minor: int) -> Leg:
    """A leg on the debit side."""
    return Leg(account_id, Side.DEBIT, amount_minor)


def credit(account_id: UUID, amount_minor: int) -> Leg:
    """A leg on the credit side."""
    return Leg(account_id, Side.CREDIT, amount_minor)


@dataclass(frozen=True)
class Transfer:
    """Money that moves now: legs that sum to zero, in one currency, each account once; their order does not matter."""

    id: UUID
    legs: tuple[Leg, ...]
    reason: str
    event_at: datetime
    reference: Reference = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Hold:
    """Money that is promised from one account to another, until it is settled, released, or `expires_at` has passed."""

    id: UUID
    debit_account_id: UUID
    credit_account_id: UUID
    amount_minor: int
    reason: str
    event_at: datetime
    expires_at: datetime | None = None
    reference: Reference = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settlement:
    """A hold that becomes a transfer, of at most its amount; the rest is let go. `id` is the transfer's."""

    id: UUID
    hold_id: UUID
    amount_minor: int
    reason: str
    event_at: datetime
    reference: Reference = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Posted:
    """It is done; `is_new` is False when it had been done before."""

    id: UUID
    is_new: bool


@dataclass(frozen=True)
class Refusal:
    """It was not done, and nothing of it is there. `account_id`: the account whose bound is in the way."""

    id: UUID
    reason: Reason
    account_id: UUID | None = None


class Refused(Exception):
    """At least one of what was to be done together was refused, so nothing of it was done."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__(", ".join(f"{refusal.id}: {refusal.reason}" for refusal in refusals))
        self.refusals = refusals


class AccountDiffers(Exception):
    """An account of this code is open already, as something else."""


class AccountUnknown(Exception):
    """There is no such account."""


@dataclass(frozen=True)
class Balance:
    """An account's figures at its `version` (the number of its entries), in its normal side."""

    account_id: UUID
    code: str
    currency: str
    balance_minor: int
    held_out_minor: int
    held_in_minor: int
    version: int

    @property
    def available_minor(self) -> int:
        """What is not held."""
        return self.balance_minor - self.held_out_minor


@dataclass(frozen=True)
class Line:
    """One entry of an account's statement, with the transfer it belongs to and what that was about."""

    version: int
    side: Side
    amount_minor: int
    balance_after_minor: int
    currency: str
    transfer_id: UUID
    reason: str
    reference: Reference
    hold_id: UUID | None
    event_at: datetime
    created_at: datetime


@dataclass(frozen=True)
class TrialLine:
    """An account in the trial balance: its balance is in one of the two columns, the other is zero."""

    account_id: UUID
    code: str
    kind: Kind
    currency: str
    debit_minor: int
    credit_minor: int


@dataclass(frozen=True)
class BookedLeg:
    """One leg of a transfer that was found by its reference."""

    transfer_id: UUID
    reason: str
    reference: Reference
    event_at: datetime
    code: str
    side: Side
    amount_minor: int
    currency: str
