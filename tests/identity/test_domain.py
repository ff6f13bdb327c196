"""The rules of identity as calculations."""

from uuid import UUID

import pytest

from services.identity.domain import contacts
from services.identity.domain.contacts import Contact, NotAContact
from services.identity.domain.notices import order_text
from services.identity.domain.passwords import Hasher, Proof
from services.identity.domain.secrets import ServerKeys, bucket_key, code_digits, is_same_code
from services.identity.domain.tokens import WrongServerKey, new_signing_key, open_signing_key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("081234567890", "+6281234567890"),
        ("0812-3456-7890", "+6281234567890"),
        ("+62 812 3456 7890", "+6281234567890"),
        ("+62 0812 3456 7890", "+6281234567890"),
        ("62812 34567890", "+6281234567890"),
        ("006281234567890", "+6281234567890"),
        ("81234567890", "+6281234567890"),
        ("(021) 5550123", "+62215550123"),
        ("０８１２３４５６７８９０", "+6281234567890"),
        ("+65 6123 4567", "+6561234567"),
        ("+1 (202) 555-0123", "+12025550123"),
    ],
)
def test_a_phone_number_has_one_spelling(text: str, expected: str) -> None:
    assert contacts.contact(text) == Contact("phone", expected)


@pytest.mark.parametrize(
    "text", ["", "0812", "abc", "+", "+0812345678", "0812345678901234", "12345678901", "+62 1 234567", "0812 345x 7890"]
)
def test_what_is_no_phone_number_is_refused(text: str) -> None:
    with pytest.raises(NotAContact):
        contacts.phone(text)


def test_an_email_address_is_stored_in_lower_case() -> None:
    assert contacts.contact("  Siti.Aminah+toko@Contoh.CO.ID ") == Contact("email", "siti.aminah+toko@contoh.co.id")


@pytest.mark.parametrize(
    "text", ["@", "a@b", "a b@c.id", "a@-c.id", "a@c..id", "a@c.id\n.d", "ä@c.id", "a" * 65 + "@c.id"]
)
def test_what_is_no_email_address_is_refused(text: str) -> None:
    with pytest.raises(NotAContact):
        contacts.email(text)


def test_a_contact_does_not_show_itself_in_logs() -> None:
    assert "0812" not in repr(contacts.phone("081234567890"))


def test_codes_follow_from_id_and_key_only() -> None:
    one, other = ServerKeys.derive("a" * 32), ServerKeys.derive("b" * 32)
    contact, codes = UUID(int=1), [UUID(int=n) for n in range(2000)]

    digits = [code_digits(one.codes, code, contact) for code in codes]

    assert all(len(code) == 6 and code.isdigit() for code in digits)
    assert len(set(digits)) > 1990
    assert digits == [code_digits(one.codes, code, contact) for code in codes]
    assert digits != [code_digits(other.codes, code, contact) for code in codes]
    assert code_digits(one.codes, codes[0], UUID(int=2)) != digits[0]


@pytest.mark.parametrize(
    ("given", "is_same"),
    [("012345", True), (" 012 345 ", True), ("12345", False), ("012346", False), ("", False), ("٠١٢٣٤٥", False)],
)
def test_codes_are_compared_as_people_type_them(given: str, is_same: bool) -> None:
    assert is_same_code(given, "012345") is is_same


def test_the_servers_keys_differ_from_each_other() -> None:
    keys = ServerKeys.derive("a" * 32)

    assert keys.codes != keys.limits
    assert b"+62812" not in bucket_key(keys.limits, "codes", "+6281234567890")


def test_passwords_are_checked_hashed_and_hashed_again() -> None:
    weak, strong = Hasher(memory_kib=1024, passes=1), Hasher(memory_kib=2048, passes=1)
    made = weak.check_or_hash("kopi lampung 1873", None)

    assert made.is_right is False
    assert made.hash is not None and made.hash.startswith("$argon2id$")
    assert weak.check("kopi lampung 1873", made.hash) == Proof(True, None)
    assert weak.check_or_hash("kopi lampung 1873", made.hash) == Proof(True, None)
    assert weak.check("kopi lampung 1874", made.hash) == Proof(False, None)
    assert weak.check("kopi lampung 1873", None) == Proof(False, None)
    assert weak.check("the password of nobody", None) == Proof(False, None)
    stronger = strong.check("kopi lampung 1873", made.hash)
    assert stronger.is_right and stronger.hash is not None and "m=2048" in stronger.hash


def test_signing_keys_are_stored_encrypted() -> None:
    vault, other = ServerKeys.derive("a" * 32).vault, ServerKeys.derive("b" * 32).vault

    key = new_signing_key(vault)

    assert b'"d"' not in key.private_key
    assert "d" not in key.public_key
    assert key.public_key["kid"] == key.id
    assert open_signing_key(vault, key.private_key).as_dict(private=False) == key.public_key
    with pytest.raises(WrongServerKey):
        open_signing_key(other, key.private_key)


def test_a_notice_names_the_order_by_its_last_digits() -> None:
    order_id = UUID("01890000-0000-7000-8000-0000deadbeef")

    assert order_text("parcel_shipped", order_id) == "Lumbung: paket dari pesanan DEADBEEF sudah dikirim."
