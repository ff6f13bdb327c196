"""The seller's money and loans as pages: each rupiah with its order, refunds by line, a loan from wish to plan."""

import re

import pytest
import pytest_asyncio

from tests.storefront.conftest import Town, Visitor, forms_of, ordered, words_of
from tests.storefront.network import Lender, add_lender, guest, signed_in

SHOP = "18.71"


@pytest_asyncio.fixture(scope="session")
async def lender(town: Town) -> Lender:
    """A lender who is there for all tests."""
    return await add_lender(town)


async def completed(town: Town, buyer: Visitor, seller: Visitor) -> str:
    """An order that the buyer has accepted; its page at the seller's."""
    path = await ordered(town, buyer, "cod")
    await buyer.until(path, "Disiapkan penjual")
    order_id = path.rpartition("/")[2]
    order = await town.call("GET", "orders", f"/v1/orders/{order_id}", token=await _token(town, SHOP))
    (parcel,) = order["parcels"]
    token, cost_minor = await _token(town, SHOP), parcel["goods_minor"] + parcel["shipping_minor"]
    for what, body in (("ship", {"carrier": "JNE", "tracking": "1"}), ("deliver", {"collected_minor": cost_minor})):
        await town.call("POST", "orders", f"/v1/parcels/{parcel['parcel_id']}/{what}", token=token, json=body)
    await buyer.until(path, "Paket saya terima baik")
    await buyer.send(f"{path}/paket/")
    return f"/penjual/{town.shops[SHOP]}/pesanan/{order_id}"


async def _token(town: Town, region: str) -> str:
    form = {"grant_type": "password", "email": town.sellers[region], "password": "padi menguning di sawah"}
    return str((await town.call("POST", "identity", "/v1/token", data=form))["access_token"])


@pytest.mark.timeout(120)
async def test_each_rupiah_of_the_statement_leads_to_its_order_where_lines_are_refunded(
    town: Town, buyer: Visitor
) -> None:
    async with signed_in(town, town.sellers[SHOP]) as seller:
        order = await completed(town, buyer, seller)
        money = f"/penjual/{town.shops[SHOP]}/uang"
        await seller.until(money, f'href="{order}"')
        assert "Barang Rp38.000 + ongkos kirim" in seller.page
        before = re.search(r'class="figures lead">\s*<li><b>([^<]+)</b>', seller.page)

        await seller.go(order)
        await seller.send(order, **{f"jumlah-{town.products['Kopi robusta']}": "1"}, alasan="")
        assert "Jumlah tidak dikenali" in seller.page
        await seller.send(order, **{f"jumlah-{town.products['Kopi robusta']}": "1"}, alasan="damaged")
        assert "Pengembalian dana diproses" in seller.page, words_of(seller.page)
        await seller.until(money, "Pengembalian dana")

    after = re.search(r'class="figures lead">\s*<li><b>([^<]+)</b>', seller.page)
    assert before is not None
    assert after is not None
    assert after[1] != before[1]


async def test_a_seller_says_where_the_shop_is_paid_and_what_it_is_for_the_tax(town: Town) -> None:
    async with signed_in(town, town.sellers["36.04"]) as seller:
        page = f"/penjual/{town.shops['36.04']}/rekening"
        assert "Belum diisi" in await seller.go(page)
        await seller.send(page, bank_code="002", account_number="12", holder_name="Siti")
        assert seller.status == 422
        assert "5 sampai 20 angka" in seller.page
        await seller.send(page, bank_code="002", account_number="0123 4567 890", holder_name="Siti Aminah")
        assert "Rekening disimpan" in seller.page, words_of(seller.page)
        assert "SITI AMINAH" in seller.page
        assert "01234567890" not in seller.page
        await seller.send(f"/penjual/{town.shops['36.04']}/pajak", jenis="individual", omzet_kecil="ya")
        assert "Pernyataan pajak disimpan" in seller.page
        assert "Belum ada pencairan" in await seller.go(f"/penjual/{town.shops['36.04']}/pencairan")


async def test_money_of_another_shop_is_not_found(town: Town, buyer: Visitor) -> None:
    shop = f"/penjual/{town.shops[SHOP]}"
    for path in ("uang", "pencairan", "rekening", "pinjaman", "pinjaman/ajukan"):
        await buyer.go(f"{shop}/{path}")
        assert buyer.status == 404, path
        assert "Keluar" in buyer.page  # an error keeps the menu of who is signed in
    token = forms_of(buyer.page)[-1][1]
    for path in ("rekening", "pajak"):
        filled = {"bank_code": "002", "account_number": "0123456789", "holder_name": "MALING", "jenis": "entity"}
        await buyer.post(f"{shop}/{path}", token | filled)
        assert buyer.status == 404, path


@pytest.mark.timeout(120)
async def test_a_loan_from_the_words_of_consent_to_the_plan(town: Town, lender: Lender) -> None:
    shop = f"/penjual/{town.shops[SHOP]}"
    async with (
        signed_in(town, town.sellers[SHOP]) as seller,
        signed_in(town, town.sellers["36.04"]) as other,
        guest(town) as desk,
    ):
        await seller.go(f"{shop}/pinjaman/ajukan")
        await seller.post(f"{shop}/pinjaman/ajukan", forms_of(seller.page)[1][1] | {"amount": "x", "scope": "sales"})
        assert seller.status == 422
        await seller.post(
            f"{shop}/pinjaman/ajukan", forms_of(seller.page)[1][1] | {"amount": "10.000.000", "scope": "sales"}
        )
        assert "Saya mengizinkan lembaga pembiayaan mitra" in seller.page, words_of(seller.page)
        action, sent = next(form for form in forms_of(seller.page) if form[0].endswith("/kirim"))
        await seller.post(action, {name: value for name, value in sent.items() if name != "setuju"})
        assert "Centang izin ini" in seller.page
        action, sent = next(form for form in forms_of(seller.page) if form[0].endswith("/kirim"))
        await seller.post(action, sent | {"setuju": "ya"})
        assert "Permohonan dikirim" in seller.page, words_of(seller.page)
        application = seller.path.partition("?")[0]
        await other.go(application)
        assert other.status == 404
        await other.go(application.replace(town.shops[SHOP], town.shops["36.04"]))
        assert other.status == 404

        await desk.go("/mitra")
        await desk.send("/mitra/masuk", klien=lender.client_id, rahasia="salah")
        assert "Tidak cocok" in desk.page
        await desk.send("/mitra/masuk", klien=lender.client_id, rahasia=lender.secret)
        assert "Meja mitra pembiayaan" in desk.page, words_of(desk.page)
        seen = f"/mitra/permohonan/{application.rpartition('/')[2]}"
        await desk.until("/mitra", seen)
        await desk.go(seen)
        await desk.send(f"{seen}/profil")
        assert "Omzet bersih setahun" in desk.page, words_of(desk.page)
        await desk.send(f"{seen}/tawarkan")
        assert "Penawaran dikirim" in desk.page, words_of(desk.page)

        await seller.go(application)
        assert "Total biaya" in seller.page
        path = f"/v1/applications/{application.rpartition('/')[2]}/offers"
        (offer,) = (await town.call("GET", "financing", path, token=lender.token))["items"]
        assert f"{offer['effective_rate'].replace('.', ',')}%" in seller.page
        consent = re.search(r'href="(/penjual/[^"]+/izin/[^"]+)"', seller.page)
        assert consent is not None
        await seller.send(f"{application}/terima")
        assert "Penawaran diterima" in seller.page, words_of(seller.page)
        assert "membaca</span>" in await seller.go(consent[1])
        assert re.search(r"sampai \d+ \w+ \d{4} pukul 00\.00 WIB", seller.page), "it ends as its last day begins"

        await desk.go("/mitra/pinjaman")
        loan = re.search(r'href="(/mitra/pinjaman/[^"]+)"', desk.page)
        assert loan is not None
        await desk.go(loan[1])
        await desk.send(f"{loan[1]}/cair", rujukan="CAIR-1")
        assert "Pencairan dicatat" in desk.page, words_of(desk.page)
        assert "Jadwal angsuran" in await seller.go(f"{shop}/pinjaman/kredit/{loan[1].rpartition('/')[2]}")
        await desk.send(f"{loan[1]}/bayar", jumlah="500.000", rujukan="B-1")
        assert "dibayar langsung, rujukan B-1" in desk.page, words_of(desk.page)

        await desk.go("/mitra/langganan")
        assert "Diambil (pull)" in desk.page
        await desk.send("/mitra/langganan/", perintah="uji")
        assert "Peristiwa uji dikirim" in desk.page, words_of(desk.page)

        await seller.go(consent[1])
        await seller.send(f"{consent[1]}/cabut")
        assert "Izin dicabut" in seller.page, words_of(seller.page)
        await desk.go(seen)


async def test_what_nobody_lends_comes_back_with_reasons_and_takes_its_consent_back(town: Town, lender: Lender) -> None:
    shop = f"/penjual/{town.shops['36.04']}"
    async with signed_in(town, town.sellers["36.04"]) as seller:
        await seller.go(f"{shop}/pinjaman/ajukan")
        await seller.post(
            f"{shop}/pinjaman/ajukan", forms_of(seller.page)[1][1] | {"amount": "900.000.000", "scope": "sales"}
        )
        action, sent = next(form for form in forms_of(seller.page) if form[0].endswith("/kirim"))
        await seller.post(action, sent | {"setuju": "ya"})

        assert seller.status == 422
        assert "Belum ada yang cocok" in seller.page
        assert "Modal Usaha" in seller.page
        assert "Dicabut" in await seller.go(f"{shop}/pinjaman")


async def test_a_desk_is_no_person_and_a_person_no_desk(town: Town, lender: Lender, buyer: Visitor) -> None:
    await buyer.go("/mitra")
    assert buyer.path.startswith("/mitra/masuk")
    await buyer.send("/mitra/masuk", klien=lender.client_id, rahasia=lender.secret)
    assert "Meja mitra" in buyer.page, words_of(buyer.page)

    for path in ("/saya", "/penjual", "/pesanan", "/bayar", "/pelatihan/saya"):
        await buyer.go(path)
        assert buyer.path.startswith("/masuk"), path
    await buyer.go(f"/mitra/permohonan/{town.shops[SHOP]}")
    assert buyer.status == 404
    await buyer.go("/mitra")
    await buyer.send("/keluar")
    await buyer.go("/mitra/pinjaman")
    assert buyer.path.startswith("/mitra/masuk")
