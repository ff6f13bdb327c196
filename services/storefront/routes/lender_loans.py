"""The lender's loans: paid out, paid back directly, the plan and where it stands."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Response

from services.storefront.domain.forms import amount_typed, day_typed
from services.storefront.routes.web import CurrentVisit, OwnForm, key_of, text_of
from shared.calendar import day_of
from shared.clock import utc_now

router = APIRouter(include_in_schema=False, prefix="/mitra/pinjaman")

PAGE_SIZE = 25


@router.get("")
async def loans(visit: CurrentVisit, hal: str = "") -> Response:
    """The loans that this lender gave."""
    params = {"limit": PAGE_SIZE, "cursor": hal}
    found = await visit.network.financing.get("/v1/loans", token=visit.desk_token(), params=params)
    return visit.page(
        "lender/loans.html",
        tab="pinjaman",
        loans=found["items"],
        next_cursor=found["next_cursor"],
        is_first_page=not hal,
    )


@router.get("/{loan_id}")
async def one_loan(visit: CurrentVisit, loan_id: UUID) -> Response:
    """One loan with its plan."""
    token, financing = visit.desk_token(), visit.network.financing
    loan, schedule = await asyncio.gather(
        financing.get(f"/v1/loans/{loan_id}", token=token), financing.get(f"/v1/loans/{loan_id}/schedule", token=token)
    )
    today = day_of(utc_now()).isoformat()
    return visit.page("lender/loan.html", tab="pinjaman", loan=loan, schedule=schedule, today=today)


@router.post("/{loan_id}/cair")
async def disburse(visit: CurrentVisit, form: OwnForm, loan_id: UUID) -> Response:
    """The money was paid out."""
    day = day_typed(text_of(form, "tanggal"))
    body = {"date": day.isoformat() if day else "", "reference": text_of(form, "rujukan", most=64)}
    call = visit.network.financing.call(
        "POST", f"/v1/loans/{loan_id}/disbursement", token=visit.desk_token(), key=key_of(form), json=body
    )
    return await visit.act(call, back=f"/mitra/pinjaman/{loan_id}", info="cair")


@router.post("/{loan_id}/bayar")
async def repay(visit: CurrentVisit, form: OwnForm, loan_id: UUID) -> Response:
    """Money came in directly."""
    back = f"/mitra/pinjaman/{loan_id}"
    amount_minor = amount_typed(text_of(form, "jumlah"))
    if not amount_minor:
        return visit.redirect(back, info="jumlah")
    body = {"amount_minor": amount_minor, "reference": text_of(form, "rujukan", most=64)}
    call = visit.network.financing.call(
        "POST", f"/v1/loans/{loan_id}/repayments", token=visit.desk_token(), key=key_of(form), json=body
    )
    return await visit.act(call, back=back, info="bayar")
