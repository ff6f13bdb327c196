"""The cooperative as pages: office and members, two persons for large withdrawals, the surplus tried, a meeting."""

import re
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from shared.calendar import day_of
from shared.clock import utc_now
from tests.storefront.conftest import ADDRESS, Town, Visitor, add, forms_of, words_of
from tests.storefront.network import Koperasi, found_cooperative, post, signed_in


@pytest_asyncio.fixture(scope="session")
async def koperasi(town: Town) -> Koperasi:
    """A cooperative for all tests."""
    return await found_cooperative(town)


async def members_of(town: Town, koperasi: Koperasi) -> list[dict[str, Any]]:
    """Its members as the service knows them."""
    found = await town.call("GET", "cooperatives", f"{koperasi.path}/members?limit=100", token=koperasi.chair_token)
    return list(found["items"])


async def test_officers_admit_somebody_without_an_account(town: Town, koperasi: Koperasi) -> None:
    office = f"{koperasi.page}/kantor"
    async with signed_in(town, koperasi.chair) as chair, signed_in(town, koperasi.secretary) as secretary:
        await secretary.go(f"{office}/anggota")
        await secretary.send(f"{office}/anggota/baru", nama="Mak Ijah", nik="9" * 16)
        assert "NIK tidak dapat dipakai" in secretary.page
        await secretary.send(f"{office}/anggota/baru", nama="Mak Ijah", hp="0812 9999 0000", nik="1871014101800001")
        assert "Mak Ijah" in secretary.page, words_of(secretary.page)

        assert "permohonan anggota menunggu" in await chair.go(office)
        await chair.go(f"{office}/permohonan")
        await chair.send(f"{office}/permohonan/", putusan="setujui")
        assert "Disetujui" in chair.page, words_of(chair.page)
        await chair.go(f"{office}/anggota?q=ijah")
        assert "Calon anggota" in chair.page
        member = re.search(rf'href="({office}/anggota/[0-9a-f-]+)"', chair.page)
        assert member is not None
        await chair.go(member[1])
        await chair.send(f"{member[1]}/setor", jenis="principal", jumlah="200.000")
        assert "Lebih dari simpanan pokok" in chair.page
        await chair.send(f"{member[1]}/setor", jenis="principal", jumlah="100.000")
        assert "Setoran dicatat" in chair.page
        assert "No. 10" in chair.page
        await chair.send(f"{member[1]}/kode")
        assert "Kode untuk anggota" in chair.page


async def test_a_large_withdrawal_waits_for_a_second_officer(town: Town, koperasi: Koperasi) -> None:
    office = f"{koperasi.page}/kantor"
    member = next(each for each in await members_of(town, koperasi) if each["name"] == "Pendiri 1")
    till = f"{office}/anggota/{member['member_id']}"
    async with signed_in(town, koperasi.chair) as chair, signed_in(town, koperasi.secretary) as secretary:
        await chair.go(till)
        await chair.send(f"{till}/setor", jenis="voluntary", jumlah="300.000")
        await chair.send(f"{till}/tarik", jumlah="400.000")
        assert "Simpanan tidak cukup" in chair.page
        await chair.send(f"{till}/tarik", jumlah="60.000")
        assert "Menunggu pengurus kedua" in chair.page, words_of(chair.page)
        assert "Anda yang mengajukan" in await chair.go(f"{office}/penarikan")

        await secretary.go(f"{office}/penarikan")
        await secretary.send(f"{office}/penarikan/", putusan="setujui")
        assert "Penarikan dibayarkan" in secretary.page, words_of(secretary.page)
        assert "Seimbang" in await secretary.go(f"{office}/neraca")


async def test_the_surplus_is_tried_in_percent_and_nothing_is_kept(town: Town, koperasi: Koperasi) -> None:
    year, page = day_of(utc_now()).year, f"{koperasi.page}/kantor/shu"
    journal = await post(
        town,
        "cooperatives",
        f"{koperasi.path}/journals",
        koperasi.treasurer_token,
        {
            "description": "Pendapatan jasa",
            "lines": [
                {"code": "1101", "side": "debit", "amount_minor": 1_000_003},
                {"code": "4101", "side": "credit", "amount_minor": 1_000_003},
            ],
        },
    )
    await post(
        town,
        "cooperatives",
        f"{koperasi.path}/journals/{journal['journal_id']}/approve",
        koperasi.chair_token,
        is_command=False,
    )
    async with signed_in(town, koperasi.chair) as chair:
        await chair.go(f"{page}?tahun={year}&p-reserve=50&p-member_capital=40")
        assert chair.status == 422
        assert "tepat 100 persen" in chair.page
        await chair.go(f"{page}?tahun={year}&p-reserve=50&p-member_capital=50")
        assert "Rp1.000.003" in chair.page, words_of(chair.page)
        assert "Anggota Rini" in chair.page
        assert "Hasil hitungan coba" in chair.page
        assert "Hasil hitungan coba" not in await chair.go(f"{page}?tahun={year}")
    async with signed_in(town, koperasi.member) as member:
        await member.go(page)
        assert member.status == 404


@pytest.mark.timeout(120)
async def test_a_meeting_from_the_call_to_the_minutes(town: Town, koperasi: Koperasi) -> None:
    office = f"{koperasi.page}/kantor/rapat"
    now = utc_now() + timedelta(hours=7)
    members = await members_of(town, koperasi)
    async with (
        signed_in(town, koperasi.chair) as chair,
        signed_in(town, koperasi.secretary) as secretary,
        signed_in(town, koperasi.member) as member,
    ):
        await chair.go(office)
        await chair.send(office, day="", agenda="SHU")
        assert chair.status == 422
        held = now - timedelta(minutes=2)
        typed = {"kind": "extraordinary", "year": str(now.year - 1), "day": held.date().isoformat()}
        typed |= {"time": held.strftime("%H:%M"), "invited_on": held.date().isoformat(), "agenda": "SHU\nLain-lain"}
        form = next(fields for action, fields in forms_of(chair.page) if action == office)
        await chair.post(office, {name: text for name, text in form.items() if name != "online"} | typed)
        assert "Rapat dicatat" in chair.page, words_of(chair.page)
        meeting = chair.path.partition("?")[0]

        await chair.send(f"{meeting}/usul", jenis="plan", usul="Membeli mesin kemas")
        assert "Usul dicatat" in chair.page, words_of(chair.page)
        await chair.send(f"{meeting}/buka")
        assert "Belum kuorum" in chair.page
        token = forms_of(chair.page)[1][1]["form_token"]
        ids = [each["member_id"] for each in members if each["state"] == "active"]
        answer = await chair.client.post(f"{meeting}/hadir", data={"form_token": token, "anggota": ids})
        assert "Daftar hadir disimpan" in answer.text, words_of(answer.text)
        await chair.go(meeting)
        await chair.send(f"{meeting}/buka")
        assert "Rapat dibuka" in chair.page, words_of(chair.page)

        await member.go(meeting)
        await member.send(f"{meeting}/suara", pilihan="yes")
        assert "Suara Anda sudah masuk" in member.page, words_of(member.page)
        raised = [fields for action, fields in forms_of(chair.page) if action == f"{meeting}/suara"][-1]
        other = next(each for each in members if each["name"] == "Pendiri 2")
        await chair.post(f"{meeting}/suara", raised | {"anggota": other["member_id"], "pilihan": "no"})
        assert "Suara dihitung" in chair.page, words_of(chair.page)
        await chair.send(f"{meeting}/tutup")
        await secretary.go(meeting)
        await secretary.send(f"{meeting}/tutup")
        assert "setuju 1, tidak 1, abstain 0" in secretary.page, words_of(secretary.page)
        assert "Selesai" in secretary.page
        assert "Membeli mesin kemas" in await member.go(f"{meeting}/berita-acara")
        assert "script" not in member.page


async def test_a_cooperative_of_others_shows_nothing_of_its_office(
    town: Town, koperasi: Koperasi, buyer: Visitor
) -> None:
    assert "Melamar menjadi anggota" in await buyer.go(koperasi.page)
    member_id = (await members_of(town, koperasi))[0]["member_id"]
    for path in ("", "/anggota", f"/anggota/{member_id}", "/permohonan", "/penarikan", "/neraca", "/shu", "/rapat"):
        await buyer.go(f"{koperasi.page}/kantor{path}")
        assert buyer.status == 404, path
    token = {"form_token": next(fields["form_token"] for _, fields in forms_of(buyer.page) if "form_token" in fields)}
    for path in (f"/anggota/{member_id}/setor", f"/anggota/{member_id}/tarik", f"/anggota/{member_id}/kode"):
        await buyer.post(f"{koperasi.page}/kantor{path}", token | {"jenis": "voluntary", "jumlah": "1000"})
        assert buyer.status == 404, path


@pytest.mark.timeout(120)
async def test_a_member_sees_their_savings_and_pays_an_order_from_them(town: Town, koperasi: Koperasi) -> None:
    mine = next(each for each in await members_of(town, koperasi) if each["name"] == "Anggota Rini")
    async with signed_in(town, koperasi.member) as member:
        assert "Rp100.000" in await member.go(koperasi.page)
        assert koperasi.name in await member.go("/saya")
        await add(member, town.products["Kopi robusta"])
        await member.go("/bayar")
        await member.send("/bayar", **ADDRESS)
        assert "Simpanan sukarela" not in member.page

        await post(
            town,
            "cooperatives",
            f"{koperasi.path}/members/{mine['member_id']}/deposits",
            koperasi.chair_token,
            {"kind": "voluntary", "amount_minor": 500_000},
        )
        await member.go("/bayar")
        await member.send("/bayar", **ADDRESS)
        assert f"Simpanan sukarela di {koperasi.name}" in member.page
        await member.send("/bayar/pesan", cara=f"savings:{koperasi.cooperative_id}")
        assert member.path.startswith("/pesanan/"), words_of(member.page)
        await member.until(member.path, "Disiapkan penjual")
        assert "Bayar belanja" in await member.go(koperasi.page)


async def test_a_cooperative_is_registered_from_a_list_of_names(town: Town, buyer: Visitor) -> None:
    page = "/koperasi/daftarkan"
    await buyer.go(page)
    founders = "\n".join(f"Pendiri {number}; 0812 3400 00{number:02d}" for number in range(8))
    await buyer.send(page, name=f"Koperasi {town.word}", region_code="18.01", founders=founders)
    assert buyer.status == 422
    assert "Pendiri belum cukup" in buyer.page
    await buyer.send(page, name=f"Koperasi {town.word}", region_code="18.01", founders=founders + "\nPendiri 9")
    assert "Koperasi terdaftar" in buyer.page, words_of(buyer.page)
    assert "Ketua" in buyer.page
