"""What is withheld for lenders: mandates, repayments that financing told of, instalments and how they were answered."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.orders.domain.payouts import Due, Mandate
from services.orders.store.bank_accounts import queries
from shared.db import Connection
from shared.sql import Row


async def put_mandate(
    conn: Connection,
    *,
    mandate_id: UUID,
    version: int,
    loan_id: UUID,
    application_id: UUID,
    lender_id: UUID,
    payee_id: UUID,
    dues: Sequence[Mapping[str, Any]],
    share_basis_points_max: int,
    ended_reason: str | None,
    changed_at: datetime,
) -> bool:
    """The mandate as of this version; False when a higher one is known."""
    return bool(
        await queries.put_mandate.run(
            conn,
            mandate_id=mandate_id,
            version=version,
            loan_id=loan_id,
            application_id=application_id,
            lender_id=lender_id,
            payee_id=payee_id,
            dues=list(dues),
            share_basis_points_max=share_basis_points_max,
            ended_reason=ended_reason,
            changed_at=changed_at,
        )
    )


async def share_mandates(conn: Connection, payee_ids: Iterable[UUID]) -> dict[UUID, list[Mandate]]:
    """The live mandates of these payees, with what their loans were paid; they stay until the transaction ends."""
    rows = await queries.share_mandates.rows(conn, payee_ids=list(payee_ids))
    paid = {
        row["loan_id"]: row
        for row in await queries.paid_of_loans.rows(conn, loan_ids=sorted({row["loan_id"] for row in rows}))
    }
    found: dict[UUID, list[Mandate]] = {}
    for row in rows:
        found.setdefault(row["payee_id"], []).append(_mandate(row, paid[row["loan_id"]]))
    return found


def _mandate(row: Row, paid: Row) -> Mandate:
    return Mandate(
        row["mandate_id"],
        row["loan_id"],
        row["application_id"],
        row["lender_id"],
        row["payee_id"],
        tuple(Due(date.fromisoformat(due["due_on"]), due["amount_minor"]) for due in row["dues"]),
        row["share_basis_points_max"],
        paid["withheld_minor"],
        paid["elsewhere_minor"],
    )


async def insert_repayment(
    conn: Connection,
    repayment_id: UUID,
    *,
    loan_id: UUID,
    instalment_id: UUID | None,
    amount_minor: int,
    received_at: datetime,
) -> bool:
    """Remember a repayment; False when it is known."""
    return bool(
        await queries.insert_repayment.run(
            conn,
            repayment_id=repayment_id,
            loan_id=loan_id,
            instalment_id=instalment_id,
            amount_minor=amount_minor,
            received_at=received_at,
        )
    )


async def take_mandate_locks(conn: Connection, ids: list[UUID]) -> None:
    """Lock mandates, in id order, until the transaction ends."""
    await queries.lock_mandates.run(conn, ids=ids)


async def take_instalment_locks(conn: Connection, ids: list[UUID]) -> None:
    """Lock instalments, in id order, until the transaction ends."""
    await queries.lock_instalments.run(conn, ids=ids)


async def instalment(conn: Connection, instalment_id: UUID) -> Row | None:
    """How far an instalment is answered; its lock is held already."""
    return await queries.instalment.row(conn, instalment_id=instalment_id)


async def accept_instalment(conn: Connection, instalment_id: UUID, amount_minor: int) -> None:
    """So much counts for the loan. A database constraint keeps it within the instalment."""
    await queries.accept_instalment.run(conn, instalment_id=instalment_id, amount_minor=amount_minor)


async def refuse_instalment(conn: Connection, instalment_id: UUID, amount_minor: int) -> bool:
    """So much goes back; False when it was refused before."""
    return bool(await queries.refuse_instalment.run(conn, instalment_id=instalment_id, amount_minor=amount_minor))


async def insert_instalments(
    conn: Connection, instalments: Sequence[tuple[UUID, UUID, Mandate, int]], *, now: datetime
) -> None:
    """What a batch keeps: instalment, payout, mandate, amount."""
    await queries.insert_instalments.run(
        conn,
        instalment_ids=[instalment_id for instalment_id, _, _, _ in instalments],
        payout_ids=[payout_id for _, payout_id, _, _ in instalments],
        mandate_ids=[mandate.mandate_id for _, _, mandate, _ in instalments],
        amounts_minor=[amount_minor for _, _, _, amount_minor in instalments],
        now=now,
    )


async def lock_instalments_to_pass_on(conn: Connection, *, approved_by: UUID, most: int, now: datetime) -> list[Row]:
    """Accepted instalments that no lender has yet and that this officer may let be paid now, locked."""
    return await queries.lock_instalments_to_pass_on.rows(conn, approved_by=approved_by, most=most, now=now)


async def remittances_waiting(conn: Connection, *, now: datetime) -> list[Row]:
    """What each lender has to get, and whether its bank account is known."""
    return await queries.remittances_waiting.rows(conn, now=now)


async def insert_remittances(
    conn: Connection,
    batch_id: UUID,
    remittances: Mapping[UUID, tuple[UUID, int]],
    members: Mapping[UUID, UUID],
    *,
    now: datetime,
) -> None:
    """One remittance (id, amount) per lender, and which instalment is in which."""
    await queries.insert_remittances.run(
        conn,
        batch_id=batch_id,
        remittance_ids=[remittance_id for remittance_id, _ in remittances.values()],
        lender_ids=list(remittances),
        amounts_minor=[amount_minor for _, amount_minor in remittances.values()],
        now=now,
    )
    await queries.put_into_remittances.run(conn, instalment_ids=list(members), remittance_ids=list(members.values()))


async def lock_instalments_of_remittances(conn: Connection, remittance_ids: Sequence[UUID]) -> list[Row]:
    """What these remittances are made of, locked."""
    return await queries.lock_instalments_of_remittances.rows(conn, remittance_ids=remittance_ids)


async def mark_passed_on(conn: Connection, remittance_ids: Sequence[UUID], *, now: datetime) -> None:
    """The lenders have them."""
    await queries.mark_passed_on.run(conn, remittance_ids=remittance_ids, now=now)


async def take_out_of_remittances(conn: Connection, remittance_ids: Sequence[UUID]) -> None:
    """The bank sent them back; the next batch tries again."""
    await queries.take_out_of_remittances.run(conn, remittance_ids=remittance_ids)
