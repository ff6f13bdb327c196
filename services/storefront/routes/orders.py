"""A buyer's orders: the list, one order with its QRIS code, cancelling, confirming what arrived."""

import io
from typing import Any
from uuid import UUID

import segno
from fastapi import APIRouter, Response
from markupsafe import Markup

from services.storefront.domain.timeline import can_be_cancelled, is_waiting, missing_of, steps_of
from services.storefront.routes.web import CurrentVisit, OwnForm, Visit
from services.storefront.upstream import Refused
from services.storefront.use_cases.view_basket import shop_names
from shared.problems import NotFound

router = APIRouter(include_in_schema=False)

PAGE_SIZE = 20
WAIT_SECONDS = 3
PAY_SECONDS = 6
PICTURE_SCALE = 12
QUIET_ZONE = 4  # ISO/IEC 18004 asks for four modules of white around the code


@router.get("/pesanan")
async def my_orders(visit: CurrentVisit, hal: str = "") -> Response:
    """Newest first."""
    token = await visit.token()
    found = await visit.network.orders.get("/v1/orders", token=token, params={"limit": PAGE_SIZE, "cursor": hal})
    return visit.page("orders.html", orders=found["items"], next_cursor=found.get("next_cursor"), is_first_page=not hal)


@router.get("/pesanan/{order_id}")
async def one_order(visit: CurrentVisit, order_id: UUID) -> Response:
    """How it stands; while it waits for stock or money the page asks again by itself."""
    order = await visit.network.orders.get(f"/v1/orders/{order_id}", token=await visit.token())
    parcels = order["parcels"]
    names = await shop_names(visit.network, {str(parcel["shop_id"]) for parcel in parcels})
    payload = _payload_of(order)
    return visit.page(
        "order.html",
        order=order,
        parcels=[(parcel, names.get(str(parcel["shop_id"]), "Toko"), _lines_of(order, parcel)) for parcel in parcels],
        steps=steps_of(order),
        missing=missing_of(order),
        qris=None if payload is None else qris_picture(payload),
        refresh_seconds=(PAY_SECONDS if payload else WAIT_SECONDS) if is_waiting(order) else None,
        can_cancel=can_be_cancelled(order),
    )


def qris_picture(payload: str) -> Markup:
    """The QRIS code as a drawing of one path, black on white whatever the page's colours."""
    code = segno.make_qr(payload, error="m")
    out = io.BytesIO()
    code.save(
        out, kind="svg", xmldecl=False, svgns=True, svgclass="qris", lineclass=None, omitsize=True, border=QUIET_ZONE,
        light="#fff", dark="#000", title="Kode QRIS",
    )  # fmt: skip
    return Markup(out.getvalue().decode())  # noqa: S704 - drawn by segno; the payload is in it as modules, not as text


@router.get("/pesanan/{order_id}/qris.png")
async def qris_file(visit: CurrentVisit, order_id: UUID) -> Response:
    """The code as a file: who pays on the same phone opens it in the banking app."""
    order = await visit.network.orders.get(f"/v1/orders/{order_id}", token=await visit.token())
    payload = _payload_of(order)
    if payload is None:
        raise NotFound
    out = io.BytesIO()
    segno.make_qr(payload, error="m").save(out, kind="png", scale=PICTURE_SCALE, border=QUIET_ZONE)
    headers = {"Content-Disposition": 'attachment; filename="qris-lumbung.png"', "Cache-Control": "no-store"}
    return Response(out.getvalue(), media_type="image/png", headers=headers)


@router.post("/pesanan/{order_id}/batal")
async def cancel(visit: CurrentVisit, form: OwnForm, order_id: UUID) -> Response:
    """Cancel the whole order."""
    path = f"/v1/orders/{order_id}/cancel"
    return await _act(visit, order_id, path, {"reason": "buyer"}, info="batal")


@router.post("/pesanan/{order_id}/paket/{parcel_id}/terima")
async def confirm_receipt(visit: CurrentVisit, form: OwnForm, order_id: UUID, parcel_id: UUID) -> Response:
    """The buyer has the parcel, and all is well."""
    return await _act(visit, order_id, f"/v1/parcels/{parcel_id}/complete", {}, info="diterima")


async def _act(visit: Visit, order_id: UUID, path: str, body: dict[str, str], *, info: str) -> Response:
    token = await visit.token()
    try:
        await visit.network.orders.call("POST", path, token=token, json=body)
    except Refused as refusal:
        if refusal.upstream_status != 409:
            raise
        info = "terlambat"
    return visit.redirect(f"/pesanan/{order_id}", info=info)


def _payload_of(order: dict[str, Any]) -> str | None:
    payload = order["payment"]["qr_payload"]
    return str(payload) if payload else None


def _lines_of(order: dict[str, Any], parcel: dict[str, Any]) -> list[dict[str, Any]]:
    return [line for line in order["lines"] if line["parcel_id"] == parcel["parcel_id"]]
