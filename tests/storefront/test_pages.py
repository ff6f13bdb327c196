"""Pages over HTTP, as a browser without JavaScript meets them, on the real services."""

import asyncio
import re
import secrets

import httpx2
from fastapi.routing import APIRoute

from services.storefront.routes import routers
from shared.testing.waiting import eventually
from tests.storefront.conftest import ADDRESS, PASSWORD, Town, Visitor, add, forms_of, new_phone, ordered, words_of


async def test_every_page_forbids_scripts_and_frames_and_has_none(town: Town, visitor: Visitor) -> None:
    product_id = town.products["Kopi robusta"]
    for path in ("/", "/cari?q=kopi", f"/produk/{product_id}", "/keranjang", "/masuk", "/daftar", "/tidak-ada"):
        answer = await visitor.client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert not re.search(r"<script|<style|\son[a-z]+=|\sstyle=|javascript:", answer.text), path
        assert '<html lang="id">' in answer.text
        assert '<a class="skip" href="#isi">' in answer.text


async def test_pages_are_light_enough_for_cheap_phones(town: Town, visitor: Visitor) -> None:
    front = await visitor.client.get("/", headers={"accept-encoding": "gzip"})
    address = re.search(r'href="(/aset/[^"]+\.css)"', front.text)
    assert address is not None
    style = await visitor.client.get(address[1], headers={"accept-encoding": "gzip"})
    sent = [int(answer.headers["content-length"]) for answer in (front, style)]

    assert sum(sent) < 16_000
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_the_cookie_is_for_the_server_alone(visitor: Visitor) -> None:
    answer = await visitor.client.get("/")

    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert answer.headers["cache-control"] == "private, no-cache"


async def test_every_form_of_a_foreign_page_is_refused(town: Town, visitor: Visitor) -> None:
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    paths = [route.path for route in routes if route.methods and route.methods & {"POST", "PUT", "PATCH", "DELETE"}]
    assert len(paths) > 15
    await visitor.go("/")
    some = secrets.token_hex(16)
    for path in paths:
        address = re.sub(r"\{[a-z_]+\}", some, path)
        without = await visitor.client.post(address, data={"jumlah": "1"})
        wrong = await visitor.client.post(address, data={"form_token": "x" * 86})
        assert (without.status_code, wrong.status_code) == (403, 403), path
        foreign = await visitor.client.post(address, headers={"sec-fetch-site": "cross-site"})
        assert foreign.status_code == 403, path


async def test_a_form_of_another_visitor_is_refused(town: Town, visitor: Visitor) -> None:
    product_id = town.products["Kopi robusta"]
    async with httpx2.AsyncClient(base_url=town.stack.url("storefront")) as other:
        stolen = forms_of((await other.get(f"/produk/{product_id}")).text)[1][1]
    await visitor.go("/")

    await visitor.post(f"/keranjang/{product_id}", stolen)

    assert visitor.status == 403
    assert "Keranjang Anda masih kosong" in await visitor.go("/keranjang")


async def test_a_search_with_a_typo_finds_the_product(town: Town, visitor: Visitor) -> None:
    page = await visitor.go(f"/cari?q=kripik+pisnag+{town.word}")

    assert visitor.status == 200
    assert f"Keripik pisang {town.word}" in page
    assert "Rp18.500" in page


async def test_lists_can_be_narrowed_sorted_and_paged(town: Town, visitor: Visitor) -> None:
    page = await visitor.go(f"/cari?q={town.word}&urut=price_desc")
    titles = re.findall(rf'class="name">([^<]+) {town.word}<', page)
    assert titles == ["Batik canting", "Kopi robusta", "Emping melinjo", "Keripik pisang"]

    page = await visitor.go(f"/cari?q={town.word}&wilayah=36&kategori=batik-kain")
    assert re.findall(rf'class="name">([^<]+) {town.word}<', page) == ["Batik canting"]

    page = await visitor.go(f"/cari?q={town.word}&min=20000&max=40000")
    assert len(re.findall(r'class="name"', page)) == 2


async def test_odd_searches_are_answered_kindly(town: Town, visitor: Visitor) -> None:
    assert "Tidak ada yang cocok" in await visitor.go(f"/cari?q={secrets.token_hex(20)}")
    for query in (
        "q=%00",
        "min=abc&max=-1",
        "wilayah=99.99",
        "kategori=<script>",
        "urut=x",
        "hal=kacau",
        "q=" + "a" * 500,
    ):
        await visitor.go(f"/cari?{query}")
        assert visitor.status == 200, query
        assert "<script" not in visitor.page


async def test_what_people_type_is_never_markup(visitor: Visitor) -> None:
    page = await visitor.go("/cari?q=%22%3E%3Cimg+src=x%3E")

    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;" in page


async def test_a_missing_page_and_a_missing_product_are_polite(visitor: Visitor) -> None:
    for path in ("/tidak-ada", "/produk/bukan-id", "/produk/019f0000-0000-7000-8000-000000000000", "/aset/x/y.css"):
        await visitor.go(path)
        assert visitor.status == 404, path
        assert "Ke beranda" in visitor.page
        assert "Traceback" not in visitor.page


async def test_a_guest_fills_the_basket_and_changes_their_mind(town: Town, visitor: Visitor) -> None:
    kopi, emping = town.products["Kopi robusta"], town.products["Emping melinjo"]
    await add(visitor, kopi, 2)
    await add(visitor, emping)
    assert "Rp101.000" in visitor.page
    assert f"Toko {town.word} 18.71" in visitor.page
    assert f"Toko {town.word} 36.04" in visitor.page

    await visitor.send(f"/keranjang/{kopi}", jumlah="3")
    assert "Rp139.000" in visitor.page
    await visitor.send(f"/keranjang/{kopi}", jumlah="banyak")
    assert "Jumlah tidak dikenali" in visitor.page
    await visitor.send(f"/keranjang/{emping}", jumlah="0")
    assert f"Emping melinjo {town.word}" not in visitor.page
    assert "Rp114.000" in visitor.page


async def test_signing_up_by_phone_with_a_code_takes_the_basket_along(town: Town, visitor: Visitor) -> None:
    phone, kopi = new_phone(), town.products["Kopi robusta"]
    await add(visitor, kopi, 2)
    before = visitor.client.cookies.get("lumbung")

    await visitor.go("/bayar")
    assert visitor.path.startswith("/masuk?lanjut=/bayar")
    await visitor.go("/daftar?lanjut=/bayar")
    await visitor.send("/daftar", nama="Budi", kontak="0" + phone[3:])
    assert "Masukkan kode" in visitor.page
    await visitor.send("/masuk/kode", kode="000000")
    assert visitor.status == 422
    assert "Kode tidak cocok" in visitor.page
    await visitor.send("/masuk/kode", kode=await town.code_for(phone))

    assert visitor.path.startswith("/bayar"), words_of(visitor.page)
    assert "Rp76.000" in visitor.page
    assert visitor.client.cookies.get("lumbung") != before
    assert phone not in visitor.path


async def test_signing_in_by_code_and_out_again(town: Town, visitor: Visitor) -> None:
    phone = new_phone()
    await town.call("POST", "identity", "/v1/accounts", json={"phone": phone, "name": "Budi"})

    await visitor.go("/masuk?lanjut=/pesanan")
    await visitor.send("/masuk", kontak=phone)
    await visitor.send("/masuk/kode", kode=await town.code_for(phone))
    assert "Anda belum pernah memesan" in visitor.page
    secret = visitor.client.cookies.get("lumbung")

    await visitor.send("/keluar")
    assert "Anda sudah keluar" in visitor.page
    visitor.client.cookies.set("lumbung", secret or "")
    await visitor.go("/pesanan")
    assert visitor.path.startswith("/masuk")


async def test_a_wrong_password_says_nothing_about_who_exists(town: Town, visitor: Visitor) -> None:
    email, _ = await town.sign_up("Sari")
    said = []
    for contact in (email, f"{secrets.token_hex(6)}@contoh.id"):
        await visitor.go("/masuk")
        await visitor.send("/masuk/sandi", kontak=contact, sandi="bukan sandi ini")
        assert visitor.status == 422
        said.append(re.findall(r'class="fault"[^>]*>(.*?)</p>', visitor.page))

    assert said[0] == said[1] != []


async def test_a_faulty_address_comes_back_with_what_was_typed(town: Town, buyer: Visitor) -> None:
    await add(buyer, town.products["Kopi robusta"])
    await buyer.go("/bayar")

    await buyer.send("/bayar", **(ADDRESS | {"phone": "satu", "region_code": "36.04", "postal_code": "12"}))

    assert buyer.status == 422
    assert "Tulis nomor telepon" in buyer.page
    assert "Kode pos terdiri atas lima angka" in buyer.page
    fields = dict(forms_of(buyer.page))["/bayar"]
    assert (fields["address"], fields["region_code"], fields["phone"]) == (ADDRESS["address"], "36.04", "satu")


async def test_ordering_twice_with_one_form_makes_one_order(town: Town, buyer: Visitor) -> None:
    await add(buyer, town.products["Kopi robusta"], 2)
    await add(buyer, town.products["Batik canting"])
    await buyer.go("/bayar")
    await buyer.send("/bayar", **ADDRESS)
    assert "Periksa pesanan" in buyer.page
    assert "Ongkos kirim" in buyer.page
    assert "dihitung setelah alamat" not in buyer.page
    total = re.findall(r'class="sum"><dt>Jumlah</dt><dd>([^<]+)<', buyer.page)[-1]
    fields = next(fields for action, fields in forms_of(buyer.page) if action == "/bayar/pesan")

    await buyer.post("/bayar/pesan", fields)
    first = buyer.path
    assert total in buyer.page
    await buyer.post("/bayar/pesan", fields)

    assert first == buyer.path
    assert re.fullmatch(r"/pesanan/[0-9a-f-]{36}", first)
    assert len(re.findall(r'href="/pesanan/[0-9a-f-]{36}"', await buyer.go("/pesanan"))) == 1
    assert "masih kosong" in await buyer.go("/keranjang")


async def test_pressing_the_button_many_times_at_once_makes_one_order(town: Town, buyer: Visitor) -> None:
    await add(buyer, town.products["Kopi robusta"])
    await buyer.go("/bayar")
    await buyer.send("/bayar", **ADDRESS)
    fields = next(fields for action, fields in forms_of(buyer.page) if action == "/bayar/pesan") | {"cara": "cod"}

    answers = await asyncio.gather(*(buyer.client.post("/bayar/pesan", data=fields) for _ in range(6)))

    assert len({str(answer.url) for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {200}
    assert len(re.findall(r'href="/pesanan/[0-9a-f-]{36}"', await buyer.go("/pesanan"))) == 1


async def test_who_was_forgotten_meanwhile_is_led_to_the_sign_in_page(town: Town, visitor: Visitor) -> None:
    email, token = await town.sign_up("Sari")
    await visitor.go("/masuk")
    await visitor.send("/masuk/sandi", kontak=email, sandi=PASSWORD)
    await add(visitor, town.products["Kopi robusta"])
    await town.call("DELETE", "identity", "/v1/accounts/me", token=token)

    await visitor.go("/bayar")

    assert visitor.path.startswith("/masuk?lanjut=/bayar")
    assert "Kirim kode" in visitor.page


async def test_a_qris_code_is_shown_paid_and_the_page_follows(town: Town, buyer: Visitor) -> None:
    path = await ordered(town, buyer, "qris")
    await buyer.until(path, "Kode QRIS")
    assert '<meta http-equiv="refresh"' in buyer.page
    assert "<svg" in buyer.page.partition("<figure")[2]
    picture = await buyer.client.get(path + "/qris.png")
    assert picture.content.startswith(b"\x89PNG")
    assert picture.headers["content-disposition"].startswith("attachment")

    await pay(town, buyer, path)

    await buyer.until(path, "Pembayaran diterima")
    assert '<meta http-equiv="refresh"' not in buyer.page
    assert "Menunggu pembayaran" not in buyer.page


async def test_an_order_of_more_than_there_is_says_what_is_missing(town: Town, buyer: Visitor) -> None:
    product_id, _ = await own_product(town, 10_000)
    await eventually(lambda: is_in_basket(buyer, product_id), what="orders learning of the product")
    await buyer.send(f"/keranjang/{product_id}", jumlah="6")
    await buyer.go("/bayar")
    await buyer.send("/bayar", **ADDRESS)
    await buyer.send("/bayar/pesan", cara="qris")

    await buyer.until(buyer.path, "Stok tidak cukup. Anda tidak membayar apa pun.")

    assert "Gula aren: stoknya tidak cukup (tinggal 5)." in buyer.page


async def test_the_last_address_is_offered_again(town: Town, buyer: Visitor) -> None:
    await ordered(town, buyer, "cod")
    await add(buyer, town.products["Emping melinjo"])

    fields = dict(forms_of(await buyer.go("/bayar")))["/bayar"]

    assert (fields["address"], fields["region_code"]) == (ADDRESS["address"], ADDRESS["region_code"])


async def test_a_shop_that_cannot_send_cancels_its_parcel(town: Town, buyer: Visitor) -> None:
    path = await ordered(town, buyer, "cod")
    await buyer.until(path, "Disiapkan penjual")
    async with httpx2.AsyncClient(base_url=town.stack.url("storefront"), follow_redirects=True) as client:
        seller = Visitor(client)
        await seller.go("/masuk")
        await seller.send("/masuk/sandi", kontak=town.sellers["18.71"], sandi=PASSWORD)
        await seller.until(f"/penjual/{town.shops['18.71']}/pesanan", path[-8:].upper())
        section = next(part for part in seller.page.split("<section") if path[-8:].upper() in part)
        action, fields = next(form for form in forms_of(section) if form[0].endswith("/batal"))
        await seller.post(action, fields)
        assert "Paket dibatalkan" in seller.page

    await buyer.until(path, "Dibatalkan oleh penjual")


async def test_an_order_can_be_cancelled_and_then_not_again(town: Town, buyer: Visitor) -> None:
    path = await ordered(town, buyer, "cod")
    await buyer.until(path, "Bayar saat paket tiba")

    await buyer.send(path + "/batal")
    assert "Dibatalkan oleh pembeli" in buyer.page
    assert all(action != path + "/batal" for action, _ in forms_of(buyer.page))
    await buyer.post(path + "/batal", forms_of(buyer.page)[-1][1])
    assert "Tidak bisa lagi" in buyer.page


async def test_somebody_elses_order_is_not_there(town: Town, buyer: Visitor) -> None:
    path = await ordered(town, buyer, "cod")
    async with httpx2.AsyncClient(base_url=town.stack.url("storefront"), follow_redirects=True) as client:
        other = Visitor(client)
        await other.go("/daftar")
        await other.send("/daftar", nama="Orang lain", kontak=f"{secrets.token_hex(6)}@contoh.id", sandi=PASSWORD)

        await other.go(path)

    assert other.status == 404
    assert ADDRESS["address"] not in other.page


async def test_a_changed_price_is_told_and_must_be_agreed_to(town: Town, buyer: Visitor) -> None:
    product_id, seller = await own_product(town, 10_000)
    await eventually(lambda: is_in_basket(buyer, product_id), what="orders learning of the product")
    await town.call(
        "PUT", "catalog", f"/v1/products/{product_id}/price", token=seller,
        json={"unit_price_minor": 12_500, "expected_version": 1},
    )  # fmt: skip
    await buyer.until("/keranjang", "berubah dari Rp10.000 menjadi Rp12.500")

    await buyer.go("/bayar")
    await buyer.send("/bayar", **ADDRESS)
    await buyer.send("/bayar/pesan", cara="cod")
    assert buyer.path.startswith("/keranjang?info=berubah"), words_of(buyer.page)
    await buyer.send("/keranjang/setuju")

    assert "berubah dari" not in buyer.page
    assert "Rp12.500" in buyer.page


async def test_a_seller_opens_a_shop_imports_products_and_ships(town: Town, buyer: Visitor) -> None:
    await buyer.go("/penjual")
    assert "Anda belum punya toko" in buyer.page
    await buyer.go("/penjual/buka")
    await buyer.send("/penjual/buka", name="T", region_code="")
    assert buyer.status == 422
    await buyer.send("/penjual/buka", name=f"Warung {town.word}", region_code="18.01", kunci="\u202e bukan kunci")
    assert "Toko dibuka" in buyer.page, words_of(buyer.page)
    shop = buyer.path.partition("?")[0].removesuffix("/produk")

    await buyer.go(f"{shop}/impor")
    title = f"Sirup pala {secrets.token_hex(4)}"
    sheet = f"judul,kategori,harga,stok,berat,warnah\n{title},minuman,34000,20,700,x\nTanpa harga,minuman,,5,100,x\n"
    await buyer.upload(f"{shop}/impor", ("produk.csv", sheet.encode(), "text/csv"))
    status = buyer.path
    await buyer.until(status, "Impor: Selesai")
    assert "Baris yang ditolak" in buyer.page
    assert "<code>warnah</code>" in buyer.page
    assert "<td>3</td>" in buyer.page

    await buyer.go(f"{shop}/produk")
    product = next(action for action, _ in forms_of(buyer.page) if action.endswith("/harga")).removesuffix("/harga")
    await buyer.send(f"{product}/harga", harga="Rp 35.500")
    assert "Produk disimpan" in buyer.page
    assert 'value="35.500"' in buyer.page
    await buyer.send(f"{product}/stok", ubah="-5")
    assert "Stok disimpan" in buyer.page
    assert "Tersedia <b>15</b>" in buyer.page
    await buyer.go(product)
    await buyer.send(product, title=title + " asli", price="36000")
    assert f"{title} asli" in buyer.page


async def test_orders_are_shipped_delivered_and_confirmed(town: Town, visitor: Visitor, buyer: Visitor) -> None:
    path = await ordered(town, buyer, "cod")
    await buyer.until(path, "Disiapkan penjual")
    async with httpx2.AsyncClient(base_url=town.stack.url("storefront"), follow_redirects=True) as client:
        seller = Visitor(client)
        await seller.go("/masuk")
        await seller.send("/masuk/sandi", kontak=town.sellers["18.71"], sandi=PASSWORD)
        desk = f"/penjual/{town.shops['18.71']}/pesanan"
        await seller.until(desk, "Tandai dikirim")
        assert ADDRESS["address"] in seller.page
        await seller.send(f"/penjual/{town.shops['18.71']}/paket/", kurir="JNE", resi="LMB0001")
        assert "Paket ditandai dikirim" in seller.page
        await buyer.until(path, "LMB0001")
        await seller.send(f"/penjual/{town.shops['18.71']}/paket/")
        assert "Paket ditandai sampai" in seller.page
        assert "menunggu dikirim" in await seller.go(f"/penjual/{town.shops['18.71']}")

    await buyer.until(path, "Paket saya terima baik")
    await buyer.send(f"{path}/paket/")

    assert "Terima kasih" in buyer.page
    await buyer.until(path, "Paket diterima baik")


async def is_in_basket(buyer: Visitor, product_id: str) -> bool:
    """Put a new product into the basket, if orders knows it already."""
    await add(buyer, product_id)
    return f"/keranjang/{product_id}" in buyer.page


async def pay(town: Town, buyer: Visitor, path: str) -> None:
    """Pay in the provider's sandbox, found by the amount's reference: the order's own id."""
    order_id = path.rpartition("/")[2]
    charges = await town.call("GET", "payments", "/sandbox/charges")
    charge = next(each for each in charges["items"] if order_id.replace("-", "") in str(each).replace("-", ""))
    await town.call(
        "POST", "payments", "/sandbox/pay", json={"qrContent": charge["qrContent"], "even_if_expired": True}
    )


async def own_product(town: Town, price: int) -> tuple[str, str]:
    """A product of a new shop, and its seller's token."""
    _, token = await town.sign_up("Penjual sendiri")
    shop = await town.call(
        "POST", "catalog", "/v1/shops", token=token, json={"name": "Toko harga", "region_code": "18.72"}
    )
    product = {"shop_id": shop["shop_id"], "title": "Gula aren", "category": "gula-madu", "unit_price_minor": price,
               "currency": "IDR", "stock": 5, "description": ""}  # fmt: skip
    made = await town.call("POST", "catalog", "/v1/products", token=token, json=product)
    return str(made["product_id"]), token
