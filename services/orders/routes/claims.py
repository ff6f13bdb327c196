"""What cooperatives owe the market for orders paid from savings, and what they pay of it.

Officers have the platform role operator or finance; to everybody else a claim does not exist.
"""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.orders.domain.problems import MoreThanOwed, ReferenceCounted
from services.orders.store import claims
from services.orders.use_cases.take_claim_payment import take_claim_payment
from services.orders.views.claims import ClaimList, ClaimPaymentView, ClaimView, NewClaimPayment
from shared import paging
from shared.auth import CurrentPerson, require_role
from shared.clock import utc_now
from shared.http import Db
from shared.idempotency import Claim, IdempotencyKey, KeyInUse, KeyMissing, KeyReused, once
from shared.paging import Cursor, Limit
from shared.problems import Forbidden, Malformed, NotFound, Unauthenticated, documented

router = APIRouter(prefix="/v1/savings-claims", tags=["savings claims"])
OFFICERS = ("operator", "finance")


@router.get("", responses=documented(Malformed, Forbidden, Unauthenticated))
async def list_claims(person: CurrentPerson, db: Db, limit: Limit = 20, cursor: Cursor = None) -> ClaimList:
    """What each cooperative owes, by its id."""
    require_role(person, *OFFICERS)
    async with db.reading() as conn:
        rows = await claims.claims(conn, after=_position(cursor), most=limit + 1)
    page = rows[:limit]
    return ClaimList(
        items=[ClaimView.of(row) for row in page],
        next_cursor=paging.encode(page[-1]["cooperative_id"]) if len(rows) > limit else None,
    )


@router.post(
    "/{cooperative_id}/payments",
    status_code=201,
    response_model=ClaimPaymentView,
    responses=documented(KeyMissing, KeyReused, KeyInUse, NotFound, ReferenceCounted, MoreThanOwed, Unauthenticated),
)
async def take_payment(
    cooperative_id: UUID, body: NewClaimPayment, key: IdempotencyKey, person: CurrentPerson, db: Db, request: Request
) -> Response:
    """A cooperative's transfer has come: so much less is owed. A reference counts once, never more than is owed."""
    if person.roles.isdisjoint(OFFICERS):
        raise NotFound
    async with db.transaction() as conn:

        async def work() -> ClaimPaymentView:
            payment_id = await take_claim_payment(
                conn, cooperative_id, body.amount_minor, body.reference, by=person.id, now=utc_now()
            )
            row = await claims.claim(conn, cooperative_id)
            assert row is not None, f"{cooperative_id} has paid, so there was a claim"
            return ClaimPaymentView(payment_id=payment_id, claim=ClaimView.of(row))

        return await once(conn, Claim.of(person.id, request, key, body), work)


def _position(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    (last,) = paging.decode(cursor, size=1)
    try:
        return UUID(str(last))
    except ValueError as error:
        raise Malformed("the cursor is not one of this list") from error
