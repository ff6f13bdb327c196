"""The ledger: double entry in the database of a service that holds money.

Money moves only by balanced transfers whose ids come from the caller; entries are never edited. The rules are the
database's (`migrations/`): this module says what is asked and what was answered. Every function runs in the caller's
transaction. Who posts more than once in a transaction locks the union of the accounts first, or may deadlock.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from shared import sql
from shared.ledger.values import (
    AccountDiffers,
    AccountUnknown,
    Balance,
    BookedLeg,
    Hold,
    Kind,
    Leg,
    Line,
    NewAccount,
    Posted,
    Reason,
    Reference,
    Refusal,
    Refused,
    Settlement,
    Side,
    Transfer,
    TrialLine,
    credit,
    debit,
)
from shared.sql import Runs

__all__ = [
    "AccountDiffers",
    "AccountUnknown",
    "Balance",
    "BookedLeg",
    "Hold",
    "Kind",
    "Leg",
    "Line",
    "NewAccount",
    "Posted",
    "Reason",
    "Reference",
    "Refusal",
    "Refused",
    "Settlement",
    "Side",
    "Transfer",
    "TrialLine",
    "about",
    "balance",
    "credit",
    "debit",
    "expire",
    "hold",
    "lock",
    "open_accounts",
    "post",
    "post_all",
    "release",
    "settle",
    "statement",
    "trial_balance",
]

queries = sql.load(__file__, "ledger.sql")

Verdict = Posted | Refusal


async def open_accounts(conn: Runs, accounts: Sequence[NewAccount]) -> dict[str, UUID]:
    """Open accounts; their ids by code. One that is open already, as the same, keeps its id.

    Raises AccountDiffers when a code is open as something else.
    """
    asked = [
        {
            "id": account.id,
            "code": account.code,
            "kind": account.kind,
            "normal_side": account.side,
            "currency": account.currency,
            "balance_min_minor": account.balance_min_minor,
            "balance_max_minor": account.balance_max_minor,
        }
        for account in accounts
    ]
    await queries.open_accounts.run(conn, accounts=asked)
    rows = await queries.accounts_by_code.rows(conn, codes=[account.code for account in accounts])
    there = {row["code"]: dict(row) for row in rows}
    for wanted in asked:
        found = there[str(wanted["code"])]
        if any(found[name] != value for name, value in wanted.items() if name != "id"):
            raise AccountDiffers(f"account {wanted['code']} is open as something else")
    return {code: row["id"] for code, row in there.items()}


async def lock(conn: Runs, account_ids: Iterable[UUID]) -> None:
    """Lock accounts, in the order in which everybody does, until the transaction ends."""
    await queries.lock_accounts.run(conn, account_ids=list(account_ids))


async def post(conn: Runs, transfers: Sequence[Transfer]) -> list[Verdict]:
    """Post many transfers, each decided for itself in the order given: a refused one changes nothing for the others."""
    return await _run(conn, [_posting(transfer) for transfer in transfers])


async def post_all(conn: Runs, transfers: Sequence[Transfer]) -> list[Posted]:
    """Post all of these transfers or none. Raises Refused."""
    verdicts = await _run(conn, [_posting(transfer) for transfer in transfers], all_or_nothing=True)
    if refusals := tuple(verdict for verdict in verdicts if isinstance(verdict, Refusal)):
        raise Refused(refusals)
    return [verdict for verdict in verdicts if isinstance(verdict, Posted)]


async def hold(conn: Runs, holds: Sequence[Hold]) -> list[Verdict]:
    """Hold money: it counts as gone from where it will leave, and as there where it will arrive, but is not moved."""
    return await _run(
        conn,
        [
            _common("hold", one)
            | {
                "expires_at": one.expires_at,
                "legs": _legs(
                    (debit(one.debit_account_id, one.amount_minor), credit(one.credit_account_id, one.amount_minor))
                ),
            }
            for one in holds
        ],
    )


async def settle(conn: Runs, settlements: Sequence[Settlement]) -> list[Verdict]:
    """Turn holds into transfers, of at most what is held. A hold is resolved once."""
    return await _run(
        conn,
        [_common("settle", one) | {"hold_id": one.hold_id, "amount_minor": one.amount_minor} for one in settlements],
    )


async def release(conn: Runs, hold_ids: Sequence[UUID]) -> list[Verdict]:
    """Let go what is held; nothing moves. Verdicts carry the holds' ids."""
    return await _release(conn, hold_ids, "voided")


async def expire(conn: Runs, *, limit: int = 100) -> int:
    """Let go at most `limit` holds whose time is over, by the database's clock; how many it were."""
    due = [row["id"] for row in await queries.holds_due.rows(conn, limit=limit)]
    verdicts = await _release(conn, due, "expired")
    return sum(isinstance(verdict, Posted) and verdict.is_new for verdict in verdicts)


async def balance(conn: Runs, account_id: UUID) -> Balance:
    """What an account has, and what of it is held. Raises AccountUnknown."""
    row = await queries.balance.row(conn, account_id=account_id)
    if row is None:
        raise AccountUnknown(str(account_id))
    return Balance(
        row["id"],
        row["code"],
        row["currency"],
        row["balance_minor"],
        row["held_out_minor"],
        row["held_in_minor"],
        row["version"],
    )


async def statement(conn: Runs, account_id: UUID, *, after: int = 0, limit: int = 100) -> list[Line]:
    """The entries of an account that follow version `after`, in order; no line for an account that is not there."""
    rows = await queries.statement.rows(conn, account_id=account_id, after=after, limit=limit)
    return [
        Line(
            row["account_version"],
            Side(row["side"]),
            row["amount_minor"],
            row["balance_after_minor"],
            row["currency"],
            row["transfer_id"],
            row["reason"],
            row["reference"],
            row["hold_id"],
            row["event_at"],
            row["created_at"],
        )
        for row in rows
    ]


async def trial_balance(conn: Runs) -> list[TrialLine]:
    """All accounts at one moment; per currency, both columns have the same sum."""
    return [
        TrialLine(row["id"], row["code"], Kind(row["kind"]), row["currency"], row["debit_minor"], row["credit_minor"])
        for row in await queries.trial_balance.rows(conn)
    ]


async def about(conn: Runs, reference: Reference, *, limit: int = 1000) -> list[BookedLeg]:
    """Every leg that was booked for an order, a parcel, ...: all transfers whose reference contains this one."""
    rows = await queries.legs_about.rows(conn, reference=dict(reference), limit=limit)
    return [
        BookedLeg(
            row["transfer_id"],
            row["reason"],
            row["reference"],
            row["event_at"],
            row["code"],
            Side(row["side"]),
            row["amount_minor"],
            row["currency"],
        )
        for row in rows
    ]


async def _release(conn: Runs, hold_ids: Sequence[UUID], outcome: str) -> list[Verdict]:
    return await _run(conn, [{"kind": "release", "hold_id": hold_id, "outcome": outcome} for hold_id in hold_ids])


async def _run(conn: Runs, steps: list[dict[str, Any]], *, all_or_nothing: bool = False) -> list[Verdict]:
    if not steps:
        return []
    rows = await queries.post.rows(conn, steps=steps, all_or_nothing=all_or_nothing)
    return [_verdict(step, row) for step, row in zip(steps, rows, strict=True)]


def _verdict(step: Mapping[str, Any], row: sql.Row) -> Verdict:
    id_ = step.get("id", step.get("hold_id"))
    assert isinstance(id_, UUID)
    if row["verdict"] in ("done", "exists"):
        return Posted(id_, is_new=row["verdict"] == "done")
    return Refusal(id_, Reason(row["verdict"]), row["account_id"])


def _posting(transfer: Transfer) -> dict[str, Any]:
    return _common("post", transfer) | {"legs": _legs(transfer.legs)}


def _common(kind: str, one: Transfer | Hold | Settlement) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": one.id,
        "reason": one.reason,
        "reference": one.reference,
        "meta": one.meta,
        "event_at": one.event_at,
    }


def _legs(legs: Iterable[Leg]) -> list[dict[str, Any]]:
    """In the order of their accounts, so that a repeat that names them in another order is the same."""
    return [
        {"account_id": leg.account_id, "side": leg.side, "amount_minor": leg.amount_minor}
        for leg in sorted(legs, key=lambda leg: (leg.account_id, leg.side, leg.amount_minor))
    ]
