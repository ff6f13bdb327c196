"""Parcels: ship, deliver, complete, cancel, take back; and a carrier's round."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.orders.domain.problems import MoreThanSent, WrongAmountCollected, WrongParcelState
from services.orders.routes import desk
from services.orders.use_cases.cancel_parcel import cancel_parcel
from services.orders.use_cases.complete_parcel import complete_parcel
from services.orders.use_cases.deliver_parcel import deliver_parcel
from services.orders.use_cases.open_parcel import is_carrier
from services.orders.use_cases.receive_return import receive_return
from services.orders.use_cases.run_manifests import Round
from services.orders.use_cases.ship_parcel import ship_parcel
from services.orders.views.asked import Cancellation, Delivery, Manifest, Nothing, Return, Shipment, quantities
from services.orders.views.shown import ManifestView, ReturnView, StatusView
from shared.auth import CurrentPerson, person_of
from shared.clock import utc_now
from shared.direct import DirectRoute, body_in_openapi, body_of
from shared.http import Db
from shared.idempotency import Claim, IdempotencyKey, KeyInUse, KeyMissing, KeyReused, answer, key_of, once
from shared.problems import Forbidden, NotFound, OutcomeUnknown, Overloaded, Unauthenticated, documented


class RoundRoute(DirectRoute):
    """Called with its parameters found by hand."""

    async def answer(self, request: Request) -> Response:
        """What the round brought."""
        person = await person_of(request)
        return await round_of_a_carrier(key_of(request), person, request)


router = APIRouter(prefix="/v1", tags=["parcels"])
rounds_router = APIRouter(prefix="/v1", tags=["parcels"], route_class=RoundRoute)
REFUSALS = (NotFound, Forbidden, WrongParcelState, Unauthenticated)


@router.post("/parcels/{parcel_id}/ship", responses=documented(*REFUSALS))
async def ship(parcel_id: UUID, body: Shipment, person: CurrentPerson, db: Db) -> StatusView:
    """The shop handed the parcel to a carrier."""
    async with db.transaction() as conn:
        status = await ship_parcel(conn, parcel_id, person, carrier=body.carrier, tracking=body.tracking, now=utc_now())
    return StatusView(status=status.value)


@router.post("/parcels/{parcel_id}/deliver", responses=documented(*REFUSALS, WrongAmountCollected))
async def deliver(parcel_id: UUID, person: CurrentPerson, db: Db, body: Delivery | None = None) -> StatusView:
    """The parcel reached the buyer; of a COD parcel, exactly its cost was taken."""
    collected_minor = 0 if body is None else body.collected_minor
    async with db.transaction() as conn:
        status = await deliver_parcel(conn, parcel_id, person, collected_minor=collected_minor, now=utc_now())
    return StatusView(status=status.value)


@router.post("/parcels/{parcel_id}/complete", responses=documented(*REFUSALS))
async def complete(parcel_id: UUID, person: CurrentPerson, db: Db, body: Nothing | None = None) -> StatusView:
    """The buyer says that all is well."""
    async with db.transaction() as conn:
        status = await complete_parcel(conn, parcel_id, person, now=utc_now())
    return StatusView(status=status.value)


@router.post("/parcels/{parcel_id}/cancel", responses=documented(*REFUSALS))
async def cancel(parcel_id: UUID, person: CurrentPerson, db: Db, body: Cancellation | None = None) -> StatusView:
    """The shop, or an operator for it, cannot send it: goods go back on the shelf, money to the buyer."""
    async with db.transaction() as conn:
        status = await cancel_parcel(conn, parcel_id, person, now=utc_now())
    return StatusView(status=status.value)


@router.post(
    "/parcels/{parcel_id}/returns",
    status_code=201,
    response_model=ReturnView,
    responses=documented(*REFUSALS, MoreThanSent, KeyMissing, KeyReused, KeyInUse),
)
async def take_back(
    parcel_id: UUID, body: Return, key: IdempotencyKey, person: CurrentPerson, db: Db, request: Request
) -> Response:
    """The shop has goods of the parcel again and can sell them."""
    async with db.transaction() as conn:

        async def work() -> ReturnView:
            return_id, status = await receive_return(conn, parcel_id, person, quantities(body.lines), now=utc_now())
            return ReturnView(return_id=return_id, parcel_id=parcel_id, status=status.value)

        return await once(conn, Claim.of(person.id, request, key, body), work)


@rounds_router.post(
    "/manifests",
    response_model=ManifestView,
    responses=documented(Forbidden, Unauthenticated, KeyMissing, KeyReused, KeyInUse, Overloaded, OutcomeUnknown),
    openapi_extra=body_in_openapi(Manifest),
)
async def round_of_a_carrier(key: IdempotencyKey, person: CurrentPerson, request: Request) -> Response:
    """Of the first so many shops with undelivered parcels, the oldest order's parcel is brought."""
    if not is_carrier(person) and "operator" not in person.roles:
        raise Forbidden
    _, body = await body_of(request, Manifest)
    command = Round(Claim.of(person.id, request, key, body), body.count)
    return answer(await desk.rounds(request).submit(command))
