"""Placing an order over HTTP: the hottest path of the market, so it is read and answered in one pass.

What must stay true: the route is described like every other (OpenAPI comes from its signature) and refuses the same
things; only the framework's general resolving of parameters is left out, which costs more than all the rest.
"""

from fastapi import APIRouter, Request, Response

from services.orders.domain.placing import WantedLine
from services.orders.domain.problems import (
    MixedCurrencies,
    OfferChanged,
    OrderTooLarge,
    UnknownProducts,
)
from services.orders.routes.desk import placing
from services.orders.use_cases.place_orders import PlaceOrder
from services.orders.views.asked import NewOrder
from services.orders.views.shown import PlacedOrder
from shared.auth import CurrentPerson, person_of
from shared.direct import DirectRoute, body_in_openapi, body_of
from shared.idempotency import (
    Claim,
    IdempotencyKey,
    KeyInUse,
    KeyMissing,
    KeyReused,
    answer,
    fingerprint,
    key_of,
)
from shared.problems import Forbidden, Malformed, OutcomeUnknown, Overloaded, Unauthenticated, documented
from shared.telemetry import current_traceparent

ROUTE = "POST /v1/orders"


class PlacingRoute(DirectRoute):
    """Called with its three parameters found by hand."""

    async def answer(self, request: Request) -> Response:
        """The order that the request asks for."""
        person = await person_of(request)
        return await create_order(key_of(request), person, request)


router = APIRouter(prefix="/v1/orders", tags=["orders"], route_class=PlacingRoute)


@router.post(
    "",
    status_code=201,
    response_model=PlacedOrder,
    responses=documented(
        KeyMissing,
        KeyReused,
        KeyInUse,
        Malformed,
        OfferChanged,
        UnknownProducts,
        MixedCurrencies,
        OrderTooLarge,
        Forbidden,
        Unauthenticated,
        Overloaded,
        OutcomeUnknown,
    ),
    openapi_extra=body_in_openapi(NewOrder),
)
async def create_order(key: IdempotencyKey, person: CurrentPerson, request: Request) -> Response:
    """Place an order: 201 means that it is durable. Many requests share one transaction."""
    if person.kind != "person":
        raise Forbidden("only people buy")
    document, body = await body_of(request, NewOrder)
    command = PlaceOrder(
        buyer_id=person.id,
        claim=Claim(person.id, ROUTE, key, fingerprint(document)),
        lines=tuple(
            WantedLine(line.product_id, line.quantity, line.version, line.unit_price_minor) for line in body.lines
        ),
        ship_to=body.ship_to.as_ship_to(),
        method=body.payment.method,
        cooperative_id=body.payment.cooperative_id,
        traceparent=current_traceparent(),
    )
    return answer(await placing(request).submit(command))
