"""The figures of a region: which there are, which units they count, and to which cell a fact belongs.

What must stay true: a fact adds to one cell (indicator, first day of its span, region) for one unit; figures about
enterprises and persons are shown only as sums of blocks of enough units (decision 0027); months are those of Jakarta.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from shared.calendar import day_of

EVER = date(1900, 1, 1)
NATION = "00"


class Span(StrEnum):
    """How long a cell lasts."""

    MONTH = "month"
    YEAR = "year"
    EVER = "ever"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One figure. `is_protected`: its units are enterprises or persons. `is_distinct`: each unit counts once."""

    code: str
    title: str
    measure: str
    span: Span = Span.MONTH
    is_protected: bool = True
    is_distinct: bool = False


SHOPS_OPENED = Indicator("toko-dibuka", "Toko dibuka", "toko", is_distinct=True)
PRODUCTS_LISTED = Indicator("produk-didaftarkan", "Produk didaftarkan", "produk")
SHOPS_SELLING = Indicator("toko-berjualan", "Toko dengan penjualan selesai", "toko", is_distinct=True)
PARCELS_COMPLETED = Indicator("paket-selesai", "Paket selesai", "paket")
GOODS_SOLD = Indicator("nilai-penjualan", "Nilai barang terjual", "rupiah")
REFUNDED = Indicator("pengembalian-dana", "Dana dikembalikan kepada pembeli", "rupiah")
MEMBERS_ADMITTED = Indicator("anggota-masuk", "Anggota koperasi diterima", "orang", is_distinct=True)
MEMBERS_LEFT = Indicator("anggota-keluar", "Anggota koperasi keluar", "orang", is_distinct=True)
COOPERATIVES = Indicator("koperasi", "Koperasi terdaftar", "koperasi", Span.EVER, is_protected=False, is_distinct=True)
MEETINGS = Indicator("rat", "Koperasi yang sudah RAT tahun ini", "koperasi", Span.YEAR, False, is_distinct=True)
SURPLUS = Indicator("shu-dibagikan", "SHU dibagikan", "rupiah", is_protected=False)
TRAININGS_COMPLETED = Indicator("pelatihan-selesai", "Pelatihan diselesaikan", "peserta")
CERTIFICATES = Indicator("sertifikat-terbit", "Sertifikat diterbitkan", "sertifikat")
AID_RECIPIENTS = Indicator("bantuan-penerima", "Penerima bantuan", "orang", is_distinct=True)
AID_VALUE = Indicator("bantuan-nilai", "Nilai bantuan", "rupiah")
LOANS = Indicator("pinjaman-dicairkan", "Pinjaman dicairkan", "pinjaman")
LOANS_VALUE = Indicator("pinjaman-nilai", "Nilai pinjaman dicairkan", "rupiah")
REPAID = Indicator("angsuran-diterima", "Angsuran diterima", "rupiah")
COLLECTABILITY = {
    grade: Indicator(f"pinjaman-kol-{grade}", f"Pinjaman berjalan, kolektabilitas {grade}", "pinjaman", Span.EVER)
    for grade in range(1, 6)
}
MEETING_SHARE = Indicator("pangsa-rat", "Koperasi yang sudah RAT tahun ini", "persen", is_protected=False)
BAD_LOAN_SHARE = Indicator("pangsa-npl", "Pinjaman bermasalah (kolektabilitas 3-5)", "persen")

COUNTED = {
    indicator.code: indicator
    for indicator in (
        SHOPS_OPENED,
        PRODUCTS_LISTED,
        SHOPS_SELLING,
        PARCELS_COMPLETED,
        GOODS_SOLD,
        REFUNDED,
        MEMBERS_ADMITTED,
        MEMBERS_LEFT,
        COOPERATIVES,
        MEETINGS,
        SURPLUS,
        TRAININGS_COMPLETED,
        CERTIFICATES,
        AID_RECIPIENTS,
        AID_VALUE,
        LOANS,
        LOANS_VALUE,
        REPAID,
        *COLLECTABILITY.values(),
    )
}
SHOWN = (*COUNTED.values(), MEETING_SHARE, BAD_LOAN_SHARE)


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a unit adds. `region_code` None: that of the shop, which the unit then is."""

    indicator: Indicator
    unit_id: UUID
    region_code: str | None
    happened_at: datetime
    value: int = 1

    @property
    def month(self) -> date:
        """The month in which it happened."""
        return month_of(self.happened_at)

    @property
    def period(self) -> date:
        """The first day of the cell's span."""
        return first_day(self.indicator.span, self.month)


def month_of(moment: datetime) -> date:
    """The first day of a moment's month, in Jakarta."""
    return day_of(moment).replace(day=1)


def first_day(span: Span, month: date) -> date:
    """The first day of the span in which a month lies."""
    match span:
        case Span.MONTH:
            return month
        case Span.YEAR:
            return month.replace(month=1)
        case Span.EVER:
            return EVER


def derived(figures: Mapping[str, int]) -> dict[str, int | None]:
    """The shares in whole percent, half up, made of figures that may be seen and of nothing else.

    None where it cannot be said: nothing to divide by, or no bad loan may be seen (which is not "none").
    """
    meetings, cooperatives = figures.get(MEETINGS.code, 0), figures.get(COOPERATIVES.code, 0)
    grades = {
        grade: figures[indicator.code] for grade, indicator in COLLECTABILITY.items() if indicator.code in figures
    }
    bad = [count for grade, count in grades.items() if grade >= 3]
    return {
        MEETING_SHARE.code: percent(meetings, cooperatives),
        BAD_LOAN_SHARE.code: percent(sum(bad), sum(grades.values())) if bad else None,
    }


def percent(part: int, whole: int) -> int | None:
    """Whole percent, half up; None of nothing."""
    return (200 * part + whole) // (2 * whole) if whole > 0 else None
