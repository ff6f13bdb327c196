"""Pages while other services are down, and what is said of them behind HTTPS."""

import secrets

from tests.storefront.conftest import ADDRESS, PASSWORD, Town, Visitor, add, forms_of


async def test_when_the_other_services_are_down_people_are_told_so(lonely: Visitor) -> None:
    for path in ("/", "/cari?q=kopi", "/produk/019f0000-0000-7000-8000-000000000000"):
        answer = await lonely.client.get(path)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "Sedang ada gangguan" in answer.text
        assert "Traceback" not in answer.text
    assert "masih kosong" in await lonely.go("/keranjang")
    await lonely.go("/masuk")
    await lonely.send("/masuk", kontak="081234567890")
    assert lonely.status == 503


async def test_when_orders_is_down_a_sent_order_can_be_sent_again_with_the_same_key(without_orders: Visitor) -> None:
    page, key = without_orders, "01a20f9a-8bdd-7bcf-a7af-f222799ad031"
    await page.go("/daftar")
    await page.send("/daftar", nama="Sari", kontak=f"{secrets.token_hex(6)}@contoh.id", sandi=PASSWORD)
    assert "Selamat datang" in page.page
    token = forms_of(page.page)[-1][1]

    await page.post("/bayar/pesan", {**token, **ADDRESS, "kunci": key, "cara": "cod"})

    assert page.status == 503
    assert "tidak akan tercatat dua kali" in page.page
    again = next(fields for action, fields in forms_of(page.page) if action == "/bayar/pesan")
    assert again == {"form_token": again["form_token"], **ADDRESS, "kunci": key, "cara": "cod"}


async def test_a_guest_shops_on_while_orders_is_down(without_orders: Visitor, town: Town) -> None:
    await add(without_orders, town.products["Kopi robusta"], 2)

    assert "Rp76.000" in without_orders.page


async def test_behind_https_the_cookie_is_secure_and_browsers_stay_there(lonely: Visitor) -> None:
    answer = await lonely.client.get("/masuk")

    assert answer.headers["set-cookie"].startswith("__Host-lumbung=")
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
