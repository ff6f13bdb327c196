"""Numbers by which the state knows people and enterprises: NPWP, NIK, NIB. Structure only.

What must stay true: a well-formed number proves nothing about registration; a wrong NPWP check digit is a warning and
not a refusal, since no official text of the rule was found; region codes are Kemendagri's, and a NIK keeps the code of
the place as it was when it was issued, so that only its province has to exist today. Digits are ASCII digits.
Sources: NPWP PMK 112/2022 (16 digits) and the documented Luhn digit; NIK PP 37/2007 art. 37; NIB PP 5/2021, PP 28/2025.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import date

from shared import regions
from shared.qris import luhn_digit

_SEPARATORS = str.maketrans("", "", " .-")
_FEMALE_DAY = 40
_CENTURIES = (1900, 2000)


class NumberError(ValueError):
    """The number cannot be one of its kind; the text says which part is wrong."""


@dataclass(frozen=True, slots=True)
class Npwp:
    """A taxpayer number in the form of 16 digits."""

    digits16: str

    @property
    def is_nik(self) -> bool:
        """Resident individuals use their NIK; all others have a 0 before their 15 digits."""
        return not self.digits16.startswith("0")

    @property
    def formatted15(self) -> str | None:
        """`XX.XXX.XXX.C-KKK.BBB`; None when the number is a NIK."""
        if self.is_nik:
            return None
        d = self.digits16[1:]
        return f"{d[:2]}.{d[2:5]}.{d[5:8]}.{d[8]}-{d[9:12]}.{d[12:]}"

    @property
    def is_check_digit_right(self) -> bool | None:
        """Whether the ninth of the 15 digits is the Luhn digit of the first eight; a NIK has none, so None."""
        return None if self.is_nik else npwp_check_digit(self.digits16[1:9]) == self.digits16[9]


@dataclass(frozen=True, slots=True)
class Nik:
    """A person's number, taken apart. `birth_yy` does not say the century."""

    digits: str
    birth_day: int
    birth_month: int
    birth_yy: int
    is_female: bool

    @property
    def province_code(self) -> str:
        """Kemendagri code: "18"."""
        return self.digits[:2]

    @property
    def regency_code(self) -> str:
        """Kemendagri code: "18.13"; it may be of a place that has another code by now."""
        return f"{self.digits[:2]}.{self.digits[2:4]}"

    @property
    def district_code(self) -> str:
        """Kemendagri code: "18.13.02"; it may be of a place that has another code by now."""
        return f"{self.regency_code}.{self.digits[4:6]}"

    @property
    def possible_birth_dates(self) -> tuple[date, ...]:
        """The days that the digits may mean: one in each century that had such a day."""
        return tuple(
            date(century + self.birth_yy, self.birth_month, self.birth_day)
            for century in _CENTURIES
            if self.birth_day <= calendar.monthrange(century + self.birth_yy, self.birth_month)[1]
        )


def npwp_check_digit(first8: str) -> str:
    """The ninth digit of an NPWP. Raises NumberError unless there are eight digits."""
    _insist_on_digits(first8, {8})
    return luhn_digit(first8)


def parse_npwp(text: str) -> Npwp:
    """Read 15 or 16 digits, with or without separators; raises NumberError ("length", "digits").

    Sixteen digits that do not begin with 0 are a NIK, and must be a possible one.
    """
    digits = text.translate(_SEPARATORS)
    _insist_on_digits(digits, {15, 16})
    npwp = Npwp(digits.zfill(16))
    if npwp.is_nik:
        parse_nik(npwp.digits16)
    return npwp


def parse_nik(text: str) -> Nik:
    """Read 16 digits, with or without separators; raises NumberError with the part that is wrong.

    Two digits each of province, regency, district, day (women: plus 40), month and year, then four of a serial number.
    """
    digits = text.translate(_SEPARATORS)
    _insist_on_digits(digits, {16})
    if regions.find(digits[:2]) is None:
        raise NumberError(f"province code {digits[:2]} unknown")
    for what, code in (("regency", digits[2:4]), ("district", digits[4:6])):
        if code == "00":
            raise NumberError(f"{what} code 00 does not exist")
    day, month, year = (int(digits[at : at + 2]) for at in (6, 8, 10))
    is_female = day > _FEMALE_DAY
    day -= _FEMALE_DAY if is_female else 0
    if not 1 <= day <= 31:
        raise NumberError(f"day {day} does not exist")
    if not 1 <= month <= 12:
        raise NumberError(f"month {month} does not exist")
    nik = Nik(digits, day, month, year, is_female)
    if not nik.possible_birth_dates:
        raise NumberError(f"{day} {calendar.month_name[month]}")
    return nik


def is_nib(text: str) -> bool:
    """Whether the text has the form of a business number of OSS: 13 digits. It has no public check digit."""
    return re.fullmatch(r"[0-9]{13}", text, re.ASCII) is not None


def _insist_on_digits(text: str, lengths: set[int]) -> None:
    if len(text) not in lengths:
        raise NumberError("length")
    if not (text.isascii() and text.isdigit()):
        raise NumberError("digits")
