"""What people type into forms, read kindly and checked once; every fault has a sentence beside its field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from shared import regions

PHONE: Final = re.compile(r"\+?[0-9]{8,15}")
EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]{2,}")
PRICE_MAX: Final = 1_000_000_000
PASSWORD_CHARACTERS_MIN: Final = 10


@dataclass(slots=True)
class Faults:
    """Sentences by the field they belong to."""

    by_field: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, sentence: str) -> None:
        """The first fault of a field stays."""
        self.by_field.setdefault(name, sentence)

    def __bool__(self) -> bool:
        return bool(self.by_field)


def contact_of(text: str) -> dict[str, str] | None:
    """A phone number or an e-mail address as identity takes it; None when it is neither."""
    if "@" in text:
        return {"email": text} if EMAIL.fullmatch(text) else None
    phone = re.sub(r"[\s().-]", "", text)
    if phone.startswith("0"):
        phone = "+62" + phone[1:]
    elif phone.startswith("62"):
        phone = "+" + phone
    return {"phone": phone} if PHONE.fullmatch(phone) else None


def address_faults(values: Mapping[str, str]) -> Faults:
    """What is wrong with a delivery address."""
    faults = Faults()
    if len(values["name"]) < 2:
        faults.add("name", "Tulis nama penerima.")
    if "phone" not in (contact_of(values["phone"]) or {}):
        faults.add("phone", "Tulis nomor telepon, misalnya 0812 3456 7890.")
    if len(values["address"]) < 8:
        faults.add("address", "Tulis jalan, nomor rumah, desa atau kelurahan, dan kecamatan.")
    region = regions.find(values["region_code"])
    if region is None or region.level is not regions.Level.REGENCY:
        faults.add("region_code", "Pilih kabupaten atau kota.")
    if values["postal_code"] and not re.fullmatch(r"[0-9]{5}", values["postal_code"]):
        faults.add("postal_code", "Kode pos terdiri atas lima angka.")
    return faults


def amount_typed(text: str) -> int | None:
    """A rupiah amount however people write it: `12500`, `12.500`, `Rp 12.500`; None when it is none."""
    digits = re.sub(r"^[Rr][Pp]\.?", "", text.strip())
    digits = re.sub(r"[\s.]|,-$|,00$", "", digits)
    if not digits.isascii() or not digits.isdigit() or len(digits) > 10:
        return None
    amount = int(digits)
    return amount if amount <= PRICE_MAX else None


def whole_number(text: str, *, least: int, most: int) -> int | None:
    """A whole number within bounds, signs allowed; None when it is none."""
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        return None
    number = int(text)
    return number if least <= number <= most else None


def shop_faults(values: Mapping[str, str]) -> Faults:
    """What is wrong with a new shop."""
    faults = Faults()
    if not 3 <= len(values["name"]) <= 80:
        faults.add("name", "Nama toko 3 sampai 80 huruf.")
    region = regions.find(values["region_code"])
    if region is None or region.level is not regions.Level.REGENCY:
        faults.add("region_code", "Pilih kabupaten atau kota tempat toko berada.")
    return faults


def product_faults(values: Mapping[str, str], *, is_new: bool) -> Faults:
    """What is wrong with a product."""
    faults = Faults()
    if not 3 <= len(values["title"]) <= 120:
        faults.add("title", "Nama produk 3 sampai 120 huruf.")
    if not values["category"]:
        faults.add("category", "Pilih kategori.")
    if not amount_typed(values["price"]):
        faults.add("price", "Tulis harga dalam rupiah, misalnya 12.500.")
    if whole_number(values["weight_grams"], least=1, most=100_000) is None:
        faults.add("weight_grams", "Tulis berat dalam gram, 1 sampai 100000.")
    if is_new and whole_number(values["stock"], least=0, most=1_000_000) is None:
        faults.add("stock", "Tulis jumlah stok, misalnya 25.")
    return faults


def bank_account_faults(values: Mapping[str, str]) -> Faults:
    """What is wrong with a bank account."""
    faults = Faults()
    if not re.fullmatch(r"[0-9]{3}", values["bank_code"]):
        faults.add("bank_code", "Pilih bank dari daftar.")
    if not re.fullmatch(r"[0-9]{5,20}", re.sub(r"[\s.-]", "", values["account_number"])):
        faults.add("account_number", "Tulis nomor rekening, 5 sampai 20 angka.")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9 .,'/()&-]{1,69}", values["holder_name"]):
        faults.add("holder_name", "Tulis nama pemilik seperti pada buku tabungan.")
    return faults


def day_typed(text: str) -> date | None:
    """A day as browsers send it; None when it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def basis_points_typed(text: str) -> int | None:
    """Percent with at most two decimals, as basis points: `12,5` is 1250. None when it is none; empty counts as 0."""
    found = re.fullmatch(r"([0-9]{1,3})(?:[.,]([0-9]{1,2}))?\s*%?", text.strip() or "0")
    if found is None:
        return None
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
