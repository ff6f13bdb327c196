"""Figures of regions: counted once, where and when it happened; shown as JSON and CSV; checked by the audit.

Each test has a year of its own, so that no other test's facts are in its months.
"""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest
import pytest_asyncio

from deploy.registry import ROOT
from services.programmes.domain.indicators import COUNTED, SHOWN, derived, month_of, percent
from services.programmes.handlers import counting
from services.programmes.use_cases.pool_figures import pool_months_that_are_over
from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.base import Event
from shared.db import Database
from shared.sql import Queries
from shared.testing import check_handler, deliver
from tests.programmes import say
from tests.programmes.conftest import Desk, once
from tests.programmes.test_aid import LARGE, aid_body

CHECKS = Queries(ROOT / "services" / "programmes" / "audit.sql")
YEARS = count(2300)


@pytest.fixture
def at() -> datetime:
    """A moment in the middle of a month that nobody else uses."""
    return datetime(next(YEARS), 3, 15, tzinfo=UTC)


@pytest_asyncio.fixture(autouse=True)
async def _audited(desk: Desk) -> AsyncIterator[None]:
    """After every test, all checks are silent."""
    yield
    assert await audited(desk.db) == {}


async def audited(db: Database) -> dict[str, list[str]]:
    """What the checks find."""
    found = {}
    async with db.reading() as conn:
        for query in CHECKS:
            if rows := await query.rows(conn):
                found[query.name] = [f"{row['key']}: {row['what']}" for row in rows]
    return found


def month(at: datetime) -> str:
    return f"{at:%Y-%m}"


def facts(at: datetime) -> list[Event]:
    """One of each kind that is heard, of one shop and one cooperative."""
    shop_id, cooperative_id = uuid4(), uuid4()
    loan, admission = say.Loan("18.01", at, shop_id), say.admitted("18.01", at)
    return [
        say.opened(shop_id, "18.01", at),
        say.listed(shop_id, at),
        say.completed(shop_id, "18.01", at),
        say.refunded([shop_id], at),
        say.registered(cooperative_id, "18.01", at),
        admission,
        say.resigned(admission),
        say.met(cooperative_id, at),
        say.divided(cooperative_id, at),
        loan.disbursed(),
        loan.moved(1, 3),
        loan.repaid(0),
    ]


async def counted(db: Database, at: datetime) -> dict[str, int]:
    """The true counters of a month, over all regions."""
    async with db.reading() as conn:
        rows = await conn.fetch(
            "SELECT indicator, sum(value)::bigint AS value FROM cells WHERE period = $1 GROUP BY 1", month_of(at)
        )
    return {row["indicator"]: row["value"] for row in rows}


async def test_every_fact_counts_once_whatever_happens_to_its_delivery(desk: Desk, at: datetime) -> None:
    heard = facts(at)
    assert {each.declaration.type for each in heard} == set(counting.by_type)

    for each in heard:
        await check_handler(desk.db, counting, each)

    assert await counted(desk.db, at) == {
        "toko-dibuka": 1,
        "produk-didaftarkan": 1,
        "toko-berjualan": 1,
        "paket-selesai": 1,
        "nilai-penjualan": 10_000,
        "pengembalian-dana": 15_000,
        "anggota-masuk": 1,
        "anggota-keluar": 1,
        "shu-dibagikan": 1_000_000,
        "pinjaman-dicairkan": 1,
        "pinjaman-nilai": 12_000_000,
        "angsuran-diterima": 1_120_000,
    }


async def test_one_batch_of_everything_counts_the_same(desk: Desk, at: datetime) -> None:
    heard = facts(at)

    await deliver(desk.db, counting, *heard)

    found = await counted(desk.db, at)
    assert (found["paket-selesai"], found["nilai-penjualan"], found["angsuran-diterima"]) == (1, 10_000, 1_120_000)
    async with desk.db.reading() as conn:
        assert await conn.fetchval("SELECT count(*) FROM dead_letters") == 0


async def test_what_a_shop_does_before_it_is_known_is_counted_when_it_is(desk: Desk, at: datetime) -> None:
    shop_id = uuid4()

    await deliver(desk.db, counting, say.listed(shop_id, at), say.refunded([shop_id], at))
    before = await counted(desk.db, at)
    await check_handler(desk.db, counting, say.opened(shop_id, "18.71", at))

    assert before == {}
    assert await counted(desk.db, at) == {"toko-dibuka": 1, "produk-didaftarkan": 1, "pengembalian-dana": 15_000}


async def test_a_fact_of_something_that_was_never_told_of_is_set_aside(desk: Desk, at: datetime) -> None:
    stray = [say.Loan("18.01", at).moved(1, 2), say.met(uuid4(), at)]

    await deliver(desk.db, counting, *stray)

    async with desk.db.transaction() as conn:
        reasons = await conn.fetch("DELETE FROM dead_letters RETURNING reason")
        await conn.execute("DELETE FROM parked_keys")
    assert sorted(row["reason"].split(": ")[1] for row in reasons) == ["no such cooperative", "no such loan"]
    assert await counted(desk.db, at) == {}


async def test_a_month_ends_at_midnight_in_jakarta(desk: Desk, at: datetime) -> None:
    last = at.replace(day=31, hour=16, minute=59)
    await deliver(desk.db, counting, *(say.completed(uuid4(), "18.01", last) for _ in range(5)))
    await deliver(desk.db, counting, *(say.completed(uuid4(), "18.01", last + timedelta(minutes=1)) for _ in range(6)))

    march, april = [await desk.figures("18.01", f"{at.year}-{number}") for number in ("03", "04")]

    assert (march["18.01", "paket-selesai"], april["18.01", "paket-selesai"]) == (5, 6)


async def test_four_shops_are_not_shown_and_the_fifth_shows_all(desk: Desk, at: datetime) -> None:
    shops = [uuid4() for _ in range(5)]
    await deliver(desk.db, counting, *(say.completed(each, "18.01", at) for each in shops[:4] for _ in range(3)))
    before = await desk.figures("18", month(at))

    await deliver(desk.db, counting, say.completed(shops[4], "18.01", at))
    after = await desk.figures("18", month(at))
    await deliver(desk.db, counting, say.completed(shops[4], "18.01", at))
    later = await desk.figures("18", month(at))

    for code in ("18", "18.01"):
        assert before[code, "paket-selesai"] is None
        assert before[code, "nilai-penjualan"] is None
        assert (after[code, "paket-selesai"], after[code, "toko-berjualan"]) == (13, 5)
        assert after[code, "nilai-penjualan"] == 130_000
        assert later[code, "paket-selesai"] == 13  # one more of one shop is not told apart
    assert later["18.02", "paket-selesai"] is None


async def test_an_amount_that_is_nearly_all_of_one_shop_is_not_shown(desk: Desk, at: datetime) -> None:
    shops = [uuid4() for _ in range(5)]

    await deliver(
        desk.db, counting, *(say.completed(each, "18.01", at, 1_000) for each in shops[:4]),
        say.completed(shops[4], "18.01", at, 900_000),
    )  # fmt: skip

    found = await desk.figures("18.01", month(at))
    assert (found["18.01", "paket-selesai"], found["18.01", "nilai-penjualan"]) == (5, None)


async def test_what_regencies_cannot_show_is_shown_of_their_province_when_the_month_is_over(
    desk: Desk, at: datetime
) -> None:
    for code, shops in (("18.01", 6), ("18.02", 3), ("18.71", 2), ("36.01", 2), ("36.04", 2), ("51.71", 1)):
        await deliver(desk.db, counting, *(say.completed(uuid4(), code, at) for _ in range(shops)))
    while_it_runs = await desk.figures("18", month(at))

    async with desk.db.transaction() as conn:
        early = await pool_months_that_are_over(conn, now=at.replace(month=4, day=7))
    untouched = await desk.figures("18", month(at))
    async with desk.db.transaction() as conn:
        await pool_months_that_are_over(conn, now=at.replace(month=4, day=9))
    lampung, banten, nation = [await desk.figures(each, month(at)) for each in ("18", "36", None)]

    assert early == 0
    assert while_it_runs == untouched
    assert (while_it_runs["18", "paket-selesai"], while_it_runs["18.01", "paket-selesai"]) == (6, 6)
    assert [lampung[code, "paket-selesai"] for code in ("18", "18.01", "18.02", "18.71")] == [11, 6, None, None]
    assert banten["36", "paket-selesai"] is None
    assert [nation[code, "paket-selesai"] for code in ("00", "18", "36", "51")] == [16, 11, None, None]


async def test_an_operator_pools_a_running_month_and_nobody_else_does(desk: Desk, at: datetime) -> None:
    await deliver(desk.db, counting, *(say.completed(uuid4(), f"18.0{n}", at) for n in range(1, 6)))
    path = f"/v1/indicators/{month(at)}/pools"

    refused = [
        (await desk.client.post(path, headers=headers)).status_code
        for headers in (desk.person("government:18")[1], desk.person()[1], {})
    ]
    pooled = await desk.client.post(path, headers=desk.person("operator")[1])

    assert refused == [403, 403, 401]
    assert pooled.json() == {"pools": 3}  # parcels, shops, value
    assert (await desk.figures("18", month(at)))["18", "paket-selesai"] == 5


async def test_certificates_and_aid_are_counted_with_their_registers(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    region = "18.13"
    for _ in range(5):
        await desk.certificate(officer, region_code=region)
        person_id, _ = desk.person()
        body = aid_body(person_id, region_code=region)
        await desk.client.post("/v1/aids", json=body, headers=once(officer))
        proposed = await desk.client.post(
            "/v1/aids", json=body | {"year": 2027, "amount_minor": LARGE}, headers=once(officer)
        )
        assert proposed.json()["status"] == "proposed"

    found = await desk.figures(region, f"{day_of(utc_now()):%Y-%m}")

    assert {code: found[region, code] for code in ("sertifikat-terbit", "pelatihan-selesai", "bantuan-penerima")} == {
        "sertifikat-terbit": 5,
        "pelatihan-selesai": 5,
        "bantuan-penerima": 5,
    }
    assert found[region, "bantuan-nilai"] == 25_000_000


async def test_cooperatives_are_public_and_their_meetings_a_share_of_them(desk: Desk, at: datetime) -> None:
    region, cooperatives = "73.01", [uuid4() for _ in range(3)]
    await deliver(desk.db, counting, *(say.registered(each, region, at) for each in cooperatives))
    await deliver(desk.db, counting, say.met(cooperatives[0], at), say.met(cooperatives[1], at, kind="extraordinary"))
    await deliver(desk.db, counting, say.met(cooperatives[0], at + timedelta(days=40)))
    await deliver(desk.db, counting, say.met(cooperatives[2], at + timedelta(days=40)))

    months = (f"{at.year}-02", month(at), f"{at.year}-04", f"{at.year + 1}-03")
    seen = [await desk.figures(region, each) for each in months]

    assert [each[region, "koperasi"] for each in seen] == [0, 3, 3, 3]
    assert [each[region, "rat"] for each in seen] == [0, 1, 2, 0]
    assert [each[region, "pangsa-rat"] for each in seen] == [None, 33, 67, 0]


async def test_the_share_of_bad_loans_comes_of_what_may_be_seen_only(desk: Desk, at: datetime) -> None:
    region, loans = "74.01", [say.Loan("74.01", at) for _ in range(40)]
    await deliver(desk.db, counting, *(each.disbursed() for each in loans))
    none_bad = await desk.figures(region, month(at))
    await deliver(desk.db, counting, *(each.moved(1, 3) for each in loans[:4]))
    four_bad = await desk.figures(region, month(at))
    await deliver(desk.db, counting, loans[4].moved(1, 3))
    five_bad = await desk.figures(region, month(at))
    await deliver(desk.db, counting, *(each.repaid(0) for each in loans[:5]))
    repaid = await desk.figures(region, month(at))
    earlier = await desk.figures(region, f"{at.year}-02")

    codes = ("pinjaman-kol-1", "pinjaman-kol-3", "pangsa-npl")
    assert [none_bad[region, code] for code in codes] == [40, None, None]
    assert [four_bad[region, code] for code in codes] == [40, None, None]
    assert [five_bad[region, code] for code in codes] == [35, 5, 13]
    assert [repaid[region, code] for code in codes] == [35, 0, 0]
    assert [earlier[region, code] for code in codes] == [None, None, None]


async def test_the_table_has_the_columns_of_open_data(desk: Desk, at: datetime) -> None:
    await deliver(desk.db, counting, *(say.completed(uuid4(), "18.71", at) for _ in range(5)))
    path = f"region=18.71&period={month(at)}"

    accepted = await desk.client.get(f"/v1/indicators?{path}", headers={"Accept": "text/csv"})
    named = await desk.client.get(f"/v1/indicators.csv?{path}")
    told = (await desk.client.get(f"/v1/indicators?{path}")).json()

    assert accepted.text == named.text
    assert named.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"indikator-18.71-{month(at)}.csv" in named.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(named.text)))
    assert len(rows) == len(SHOWN) == len(told["items"])
    (parcels,) = [row for row in rows if row["indikator"] == "paket-selesai"]
    assert parcels == {
        "kode_wilayah": "18.71",
        "level_wilayah": "kabupaten/kota",
        "nama_wilayah": "Kota Bandar Lampung",
        "indikator": "paket-selesai",
        "judul": "Paket selesai",
        "satuan": "paket",
        "tahun": str(at.year),
        "periode": month(at),
        "nilai": "5",
        "status": "sementara",
    }
    (hidden,) = [row for row in rows if row["indikator"] == "pelatihan-selesai"]
    assert (hidden["nilai"], hidden["status"]) == ("", "di-bawah-ambang")
    assert (told["region"], told["units_min"]) == ("18.71", 5)


@pytest.mark.parametrize("query", ["region=99", "region=18.99", "region=1801", "period=2026-13", "period=2026"])
async def test_what_is_no_region_or_month_is_refused(desk: Desk, query: str) -> None:
    answer = await desk.client.get(f"/v1/indicators?{query}")

    assert answer.status_code in (404, 422)


async def test_all_regions_are_there(desk: Desk) -> None:
    everywhere = (await desk.client.get("/v1/regions")).json()["items"]
    lampung = (await desk.client.get("/v1/regions?parent=18")).json()["items"]

    assert sum(each["level"] == 1 for each in everywhere) == 38
    assert sum(each["level"] == 2 for each in everywhere) == 514
    assert len(lampung) == 15
    assert lampung[0] == {"code": "18.01", "name": "Kabupaten Lampung Selatan", "level": 2, "parent_code": "18"}


def test_shares_are_whole_percent_half_up_and_nothing_of_nothing() -> None:
    assert [percent(part, 40) for part in (0, 1, 5, 40)] == [0, 3, 13, 100]
    assert percent(1, 0) is None
    assert derived({"koperasi": 3, "rat": 2, "pinjaman-kol-1": 10})["pangsa-npl"] is None


def test_every_indicator_has_its_own_code() -> None:
    assert len(COUNTED) == 23
    assert len({each.code for each in SHOWN}) == len(SHOWN)


PLANTED = {
    "seats_are_enrolments": "UPDATE trainings SET taken = taken - 1 WHERE taken > 0",
    "certificates_are_of_who_passed": "UPDATE enrolments SET state = 'failed' WHERE state = 'passed'",
    "counters_are_their_contributions": "UPDATE cells SET value = value + 1 WHERE indicator = 'paket-selesai'",
    "what_is_shown_was_counted": "UPDATE shown SET value = value - 1 WHERE indicator = 'paket-selesai'",
    "no_cell_shows_more_than_it_has": "UPDATE shown SET value = value + 1 WHERE indicator = 'paket-selesai'",
    "certificates_are_counted": "DELETE FROM cells WHERE indicator = 'sertifikat-terbit'",
    "aid_is_counted": "UPDATE aids SET amount_minor = amount_minor + 1 WHERE state = 'granted'",
    "loans_are_counted_in_their_class": "UPDATE loans SET collectability = 5 WHERE collectability = 1",
}


def test_every_check_has_its_corruption() -> None:
    assert {query.name for query in CHECKS} == set(PLANTED)


@pytest.mark.parametrize("name", PLANTED)
async def test_each_check_sees_what_is_planted(desk: Desk, at: datetime, name: str) -> None:
    _, officer = desk.person("government:18")
    await desk.certificate(officer)
    await desk.client.post("/v1/aids", json=aid_body(desk.person()[0]), headers=once(officer))
    await deliver(desk.db, counting, *(say.completed(uuid4(), "18.01", at) for _ in range(5)))
    await deliver(desk.db, counting, say.Loan("18.01", at).disbursed())

    async with desk.db.reading() as conn:
        undone = conn.raw.transaction()
        await undone.start()
        await conn.execute(PLANTED[name])
        found = await getattr(CHECKS, name).rows(conn)
        await undone.rollback()

    assert found
