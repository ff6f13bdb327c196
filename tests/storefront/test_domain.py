"""Rules without a network: sessions, forms, addresses that are safe to go to, drawings."""

import secrets
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from starlette.datastructures import Headers

from services.storefront.domain import words
from services.storefront.domain.basket import Basket, Group, Line, grouped, quantity_of
from services.storefront.domain.forms import address_faults, amount_typed, contact_of, product_faults, whole_number
from services.storefront.domain.session import Tokens, Vault, new_secret, session_id_of
from services.storefront.routes import pictures
from services.storefront.routes.orders import qris_picture
from services.storefront.routes.pages import moment
from services.storefront.routes.security import is_from_our_pages
from services.storefront.routes.web import safe_path

NOW = datetime(2026, 11, 24, 14, 40, tzinfo=UTC)
TOKENS = Tokens("access", "refresh", NOW + timedelta(minutes=10), name="Sari")
KEY = "a key for tests, as long as a real one would be"


def test_sealed_tokens_open_only_with_the_same_key_and_for_the_same_row() -> None:
    vault, row, other_row = Vault(KEY), secrets.token_bytes(32), secrets.token_bytes(32)

    sealed = vault.seal(row, TOKENS)

    assert vault.open(row, sealed) == TOKENS
    assert vault.open(other_row, sealed) is None
    assert Vault(KEY + "!").open(row, sealed) is None
    assert vault.open(row, sealed[:-1] + bytes([sealed[-1] ^ 1])) is None
    assert b"refresh" not in sealed


def test_a_form_token_belongs_to_one_session_and_looks_different_on_each_page() -> None:
    vault, secret = Vault(KEY), new_secret()

    first, second = vault.form_token(secret), vault.form_token(secret)

    assert first != second
    assert vault.is_form_token(secret, first)
    assert vault.is_form_token(secret, second)
    assert not vault.is_form_token(new_secret(), first)
    assert not vault.is_form_token(secret, "")
    assert not vault.is_form_token(secret, "ü" * 88)
    assert session_id_of(secret) != secret.encode()


@pytest.mark.parametrize(
    ("typed", "contact"),
    [
        ("0812 3456 7890", {"phone": "+6281234567890"}),
        ("62812-3456-7890", {"phone": "+6281234567890"}),
        ("+6281234567890", {"phone": "+6281234567890"}),
        ("sari@contoh.id", {"email": "sari@contoh.id"}),
        ("sari@contoh", None),
        ("12", None),
        ("<script>", None),
        ("", None),
    ],
)
def test_contacts_are_read_as_people_write_them(typed: str, contact: dict[str, str] | None) -> None:
    assert contact_of(typed) == contact


@pytest.mark.parametrize(
    ("typed", "amount"),
    [("12500", 12_500), ("12.500", 12_500), ("Rp 12.500", 12_500), ("Rp12.500,-", 12_500), ("12,5", None), ("-1", None),
     ("", None), ("seribu", None), ("99999999999", None)],
)  # fmt: skip
def test_prices_are_read_as_people_write_them(typed: str, amount: int | None) -> None:
    assert amount_typed(typed) == amount


@pytest.mark.parametrize(
    ("typed", "quantity"),
    [("3", 3), (" 3 ", 3), ("", 1), (None, 1), ("0", 0), ("-1", None), ("1.5", None), ("9" * 9, None)],
)
def test_quantities_are_whole_and_small(typed: str | None, quantity: int | None) -> None:
    assert quantity_of(typed) == quantity


def test_numbers_stay_within_their_bounds() -> None:
    assert whole_number("+10", least=-5, most=10) == 10
    assert whole_number("-6", least=-5, most=10) is None
    assert whole_number("1e3", least=0, most=10_000) is None


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/bayar", "/bayar"),
        ("/cari?q=kopi", "/cari?q=kopi"),
        ("//jahat.example", "/"),
        ("/\\jahat.example", "/"),
        ("https://jahat.example", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("", "/"),
    ],
)
def test_going_on_after_signing_in_never_leaves_the_site(path: str, where: str) -> None:
    assert safe_path(path) == where


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "http://lumbung.test", "host": "lumbung.test"}, True),
        ({"origin": "http://jahat.example", "host": "lumbung.test"}, False),
        ({"origin": "null", "host": "lumbung.test"}, False),
        ({"host": "lumbung.test"}, True),
    ],
)
def test_forms_of_foreign_pages_are_known_by_their_headers(headers: dict[str, str], is_ours: bool) -> None:
    assert is_from_our_pages(Headers(headers)) is is_ours


def test_an_address_without_faults_and_one_with_all() -> None:
    good = {"name": "Sari", "phone": "0812 3456 7890", "address": "Jl. Kenanga 4, Way Halim", "region_code": "18.71",
            "postal_code": "35132", "note": ""}  # fmt: skip
    bad = dict.fromkeys(good, "") | {"postal_code": "abc", "region_code": "1871"}

    assert address_faults(good).by_field == {}
    assert set(address_faults(bad).by_field) == {"name", "phone", "address", "region_code", "postal_code"}
    assert set(address_faults(good | {"region_code": "18"}).by_field) == {"region_code"}


def test_a_product_without_faults_and_one_with_all() -> None:
    good = {"title": "Kopi", "category": "kopi-teh", "price": "38.000", "weight_grams": "300", "stock": "0"}

    assert product_faults(good, is_new=True).by_field == {}
    assert set(product_faults(dict.fromkeys(good, ""), is_new=True).by_field) == set(good)


def test_a_basket_adds_up_by_shop_and_knows_when_shipping_is_unknown() -> None:
    line = Line("a", "Kopi", "kopi-teh", 2, 38_000)
    lines = [("s1", "Satu", line), ("s2", "Dua", line), ("s1", "Satu", line)]

    with_shipping = Basket(grouped(lines, {"s1": 10_000, "s2": 20_000}))
    without = Basket(grouped(lines, {"s1": 10_000}))

    assert [(group.shop_id, group.goods_minor) for group in with_shipping.groups] == [("s1", 152_000), ("s2", 76_000)]
    assert (with_shipping.goods_minor, with_shipping.shipping_minor, with_shipping.total_minor) == (
        228_000,
        30_000,
        258_000,
    )
    assert (without.shipping_minor, without.total_minor) == (None, 228_000)
    assert Basket().count == 0
    assert Group("s", "Toko", (line,), None).goods_minor == 76_000


def test_every_drawing_is_an_image_without_scripts_and_foreign_references() -> None:
    assert len(pictures.CATEGORIES) == 15
    for category in pictures.CATEGORIES:
        for tint in range(len(pictures.TINTS)):
            svg = pictures.category_svg(category, tint)
            assert svg is not None
            elements = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg).iter()}  # noqa: S314
            assert elements <= {"svg", "g", "path", "circle", "ellipse"}
            assert "href" not in svg
    assert pictures.category_svg("../../etc/passwd", 0) is None
    assert pictures.category_svg("kopi-teh", 4) is None
    assert pictures.address_of("belum-ada", 5) == "/gambar/lumbung-1.svg"


def test_a_qris_picture_is_drawn_and_does_not_hold_its_text() -> None:
    picture = qris_picture("00020101021226<script>6304ABCD")

    assert picture.startswith("<svg")
    assert "<script" not in picture
    assert "viewBox" in picture


def test_times_are_told_in_western_indonesia() -> None:
    assert moment(NOW) == "24 November 2026 pukul 21.40 WIB"
    assert moment("2026-12-31T18:00:00Z") == "1 Januari 2027 pukul 01.00 WIB"
    assert moment(None) == ""


def test_every_refusal_has_a_sentence_and_an_unknown_one_too() -> None:
    assert words.problem_sentence("offer-changed", 409).title == "Ada yang berubah"
    assert words.problem_sentence("never-heard-of", 409).title == "Belum berhasil"
    assert words.problem_sentence("", 503).title == "Sedang ada gangguan"
