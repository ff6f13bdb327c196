"""For demonstrations: a cooperative that begins today divides what it earned today, all of it over HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import httpx2
import pytest_asyncio

from services.cooperatives.handlers import patronage
from services.cooperatives.main import service
from services.cooperatives.settings import CooperativesSettings
from shared.calendar import day_of
from shared.clock import utc_now
from shared.http import make_app
from shared.testing.delivery import deliver
from tests.cooperatives.auditing import faults
from tests.cooperatives.conftest import Office
from tests.cooperatives.world import USUAL, completed, shop_opened


@pytest_asyncio.fixture
async def early(office: Office, cooperatives_settings: CooperativesSettings) -> AsyncIterator[Office]:
    """The service as it is told not to wait for the end of the year."""
    settings = cooperatives_settings.model_copy(update={"surplus_before_year_end": True})
    app = make_app("cooperatives", *service.routers, database=office.db, settings=settings)
    app.state.verifier = office.tokens.verifier()
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://cooperatives", timeout=30) as client:
        yield Office(client, office.db, office.tokens)


async def test_from_the_first_deposit_to_the_surplus_in_the_savings(early: Office) -> None:
    people = [early.person() for _ in range(9)]
    chair, secretary, treasurer, seller = people[:4]
    year, today = day_of(utc_now()).year, day_of(utc_now())
    roles = ((chair, "ketua"), (secretary, "sekretaris"), (treasurer, "bendahara"))
    made = (
        await early.post(
            "/v1/cooperatives",
            chair,
            {
                "name": "Koperasi Hari Ini",
                "region_code": "18.01",
                "principal_savings_minor": 100_000,
                "invitation_days": 0,
                "founders": [{"name": f"Pendiri {n}", "account_id": str(p.account_id)} for n, p in enumerate(people)],
                "officers": [{"account_id": str(p.account_id), "role": role} for p, role in roles],
            },
            status=201,
        )
    ).json()
    path, members = f"/v1/cooperatives/{made['cooperative_id']}", made["founders"]
    for member, person in zip(members, people, strict=True):
        officer = secretary if person is chair else chair
        body = {"kind": "principal", "amount_minor": 100_000}
        await early.post(f"{path}/members/{member}/deposits", officer, body, status=201)
    shop_id = uuid4()
    await deliver(
        early.db,
        patronage,
        shop_opened(shop_id, seller.account_id),
        completed(UUID(made["cooperative_id"]), shop_id, 500_000, buyer=uuid4(), at=utc_now()),
    )
    lines = [
        {"code": "1101", "side": "debit", "amount_minor": 900_000},
        {"code": "4101", "side": "credit", "amount_minor": 900_000},
    ]
    journal = await early.post(f"{path}/journals", treasurer, {"description": "Jasa", "lines": lines}, status=201)
    await early.post(f"{path}/journals/{journal.json()['journal_id']}/approve", chair, status=200)
    called = {
        "kind": "annual",
        "year": year,
        "held_at": (utc_now() - timedelta(seconds=1)).isoformat(),
        "invited_on": (today - timedelta(days=1)).isoformat(),
        "is_online": True,
        "agenda": ["Pembagian SHU"],
    }
    meeting_id = (await early.post(f"{path}/meetings", chair, called, status=201)).json()["meeting_id"]
    meeting = f"{path}/meetings/{meeting_id}"
    for person in people[:6]:
        await early.post(f"{meeting}/roll", person, status=200)
    await early.post(f"{meeting}/open", chair, status=200)
    moved = await early.post(
        f"{meeting}/motions", chair, {"kind": "surplus", "text": "Pembagian SHU", "allocation": USUAL}, status=201
    )
    for person in people[:6]:
        ballot = {"motion_id": moved.json()["motion_id"], "choice": "yes"}
        await early.post(f"{meeting}/ballots", person, ballot, status=201)
    await early.post(f"{meeting}/close", chair, status=200)
    await early.post(f"{meeting}/close", secretary, status=200)

    divided = (await early.post(f"{path}/years/{year}/surplus", treasurer, {"allocation": USUAL}, status=201)).json()
    paid = (await early.post(f"{path}/members/{members[3]}/surplus/payout", seller, status=201)).json()

    assert (divided["surplus_minor"], divided["dealings_total_minor"]) == (900_000, 500_000)
    assert paid["amount_minor"] == 900_000 * 28 // 100 + 900_000 * 12 // 100 // 9
    assert await faults(early.db) == {}
