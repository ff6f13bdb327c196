"""QRIS payment codes (EMVCo merchant-presented mode): read, check, build, and turn static into dynamic.

What must stay true: lengths count characters while the CRC runs over UTF-8 bytes; the CRC keeps its leading zeros
and is written in upper case; `63` is the last tag; amounts are decimals, never floats. Everything here is a pure
function over text. Source of the rules: EMVCo QRCPS-MPM 1.1 and the QRIS tag table of Bank Indonesia.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

NATIONAL_GUI: Final = "ID.CO.QRIS.WWW"
RUPIAH_CODE: Final = "360"
STATIC: Final = "11"
DYNAMIC: Final = "12"
NAME_CHARACTERS_MAX: Final = 25
CITY_CHARACTERS_MAX: Final = 15
AMOUNT_CHARACTERS_MAX: Final = 13
REFERENCE_CHARACTERS_MAX: Final = 25

_CRC_ID: Final = "63"
_AMOUNT: Final = re.compile(r"(?!0+(\.0*)?$)[0-9]+(\.[0-9]{1,2})?", re.ASCII)
_PERCENT: Final = re.compile(r"[0-9]{1,2}(\.[0-9]{1,2})?", re.ASCII)
_CRITERIA: Final = frozenset({"UMI", "UKE", "UME", "UBE", "URE", "PSO", "BLU"})


class QrisError(ValueError):
    """The payload cannot be read, or must not be paid; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag-length-value element: two digits and its text."""

    id: str
    value: str


@dataclass(frozen=True, slots=True)
class FixedFee:
    """A fee of a fixed amount of rupiah on top (tags 55=02 and 56)."""

    amount: Decimal


@dataclass(frozen=True, slots=True)
class PercentFee:
    """A fee of so many percent of the amount on top (tags 55=03 and 57)."""

    percent: Decimal


Fee = FixedFee | PercentFee


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload that could be taken apart. It may still be no QRIS, or carry a wrong CRC: see `inspect`."""

    tags: tuple[Tag, ...]
    crc: str
    is_crc_correct: bool

    def value(self, tag_id: str) -> str | None:
        """The value of a root tag, None when the payload does not have it."""
        return next((tag.value for tag in self.tags if tag.id == tag_id), None)

    def sub_value(self, tag_id: str, sub_id: str) -> str | None:
        """A value inside a template tag (26-51, 62), None when absent or when the template cannot be read."""
        template = self.value(tag_id)
        if template is None:
            return None
        try:
            return next((tag.value for tag in read_tags(template) if tag.id == sub_id), None)
        except QrisError:
            return None

    @property
    def point_of_initiation(self) -> str | None:
        """`11` for a static code, `12` for a dynamic one."""
        return self.value("01")

    @property
    def amount(self) -> Decimal | None:
        """What is to be paid before a fee, in the currency's main unit; None on a static code."""
        text = self.value("54")
        return Decimal(text) if text is not None and _AMOUNT.fullmatch(text) else None

    @property
    def payable(self) -> Decimal | None:
        """Amount and fee together, unrounded; None when the payload names no amount."""
        amount, fixed, percent = self.amount, self.value("56"), self.value("57")
        if amount is None:
            return None
        if self.value("55") == "02" and fixed is not None and _AMOUNT.fullmatch(fixed):
            return amount + Decimal(fixed)
        if self.value("55") == "03" and percent is not None and _PERCENT.fullmatch(percent):
            return amount * (1 + Decimal(percent) / 100)
        return amount

    @property
    def currency(self) -> str | None:
        """ISO 4217 number; rupiah is 360."""
        return self.value("53")

    @property
    def merchant_name(self) -> str | None:
        """The name that the buyer's application shows."""
        return self.value("59")

    @property
    def city(self) -> str | None:
        """The merchant's city."""
        return self.value("60")

    @property
    def postal(self) -> str | None:
        """The merchant's postal code."""
        return self.value("61")

    @property
    def nmid(self) -> str | None:
        """National merchant id, from the national template (tag 51)."""
        return self.sub_value("51", "02")

    @property
    def criteria(self) -> str | None:
        """Merchant size class: UMI, UKE, UME, UBE, URE."""
        return self.sub_value("51", "03") or self._acquirer("03")

    @property
    def merchant_pan(self) -> str | None:
        """Merchant PAN as written, usually 18 digits without the Luhn digit."""
        return self._acquirer("01")

    @property
    def bill_number(self) -> str | None:
        """Bill number (62.01)."""
        return self.sub_value("62", "01")

    @property
    def reference(self) -> str | None:
        """Reference label (62.05): what the merchant finds the payment by."""
        return self.sub_value("62", "05")

    @property
    def terminal(self) -> str | None:
        """Terminal label (62.07)."""
        return self.sub_value("62", "07")

    def _acquirer(self, sub_id: str) -> str | None:
        acquirers = (tag.id for tag in self.tags if "26" <= tag.id <= "45")
        return next((found for tag in acquirers if (found := self.sub_value(tag, sub_id)) is not None), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `inspect` found: any refusal means "do not pay", warnings may be shown."""

    refusals: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def is_payable(self) -> bool:
        """True when nothing speaks against paying this code."""
        return not self.refusals


def crc16(text: str) -> str:
    """CRC-16/CCITT-FALSE over the UTF-8 bytes, as four upper-case hex digits ("123456789" gives 29B1)."""
    crc = 0xFFFF
    for byte in text.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1
    return f"{crc:04X}"


def luhn_digit(pan: str) -> str:
    """The check digit that completes a merchant PAN of digits only."""
    if not (pan.isascii() and pan.isdigit()):
        raise QrisError("a merchant PAN has digits only")
    total = 0
    for position, digit in enumerate(reversed(pan)):
        doubled = int(digit) * (2 if position % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return str(-total % 10)


def read_tags(text: str) -> tuple[Tag, ...]:
    """Take tag-length-value text apart, in the order written; raises QrisError where it cannot go on."""
    tags: list[Tag] = []
    position = 0
    while position < len(text):
        head = text[position : position + 4]
        if len(head) < 4:
            raise QrisError("truncated: a length runs past the end")
        if not (head.isascii() and head.isdigit()):
            raise QrisError(f"not a tag and a length at character {position}")
        end = position + 4 + int(head[2:])
        if end > len(text):
            raise QrisError("truncated: a length runs past the end")
        tags.append(Tag(head[:2], text[position + 4 : end]))
        position = end
    return tuple(tags)


def write_tags(tags: Iterable[Tag]) -> str:
    """Tags as text in ascending order; raises QrisError for a value that no two-digit length can say."""
    parts = []
    for tag in sorted(tags, key=lambda tag: tag.id):
        if not re.fullmatch(r"[0-9]{2}", tag.id, re.ASCII) or not 1 <= len(tag.value) <= 99:
            raise QrisError(f"tag {tag.id} needs a two-digit id and 1 to 99 characters")
        parts.append(f"{tag.id}{len(tag.value):02d}{tag.value}")
    return "".join(parts)


def parse(text: str) -> Payload:
    """Take an EMVCo payload apart; raises QrisError when truncated, doubled, or without a CRC at its end.

    A wrong CRC is reported in the result and not raised, so that a reader can say what the code contained.
    """
    tags = read_tags(text)
    ids = [tag.id for tag in tags]
    for tag_id in ids:
        if ids.count(tag_id) > 1:
            raise QrisError(f"duplicate tag {tag_id}")
    if _CRC_ID not in ids:
        raise QrisError("crc tag missing")
    if ids[-1] != _CRC_ID or len(tags[-1].value) != 4:
        raise QrisError("crc tag is not the last four characters")
    try:
        expected = crc16(text[:-4])
    except UnicodeEncodeError as error:
        raise QrisError("characters that no code can carry") from error
    return Payload(tags, tags[-1].value, is_crc_correct=tags[-1].value.upper() == expected)


def inspect(payload: Payload) -> Verdict:
    """Hold a payload against the QRIS rules; the first refusal is the one worth showing."""
    refusals = [] if payload.is_crc_correct else ["crc mismatch"]
    refusals += _shape_refusals(payload)
    refusals += _merchant_refusals(payload)
    refusals += _money_refusals(payload)
    warnings = ["lower-case CRC"] if payload.crc != payload.crc.upper() else []
    pan = payload.merchant_pan
    if pan is not None and len(pan) == 19 and pan.isascii() and pan.isdigit() and luhn_digit(pan[:-1]) != pan[-1]:
        warnings.append("merchant PAN fails its check digit")
    if payload.criteria is not None and payload.criteria not in _CRITERIA:
        warnings.append(f"unknown merchant criteria {payload.criteria}")
    return Verdict(tuple(refusals), tuple(warnings))


def read_qris(text: str) -> Payload:
    """Parse and insist on a payable QRIS; raises QrisError with the first reason otherwise."""
    payload = parse(text)
    verdict = inspect(payload)
    if verdict.refusals:
        raise QrisError(verdict.refusals[0])
    return payload


def build(tags: Sequence[Tag]) -> str:
    """Write a payload: ascending tags, CRC computed and last. A CRC among `tags` is an error of the caller."""
    ids = [tag.id for tag in tags]
    if _CRC_ID in ids or len(set(ids)) != len(ids):
        raise QrisError("tags must be distinct, and the CRC is computed here")
    body = write_tags(tags) + f"{_CRC_ID}04"
    return body + crc16(body)


def static_to_dynamic(
    static: str, *, amount: Decimal | int, reference: str | None = None, fee: Fee | None = None
) -> str:
    """Re-issue a merchant's own static code for one payment.

    `amount` is in rupiah, at most two decimals. `reference` goes to 62.05 (at most 25 characters); the other
    sub-tags of 62 are kept. Raises QrisError when the code is not a payable static QRIS or a value does not fit.
    """
    payload = read_qris(static)
    if payload.point_of_initiation != STATIC:
        raise QrisError("only a static code can be made dynamic")
    values = {tag.id: tag.value for tag in payload.tags if tag.id not in {_CRC_ID, "54", "55", "56", "57"}}
    values["01"] = DYNAMIC
    values["54"] = format_amount(amount)
    values.update(_fee_values(fee))
    if reference is not None:
        values["62"] = _with_reference(values.get("62", ""), reference)
    return build([Tag(tag_id, value) for tag_id, value in values.items()])


def format_amount(amount: Decimal | int) -> str:
    """An amount as tag 54 wants it: digits, a point, at most two decimals, at most 13 characters, above zero."""
    text = f"{Decimal(amount):f}"
    if not _AMOUNT.fullmatch(text) or len(text) > AMOUNT_CHARACTERS_MAX:
        raise QrisError(f"{amount} is no amount for a QRIS code")
    return text


def _fee_values(fee: Fee | None) -> dict[str, str]:
    if fee is None:
        return {}
    if isinstance(fee, FixedFee):
        return {"55": "02", "56": format_amount(fee.amount)}
    percent = f"{fee.percent:f}"
    if not _PERCENT.fullmatch(percent):
        raise QrisError(f"{fee.percent} is no percentage for a QRIS code")
    return {"55": "03", "57": percent}


def _with_reference(template: str, reference: str) -> str:
    if not 1 <= len(reference) <= REFERENCE_CHARACTERS_MAX:
        raise QrisError(f"a reference has 1 to {REFERENCE_CHARACTERS_MAX} characters")
    kept = [tag for tag in read_tags(template) if tag.id != "05"]
    return write_tags([*kept, Tag("05", reference)])


def _shape_refusals(payload: Payload) -> list[str]:
    refusals = []
    if payload.tags[0] != Tag("00", "01"):
        refusals.append("format indicator is not first or not 01")
    if payload.point_of_initiation not in {STATIC, DYNAMIC}:
        refusals.append("point of initiation is neither static nor dynamic")
    if payload.value("58") != "ID":
        refusals.append("country is not ID")
    for tag in payload.tags:
        if "26" <= tag.id <= "51" or tag.id == "62":
            try:
                read_tags(tag.value)
            except QrisError as error:
                refusals.append(f"template {tag.id} cannot be read: {error}")
    return refusals


def _merchant_refusals(payload: Payload) -> list[str]:
    refusals = []
    if not any("26" <= tag.id <= "51" for tag in payload.tags):
        refusals.append("merchant account missing")
    if payload.value("51") is not None and payload.sub_value("51", "00") != NATIONAL_GUI:
        refusals.append(f"tag 51 is not {NATIONAL_GUI}")
    for what, text, characters_max in (
        ("name", payload.merchant_name, NAME_CHARACTERS_MAX),
        ("city", payload.city, CITY_CHARACTERS_MAX),
    ):
        if not text:
            refusals.append(f"merchant {what} missing")
        elif len(text) > characters_max:
            refusals.append(f"merchant {what} longer than {characters_max}")
    if not re.fullmatch(r"[0-9]{4}", payload.value("52") or "", re.ASCII):
        refusals.append("merchant category is not 4 digits")
    if payload.postal is not None and not re.fullmatch(r"[0-9]{5}", payload.postal, re.ASCII):
        refusals.append("postal code is not 5 digits")
    return refusals


def _money_refusals(payload: Payload) -> list[str]:
    refusals = []
    if payload.currency != RUPIAH_CODE:
        refusals.append("currency is not 360")
    amount = payload.value("54")
    if amount is not None and (payload.amount is None or len(amount) > AMOUNT_CHARACTERS_MAX):
        refusals.append("amount is not a number of at most 13 characters and two decimals")
    if amount is not None and payload.point_of_initiation == STATIC:
        refusals.append("amount on a static code")
    tip, fixed, percent = payload.value("55"), payload.value("56"), payload.value("57")
    if tip not in {None, "01", "02", "03"}:
        refusals.append("tip indicator is not 01, 02 or 03")
    if (tip == "02") != (fixed is not None) or (fixed is not None and not _AMOUNT.fullmatch(fixed)):
        refusals.append("fixed fee and its indicator do not agree")
    if (tip == "03") != (percent is not None) or (percent is not None and not _PERCENT.fullmatch(percent)):
        refusals.append("percentage fee and its indicator do not agree")
    return refusals
