"""What everybody may see: figures per region, trainings, certificates; and what members of the public do there."""

import re
from datetime import timedelta

import pytest

from shared.clock import utc_now
from tests.storefront.conftest import Town, Visitor, forms_of, words_of


@pytest.mark.parametrize("path", ["/indikator", "/pelatihan", "/koperasi", "/sertifikat", "/mitra/masuk"])
async def test_public_pages_have_one_heading_and_no_script(town: Town, visitor: Visitor, path: str) -> None:
    page = await visitor.go(path)

    assert visitor.status == 200
    assert page.count("<h1") == 1
    assert not re.search(r"<script|<style|\son[a-z]+=|\sstyle=|javascript:", page)


async def test_figures_of_a_region_are_shown_or_said_to_be_hidden(town: Town, visitor: Visitor) -> None:
    page = await visitor.go("/indikator?wilayah=18&ukuran=toko-dibuka")

    assert "Indikator Lampung" in page
    assert "Kota Bandar Lampung" in page
    assert "Koperasi terdaftar" in page
    assert "disembunyikan" in page
    answer = await visitor.client.get("/indikator.csv?wilayah=18")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.startswith("kode_wilayah,")
    for odd in ("wilayah=99", "wilayah=%3Cscript%3E", "bulan=2026-13", "ukuran=x", "wilayah=18.01&bulan=2020-01"):
        await visitor.go(f"/indikator?{odd}")
        assert visitor.status == 200, odd


async def test_people_join_a_training_and_leave_it(town: Town, visitor: Visitor, buyer: Visitor) -> None:
    assert "sertifikat" in (await buyer.go("/pelatihan/saya")).lower()
    assert "Belum ada sertifikat" in buyer.page
    found = await town.call("GET", "programmes", "/v1/trainings")
    day = (utc_now() + timedelta(days=1)).date().isoformat()
    for training in found["items"]:
        if training["ends_on"] < day:
            continue
        page = f"/pelatihan/{training['training_id']}"
        await buyer.go(page)
        await buyer.send(page, nama="Sari Pembeli")
        assert "Anda ikut" in buyer.page, words_of(buyer.page)
        await buyer.send(f"{page}/mundur")
        assert "Pendaftaran dibatalkan" in buyer.page
        return


async def test_an_unknown_certificate_is_told_kindly(town: Town, visitor: Visitor) -> None:
    await visitor.go("/sertifikat?nomor=LMB-0000-0000")
    assert visitor.status == 404
    assert "Tidak ditemukan" in visitor.page
    for odd in ("..%2F..%2Faccounts", "%00", "a/../b", "x" * 500):
        await visitor.go(f"/sertifikat?nomor={odd}")
        assert visitor.status == 404, odd


async def test_pages_of_people_lead_guests_to_the_way_in_and_back(town: Town, visitor: Visitor) -> None:
    for path in ("/saya", "/pelatihan/saya", "/koperasi/daftarkan"):
        await visitor.go(path)
        assert visitor.path.startswith("/masuk?lanjut="), path
    assert any(action == "/masuk" for action, _ in forms_of(visitor.page))
