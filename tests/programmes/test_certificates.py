"""Certificates: the sheet of paper with its QR code, the page that verifies it, revocation, who may see what."""

import io
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import segno
import zxingcpp
from PIL import Image, ImageDraw
from pypdf import PdfReader
from pypdf.generic import ContentStream

from services.programmes.domain.certificate import ALPHABET, Standing, as_written, masked, number_of, standing
from services.programmes.domain.training import years_later
from services.programmes.handlers import handlers
from services.programmes.views.certificates import sheet
from shared.clock import utc_now
from shared.contracts.identity import AccountErased
from shared.contracts.programmes import CertificateRevoked
from shared.testing import deliver, published
from tests.programmes.conftest import PUBLIC_URL, Desk


def squares(pdf: bytes) -> list[tuple[float, float, float]]:
    """The filled squares of the only page: left, top, side, in points."""
    page = PdfReader(io.BytesIO(pdf)).pages[0]
    contents = page.get_contents()
    assert contents is not None
    waiting: list[list[float]] = []
    found = []
    for operands, operator in ContentStream(contents, None).operations:
        if operator == b"re":
            waiting.append([float(each) for each in operands])
        elif operator == b"f":
            found += [(x, y, width) for x, y, width, height in waiting if abs(width - abs(height)) < 0.05]
            waiting = []
        elif operator in (b"S", b"B", b"n"):
            waiting = []
    return found


def drawn(pdf: bytes) -> Image.Image:
    """A picture of the squares, as a phone would see them."""
    found = squares(pdf)
    left, top = min(x for x, _, _ in found), max(y for _, y, _ in found)
    side = found[0][2]
    count = round((max(x for x, _, _ in found) - left) / side) + 1
    picture = Image.new("L", ((count + 8) * 6,) * 2, 255)
    brush = ImageDraw.Draw(picture)
    for x, y, _ in found:
        column, row = round((x - left) / side) + 4, round((top - y) / side) + 4
        brush.rectangle((column * 6, row * 6, column * 6 + 5, row * 6 + 5), fill=0)
    return picture


def row(**other: Any) -> dict[str, Any]:
    """A certificate as the database has it."""
    moment = datetime(2026, 11, 25, 18, tzinfo=UTC)
    return {
        "number": "LMB-18-2026-0123-4567-89AB",
        "scheme": "keamanan-pangan",
        "region_code": "18.01",
        "issued_at": moment,
        "expires_at": moment.replace(year=2029),
        "revoked_at": None,
        "name": "Siti Aminah",
        "title": "Keamanan pangan",
        "provider": "Dinas Kesehatan",
        "skkni_number": None,
        "starts_on": moment.date(),
        "ends_on": moment.date(),
    } | other


async def test_the_sheet_says_who_learnt_what_and_its_code_leads_to_the_verification(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    _, holder, issued = await desk.certificate(officer, name="Siti Nur  Aminah")

    answer = await desk.client.get(f"/v1/certificates/{issued['certificate_id']}.pdf", headers=holder)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    text = PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    for wanted in ("Siti Nur Aminah", issued["number"], "skema keamanan-pangan, SKKNI 181/2017", "Lampung Selatan"):
        assert wanted in text
    (code,) = zxingcpp.read_barcodes(drawn(answer.content))
    assert code.text == f"{PUBLIC_URL}/v1/certificates/{issued['number']}/verify"
    own_path = code.text.removeprefix(PUBLIC_URL)
    assert (await desk.client.get(own_path)).json()["status"] == "valid"


def test_the_code_on_the_sheet_is_module_for_module_what_the_address_makes() -> None:
    address = "https://lumbung.example/v1/certificates/LMB-18-2026-0123-4567-89AB/verify"
    expected = segno.make(address, error="m", micro=False).matrix

    found = squares(sheet(row(), address=address))

    assert len(found) == sum(sum(modules) for modules in expected)


def test_the_same_certificate_is_the_same_sheet() -> None:
    assert sheet(row(), address="https://a.example") == sheet(row(), address="https://a.example")


def test_a_long_title_stays_on_the_sheet() -> None:
    page = PdfReader(io.BytesIO(sheet(row(title="Pelatihan " * 20), address="https://a.example"))).pages[0]
    lefts: list[float] = []
    page.extract_text(visitor_text=lambda _, __, matrix, *___: lefts.append(float(matrix[4])))

    assert min(left for left in lefts if left) > 28  # 10 mm


def test_letters_that_the_font_lacks_do_not_break_the_sheet() -> None:
    text = PdfReader(io.BytesIO(sheet(row(title="Kopi ☕"), address="https://a.example"))).pages[0].extract_text()

    assert "Kopi ?" in text
    assert "26 November 2026" in text  # in Jakarta it is the next day already


async def test_anybody_with_the_number_sees_a_page_or_json_with_the_name_masked(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    _, _, issued = await desk.certificate(officer)
    path = f"/v1/certificates/{issued['number'].lower().replace('-', ' ')}/verify"

    page = await desk.client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    told = (await desk.client.get(path)).json()

    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for wanted in ("Berlaku", "S*** A*****", issued["number"], "Kabupaten Lampung Selatan"):
        assert wanted in page.text
    assert "Aminah" not in page.text
    assert (told["status"], told["masked_name"]) == ("valid", "S*** A*****")
    assert "person_id" not in told


async def test_markup_in_what_officers_write_stays_text(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    _, _, issued = await desk.certificate(officer, provider="<script>alert(1)</script>")

    page = await desk.client.get(f"/v1/certificates/{issued['number']}/verify", headers={"Accept": "text/html"})

    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize("number", ["LMB-18-2026-0000-0000-0000", "bukan-nomor", "%00", "LMB-18-2026-UUUU-0000-0000"])
async def test_a_number_that_is_none_is_not_found_also_for_people(desk: Desk, number: str) -> None:
    told = await desk.client.get(f"/v1/certificates/{number}/verify")
    page = await desk.client.get(f"/v1/certificates/{number}/verify", headers={"Accept": "text/html"})

    assert (told.status_code, page.status_code) == (404, 404)
    assert "Tidak ditemukan" in page.text


async def test_a_revoked_certificate_says_so_and_is_revoked_once(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    person_id, holder, issued = await desk.certificate(officer)
    path = f"/v1/certificates/{issued['certificate_id']}/revocation"

    first = await desk.client.post(path, json={"reason": "nilai dipalsukan"}, headers=officer)
    again = await desk.client.post(path, json={"reason": "sekali lagi"}, headers=officer)
    page = await desk.client.get(f"/v1/certificates/{issued['number']}/verify", headers={"Accept": "text/html"})
    mine = (await desk.client.get("/v1/certificates", headers=holder)).json()["items"]

    assert (first.status_code, again.status_code) == (204, 409)
    assert "Dicabut" in page.text
    assert "dipalsukan" not in page.text
    assert [item["status"] for item in mine] == ["revoked"]
    (revoked,) = await published(desk.db, CertificateRevoked, person_id=person_id)
    assert (str(revoked.certificate_id), revoked.scheme) == (issued["certificate_id"], "keamanan-pangan")


async def test_what_is_not_yours_reads_as_not_found(desk: Desk) -> None:
    _, officer = desk.person("government:18.01")
    _, other_officer = desk.person("government:18.71")
    _, province = desk.person("government:18")
    _, holder, issued = await desk.certificate(officer)
    _, stranger = desk.person()
    pdf, revocation = (f"/v1/certificates/{issued['certificate_id']}{tail}" for tail in (".pdf", "/revocation"))

    seen = [
        (await desk.client.get(pdf, headers=headers)).status_code
        for headers in (holder, officer, province, stranger, other_officer, {})
    ]
    revoked = [
        (await desk.client.post(revocation, json={"reason": "iseng"}, headers=headers)).status_code
        for headers in (other_officer, stranger, holder, {})
    ]
    listed = (await desk.client.get("/v1/certificates", headers=stranger)).json()["items"]

    assert seen == [200, 200, 200, 404, 404, 401]
    assert revoked == [404, 403, 403, 401]
    assert listed == []


async def test_when_the_holder_has_left_the_number_still_verifies_but_no_name_is_left(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    person_id, _, issued = await desk.certificate(officer, name="Nama Rahasia")

    await deliver(desk.db, handlers, AccountErased(account_id=person_id, erased_at=utc_now()))

    told = (await desk.client.get(f"/v1/certificates/{issued['number']}/verify")).json()
    pdf = await desk.client.get(f"/v1/certificates/{issued['certificate_id']}.pdf", headers=officer)
    async with desk.db.reading() as conn:
        left = await conn.fetchval("SELECT count(*) FROM enrolments WHERE name LIKE '%Rahasia%'")
        told_of = await conn.fetchval("SELECT count(*) FROM outbox WHERE data::text LIKE '%Rahasia%'")
    assert (told["status"], told["masked_name"]) == ("valid", None)
    assert (pdf.status_code, pdf.json()["type"]) == (409, "urn:lumbung:problem:name-erased")
    assert (left, told_of) == (0, 0)


def test_numbers_carry_all_sixty_bits_and_survive_being_typed() -> None:
    number = number_of("18.01", 2026, 2**60 - 1)

    assert number == "LMB-18-2026-ZZZZ-ZZZZ-ZZZZ"
    assert number_of("36", 2027, 1) == "LMB-36-2027-0000-0000-0001"
    assert as_written(" lmb 36 2027 oooo oooo oooI ") == "LMB-36-2027-0000-0000-0001"
    assert as_written("LMB-36-2027-0000-0000") is None
    assert len(ALPHABET) == 32


def test_a_certificate_counts_until_its_last_moment() -> None:
    end = datetime(2029, 11, 25, tzinfo=UTC)

    assert standing(expires_at=end, revoked_at=None, now=end - timedelta(seconds=1)) is Standing.VALID
    assert standing(expires_at=end, revoked_at=None, now=end) is Standing.EXPIRED
    assert standing(expires_at=end, revoked_at=end, now=end) is Standing.REVOKED


def test_names_are_masked_to_their_first_letters() -> None:
    assert masked("Siti Aminah") == "S*** A*****"
    assert masked("I Made A.") == "I M*** A*"


def test_months_later_stays_in_the_month() -> None:
    day = datetime(2028, 2, 29, tzinfo=UTC)

    assert years_later(day, 12) == datetime(2029, 2, 28, tzinfo=UTC)
    assert years_later(datetime(2026, 11, 30, tzinfo=UTC), 3) == datetime(2027, 2, 28, tzinfo=UTC)
    moments = [years_later(day, months) for months in range(1, 60)]
    assert all(one < two for one, two in pairwise(moments))


def test_months_later_is_the_same_day_in_western_indonesia() -> None:
    night = datetime(2027, 4, 30, 18, tzinfo=UTC)  # 1 May there, 01:00

    assert years_later(night, 6) == datetime(2027, 10, 31, 18, tzinfo=UTC)  # 1 November there
    assert years_later(datetime(2027, 2, 28, 18, tzinfo=UTC), 12) == datetime(2028, 2, 29, 18, tzinfo=UTC)
