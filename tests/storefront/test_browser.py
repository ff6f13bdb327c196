"""One journey in a real browser with JavaScript switched off: from a search with a typo to an order that is paid.

Pictures of each page, on a phone and on a desk, are left in the stack's folder (`storefront-screens`).
"""

import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Error, Page, async_playwright, expect

from shared.testing.waiting import eventually
from tests.storefront.conftest import PASSWORD, Town, new_phone
from tests.storefront.network import found_cooperative

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
WAIT_MS = 30_000
AXE = "axe-core@4.14.1"
AXE_SHA512 = (
    "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b73"
    "4f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5"
)
BUTTON_PIXELS_MIN = 44  # thumbs; WCAG 2.2 (2.5.8) asks for 24


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    if CHROMIUM is None:
        pytest.fail("no Chromium on this machine; `make chromium` installs it on Debian")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        await browser.close()


class Album:
    """Pictures of pages."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    async def take(self, page: Page, name: str) -> None:
        """The whole page at both widths; it must not be wider than the screen."""
        for label, size in (("desktop", DESK), ("phone", PHONE)):
            await page.set_viewport_size({"width": size["width"], "height": size["height"]})
            await eventually(
                partial(self._picture, page, f"{name}-{label}", size["width"]), what=f"{name} on a {label}"
            )

    async def _picture(self, page: Page, name: str, width: int) -> bool:
        """Take one; not while the page is being replaced, which pages that ask again by themselves often are."""
        try:
            is_narrow_enough = await page.evaluate("document.documentElement.scrollWidth") <= width
            await page.screenshot(path=self._folder / f"{name}.png", full_page=True, timeout=WAIT_MS)
        except Error:
            return False
        assert is_narrow_enough, name
        return True


@pytest_asyncio.fixture
async def context(town: Town, browser: Browser) -> AsyncIterator[BrowserContext]:
    """A phone without JavaScript."""
    context = await browser.new_context(
        base_url=town.stack.url("storefront"),
        java_script_enabled=False,
        locale="id-ID",
        viewport={"width": PHONE["width"], "height": PHONE["height"]},
    )
    context.set_default_timeout(WAIT_MS)
    yield context
    await context.close()


@pytest.mark.timeout(180)
async def test_a_buyer_finds_orders_and_pays_without_javascript(town: Town, context: BrowserContext) -> None:
    album, phone, page = Album(town.stack.home / "storefront-screens"), new_phone(), await context.new_page()
    await page.goto("/")
    await album.take(page, "01-home")

    await page.get_by_label("Cari produk").fill(f"kripik pisnag {town.word}")
    await page.get_by_role("button", name="Cari").click()
    await expect(page.locator(".card").first).to_contain_text(f"Keripik pisang {town.word}")
    await album.take(page, "02-search")
    await page.locator(".card a").first.click()
    await page.get_by_label("Jumlah").fill("2")
    await album.take(page, "03-product")
    await page.get_by_role("button", name="Masukkan keranjang").click()
    await page.goto(f"/produk/{town.products['Batik canting']}")
    await page.get_by_role("button", name="Masukkan keranjang").click()
    await expect(page.locator("main")).to_contain_text(f"Toko {town.word} 18.71")
    await expect(page.locator("main")).to_contain_text(f"Toko {town.word} 36.04")
    await expect(page.locator(".totals .sum dd")).to_have_text("Rp187.000")
    await album.take(page, "04-basket")

    await page.get_by_role("link", name="Lanjut ke alamat").click()
    await album.take(page, "05-sign-in")
    await page.get_by_role("link", name="Daftar di sini").click()
    await page.get_by_label("Nama").fill("Sari Pembeli")
    await page.get_by_label("Nomor HP atau surel").fill(phone)
    await album.take(page, "06-sign-up")
    await page.get_by_role("button", name="Daftar").click()
    await album.take(page, "07-code")
    await page.get_by_label("Kode").fill(await town.code_for(phone))
    await page.get_by_role("button", name="Masuk", exact=True).click()

    await page.get_by_label("Alamat").fill("Jl. Kenanga 4, Way Halim")
    await album.take(page, "08-address")
    await page.get_by_label("Kabupaten atau kota").select_option("36.73")
    await page.get_by_role("button", name="Hitung ongkos kirim").click()
    await expect(page.get_by_role("heading", name="Periksa pesanan")).to_be_visible()
    await expect(page.locator("aside .totals")).not_to_contain_text("dihitung")
    total = await page.locator("aside .totals .sum dd").inner_text()
    await album.take(page, "09-summary")
    await page.get_by_label("QRIS").check()
    await page.get_by_role("button", name="Buat pesanan").click()

    code = page.get_by_role("img", name="Kode QRIS untuk dipindai")
    await expect(code).to_be_visible(timeout=WAIT_MS)  # the page asks again by itself, without JavaScript
    await expect(page.locator(".pay .price")).to_have_text(total)
    box = await code.bounding_box()
    assert box is not None
    assert box["width"] >= 200
    await album.take(page, "10-qris")
    await pay(town, page.url)
    await expect(page.get_by_role("heading", name="Pembayaran diterima")).to_be_visible(timeout=WAIT_MS)
    await album.take(page, "11-paid")
    await page.goto("/pesanan")
    await expect(page.locator(".rows li")).to_have_count(1)
    await album.take(page, "12-orders")


@pytest.mark.timeout(180)
async def test_pages_are_reachable_by_keyboard_named_and_large_enough(town: Town, context: BrowserContext) -> None:
    page = await context.new_page()
    for path in ("/", "/cari?q=kopi", f"/produk/{town.products['Kopi robusta']}", "/keranjang", "/masuk", "/daftar"):
        await page.goto(path)
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        assert await page.locator("h1").count() == 1, path
        for landmark in ("banner", "main", "contentinfo", "search"):
            assert await page.get_by_role(landmark).count() == 1, (path, landmark)
        for field in await page.locator("input:visible, select:visible, textarea:visible").all():
            named = await field.get_attribute("id")
            assert await page.locator(f'label[for="{named}"]').count() == 1, (path, named)
        for control in await page.locator(".button:visible, button:visible, nav.own a, .cats a").all():
            box = await control.bounding_box()
            assert box is not None
            assert box["height"] >= BUTTON_PIXELS_MIN, (path, await control.inner_text(), box)
        for image in await page.locator("img").all():
            assert await image.get_attribute("alt") is not None, path
        for size in (PHONE, {"width": 320, "height": 568}, DESK):
            await page.set_viewport_size({"width": size["width"], "height": size["height"]})
            assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"], (path, size)


@pytest.mark.timeout(180)
async def test_an_officer_and_a_seller_work_on_a_cheap_phone(town: Town, context: BrowserContext) -> None:
    album, page = Album(town.stack.home / "storefront-screens"), await context.new_page()
    koperasi = await found_cooperative(town)
    office, shop = f"{koperasi.page}/kantor", f"/penjual/{town.shops['18.71']}"

    await sign_in(page, koperasi.chair)
    await page.goto(f"{office}/anggota")
    await page.get_by_role("link", name="Pendiri 3").click()
    await page.get_by_label("Jumlah (rupiah)").first.fill("20.000")
    await page.get_by_role("button", name="Catat setoran").click()
    await expect(page.get_by_role("status")).to_contain_text("Setoran dicatat")
    await album.take(page, "20-member")
    await page.goto(f"{office}/shu")
    await page.get_by_role("button", name="Hitung").click()
    await expect(page.get_by_role("heading", name="Hasil hitungan coba")).to_be_visible()
    await album.take(page, "21-surplus")
    for path in ("", "/anggota", "/permohonan", "/penarikan", "/neraca", "/rapat"):
        await fits(page, office + path)

    await page.get_by_role("button", name="Keluar").click()
    await sign_in(page, town.sellers["18.71"])
    await page.goto(f"{shop}/uang")
    await album.take(page, "22-money")
    for path in ("", "/pesanan", "/produk", "/uang", "/pencairan", "/rekening", "/pinjaman", "/pinjaman/ajukan"):
        await fits(page, shop + path)
    for path in ("/saya", "/koperasi", koperasi.page, "/pelatihan", "/pelatihan/saya", "/indikator?wilayah=18"):
        await fits(page, path)


async def sign_in(page: Page, email: str) -> None:
    """By password."""
    await page.goto("/masuk")
    await page.get_by_text("Masuk dengan kata sandi").click()
    await page.locator("#kontak2").fill(email)
    await page.get_by_label("Kata sandi").fill(PASSWORD)
    await page.get_by_role("button", name="Masuk", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("Selamat datang")


async def fits(page: Page, path: str) -> None:
    """One heading, every field named, and nothing wider than the screen of a cheap phone."""
    await page.goto(path)
    assert await page.locator("h1").count() == 1, path
    for field in await page.locator("input:visible, select:visible, textarea:visible").all():
        named = await field.get_attribute("id")
        is_labelled = named is not None and await page.locator(f'label[for="{named}"]').count() == 1
        assert is_labelled or await field.evaluate("field => field.closest('label') !== null"), (path, named)
    for width in (360, 320):
        await page.set_viewport_size({"width": width, "height": 640})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core, pinned, from the npm registry; where npm or the registry cannot be had the check is skipped."""
    folder = tmp_path_factory.mktemp("axe")
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine")
    packed = subprocess.run(["npm", "pack", "--silent", AXE], cwd=folder, capture_output=True, timeout=60, check=False)
    if packed.returncode != 0:
        pytest.skip("the npm registry does not answer")
    archive = next(folder.glob("*.tgz"))
    assert hashlib.sha512(archive.read_bytes()).hexdigest() == AXE_SHA512
    with tarfile.open(archive) as files:
        found = files.extractfile("package/axe.min.js")
        assert found is not None
        return found.read().decode()


@pytest.mark.timeout(180)
async def test_axe_finds_no_fault_on_any_public_page(town: Town, browser: Browser, axe: str) -> None:
    faults: list[str] = []
    for size in (PHONE, DESK):
        context = await browser.new_context(
            base_url=town.stack.url("storefront"),
            bypass_csp=True,  # for axe alone: our own policy allows no script
            viewport={"width": size["width"], "height": size["height"]},
        )
        page = await context.new_page()
        shop = f"/toko/{town.shops['18.71']}"
        product = f"/produk/{town.products['Kopi robusta']}"
        market = ("/", "/cari?q=kopi", product, shop, "/keranjang", "/masuk", "/daftar", "/tidak-ada")
        for path in (*market, "/indikator?wilayah=18", "/koperasi", "/pelatihan", "/sertifikat", "/mitra/masuk"):
            await page.goto(path)
            await page.add_script_tag(content=axe)
            result = await page.evaluate("axe.run()")
            assert len(result["passes"]) > 10, path
            faults += [f"{path} {each['id']}: {each['nodes'][0]['html'][:200]}" for each in result["violations"]]
        await context.close()

    assert faults == []


async def pay(town: Town, address: str) -> None:
    """The buyer's bank pays what the code says."""
    order_id = address.partition("?")[0].rpartition("/")[2].replace("-", "")
    charges = await town.call("GET", "payments", "/sandbox/charges")
    charge = next(each for each in charges["items"] if order_id in str(each).replace("-", ""))
    await town.call(
        "POST", "payments", "/sandbox/pay", json={"qrContent": charge["qrContent"], "even_if_expired": True}
    )
