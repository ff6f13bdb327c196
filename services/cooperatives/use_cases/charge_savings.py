"""Take the price of orders from the voluntary savings of those who ordered: Dr savings, Cr clearing with orders."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.charging import Refusal, answer, refusal_of, within_limits
from services.cooperatives.domain.chart import CLEARING, VOLUNTARY, Place
from services.cooperatives.domain.savings import Movement, Reason, SavingsKind
from shared import ledger, outbox
from shared.calendar import day_of
from shared.contracts.orders import SavingsChargeRequested
from shared.db import Connection
from shared.handlers import Reject
from shared.ledger import Transfer, credit, debit
from shared.money import CURRENCY

NOBODY = UUID(int=0)  # an active buyer has a member; this is for the type checker only


async def charge_savings(conn: Connection, requests: Sequence[SavingsChargeRequested], *, now: datetime) -> None:
    """Answer each charge once, by savings_charged or savings_refused. The buyers' members are locked before.

    What a cooperative may owe the market is compared under the locks of the clearing accounts. A charge that the
    savings cannot pay leaves its room to those behind it.

    Raises Reject for what no savings could pay: nothing, or another currency.
    """
    for request in requests:
        if request.currency != CURRENCY or request.amount_minor < 1:
            raise Reject(f"savings are in {CURRENCY}, and a charge takes something")
    answered = await store.answered_charges(conn, [request.charge_id for request in requests])
    new = [request for request in requests if request.charge_id not in answered]
    buyers = await store.buyers(conn, [(request.cooperative_id, request.buyer_id) for request in new])
    refusals = {
        request.charge_id: refusal_of(request, buyers.get((request.cooperative_id, request.buyer_id)), now=now)
        for request in new
    }
    tried = [request for request in new if refusals[request.charge_id] is None]
    members = {
        request.charge_id: buyers[request.cooperative_id, request.buyer_id].member_id or NOBODY for request in tried
    }
    accounts = await store.accounts(
        conn,
        [
            place
            for request in tried
            for place in (
                Place(request.cooperative_id, CLEARING),
                Place(request.cooperative_id, VOLUNTARY, members[request.charge_id]),
            )
        ],
        on=day_of(now),
    )
    movements = [
        Movement(
            request.charge_id,
            members[request.charge_id],
            request.cooperative_id,
            SavingsKind.VOLUNTARY,
            accounts[Place(request.cooperative_id, VOLUNTARY, members[request.charge_id])],
            -request.amount_minor,
        )
        for request in tried
    ]
    transfers = {
        request.charge_id: Transfer(
            request.charge_id,
            (
                debit(movement.ledger_account_id, request.amount_minor),
                credit(accounts[Place(request.cooperative_id, CLEARING)], request.amount_minor),
            ),
            "savings_charged",
            now,
            reference={"order_id": str(request.order_id), "member_id": str(movement.member_id)},
        )
        for request, movement in zip(tried, movements, strict=True)
    }
    await ledger.lock(conn, accounts.values())
    while tried:
        markets = await store.markets(conn, [request.cooperative_id for request in tried])
        rooms = {id_: market.limit_minor - market.owed_minor for id_, market in markets.items()}
        fitting, over = within_limits(tried, rooms)
        verdicts = await ledger.post(conn, [transfers[request.charge_id] for request in fitting])
        short = _refused(verdicts)
        refusals |= dict.fromkeys(short, Refusal.TOO_LITTLE)
        if not short:
            refusals |= {request.charge_id: Refusal.LIMIT_REACHED for request in over}
        tried = over if short else []
    taken = [movement for movement in movements if refusals[movement.movement_id] is None]
    await store.insert_movements(conn, taken, Reason.CHARGE, by=None, at=now)
    await store.insert_charges(conn, new, members, refusals, now=now)
    outbox.append(
        conn,
        *(answer(request, members.get(request.charge_id), refusals[request.charge_id], now=now) for request in new),
    )


def _refused(verdicts: Sequence[ledger.Verdict]) -> list[UUID]:
    """The charges whose savings are too little, which is the only thing that can be wrong with them."""
    refused = [verdict for verdict in verdicts if isinstance(verdict, ledger.Refusal)]
    assert all(verdict.reason is ledger.Reason.BELOW_MINIMUM for verdict in refused), f"the ledger refuses {refused}"
    return [verdict.id for verdict in refused]
