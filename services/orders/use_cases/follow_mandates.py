"""Follow what financing tells us: mandates, repayments, and instalments that do not count.

A mandate may come before anything is known about its payee, and its versions in any order. Repayments count once by
their id, instalments are answered within their amount.
"""

from services.orders.store import accounts, mandates
from services.orders.store.accounts import Movement
from services.orders.use_cases.approve_payouts import reference_of
from shared.contracts.financing import InstalmentRefused, RepaymentMandateEnded, RepaymentMandateSet, RepaymentReceived
from shared.db import Connection
from shared.handlers import Reject


async def follow_mandate(conn: Connection, event: RepaymentMandateSet) -> None:
    """Withhold by this plan from now on, unless a later version is known."""
    await mandates.put_mandate(
        conn,
        mandate_id=event.mandate_id,
        version=event.version,
        loan_id=event.loan_id,
        application_id=event.application_id,
        lender_id=event.lender_id,
        payee_id=event.payee_id,
        dues=[due.model_dump(mode="json") for due in event.dues],
        share_basis_points_max=event.share_basis_points_max,
        ended_reason=None,
        changed_at=event.set_at,
    )


async def end_mandate(conn: Connection, event: RepaymentMandateEnded) -> None:
    """Withhold no more; known before its mandate, the end stands and the older plan changes nothing."""
    await mandates.put_mandate(
        conn,
        mandate_id=event.mandate_id,
        version=event.version,
        loan_id=event.loan_id,
        application_id=event.application_id,
        lender_id=event.lender_id,
        payee_id=event.payee_id,
        dues=[],
        share_basis_points_max=0,
        ended_reason=event.reason,
        changed_at=event.ended_at,
    )


async def count_repayment(conn: Connection, event: RepaymentReceived) -> None:
    """Without an instalment: paid elsewhere, so that less is withheld. With one: that much of it is the lender's.

    Raises Reject when the instalment is not ours, or would be answered with more than it is.
    """
    is_new = await mandates.insert_repayment(
        conn,
        event.repayment_id,
        loan_id=event.loan_id,
        instalment_id=event.instalment_id,
        amount_minor=event.amount_minor,
        received_at=event.received_at,
    )
    if not is_new or event.instalment_id is None:
        return
    instalment = await mandates.instalment(conn, event.instalment_id)
    if instalment is None or instalment["loan_id"] != event.loan_id:
        raise Reject("the instalment is none that was withheld for this loan")
    if instalment["accepted_minor"] + instalment["refused_minor"] + event.amount_minor > instalment["amount_minor"]:
        raise Reject("the instalment would be answered with more than it is")
    await mandates.accept_instalment(conn, event.instalment_id, event.amount_minor)


async def give_back_instalment(conn: Connection, event: InstalmentRefused) -> None:
    """What does not count for the loan is the payee's again, once.

    Raises Reject when the instalment is not the payee's, or would be answered with more than it is.
    """
    instalment = await mandates.instalment(conn, event.instalment_id)
    if instalment is None or (instalment["loan_id"], instalment["payee_id"]) != (event.loan_id, event.payee_id):
        raise Reject("the instalment is none that was withheld for this loan from this payee")
    if instalment["refused_minor"] == event.amount_minor:
        return
    if instalment["refused_minor"] or instalment["accepted_minor"] + event.amount_minor > instalment["amount_minor"]:
        raise Reject("the instalment would be answered with more than it is")
    if event.amount_minor == 0 or not await mandates.refuse_instalment(conn, event.instalment_id, event.amount_minor):
        return
    about = reference_of(event.instalment_id, instalment["payout_id"], event.loan_id, event.payee_id)
    movement = Movement(
        accounts.transfer_id("instalment", event.instalment_id, "refused"),
        "instalment_refused",
        event.refused_at,
        about,
    )
    movement.move(accounts.financing_clearing(), accounts.payee(event.payee_id), event.amount_minor)
    await accounts.post(conn, [movement])
