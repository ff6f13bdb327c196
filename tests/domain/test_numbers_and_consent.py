"""Numbers of people and enterprises, deadlines of personal data, and dated rules: what the vectors leave out."""

from datetime import UTC, date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from deploy.vectors.rule_files import FINANCING
from services.financing.domain.consent import answer_due, is_specific
from shared import exact, identity_numbers, rules
from shared.identity_numbers import NumberError, parse_nik, parse_npwp
from shared.rules import NoRule

TODAY = date(2026, 1, 27)


@pytest.mark.parametrize("province", ["11", "92", "93", "95", "96"])
def test_every_province_of_today_has_niks(province: str) -> None:
    assert parse_nik(f"{province}01011708450001").province_code == province


@pytest.mark.parametrize(
    ("nik", "dates"),
    [
        ("3171012902000001", [(2000, 2, 29)]),
        ("3171012902040001", [(1904, 2, 29), (2004, 2, 29)]),
        ("3171017112990001", [(1999, 12, 31), (2099, 12, 31)]),
        ("3171010101000001", [(1900, 1, 1), (2000, 1, 1)]),
    ],
)
def test_a_nik_may_mean_a_day_in_two_centuries(nik: str, dates: list[tuple[int, int, int]]) -> None:
    assert list(parse_nik(nik).possible_birth_dates) == [date(*day) for day in dates]


@pytest.mark.parametrize(
    ("nik", "reason"),
    [
        ("3171012902010001", "29 February"),
        ("3171013104900001", "31 April"),
        ("3171017104900001", "31 April"),
        ("3171010000900001", "day 0 does not exist"),
        ("3171014001900001", "day 40 does not exist"),
        ("3171018001900001", "day 40 does not exist"),
        ("3171010113900001", "month 13 does not exist"),
        ("3171010100900001", "month 0 does not exist"),
        ("3100011708450001", "regency code 00 does not exist"),
        ("3171001708450001", "district code 00 does not exist"),
        ("0071011708450001", "province code 00 unknown"),
        ("31710117084500011", "length"),
        ("", "length"),
        ("317101170845000A", "digits"),
        ("٣١٧١٠١١٧٠٨٤٥٠٠٠١", "digits"),
    ],
)
def test_an_impossible_nik_is_refused_with_the_part_that_is_wrong(nik: str, reason: str) -> None:
    with pytest.raises(NumberError, match=f"^{reason}$"):
        parse_nik(nik)


def test_a_regency_that_has_another_code_by_now_is_still_valid() -> None:
    old = parse_nik("9199010101900001")

    assert old.regency_code == "91.99"


def test_sixteen_digits_without_a_zero_are_a_nik_and_have_no_check_digit() -> None:
    npwp = parse_npwp("3171011708450001")

    assert (npwp.is_nik, npwp.formatted15, npwp.is_check_digit_right) == (True, None, None)
    with pytest.raises(NumberError, match="province code 99 unknown"):
        parse_npwp("9971011708450001")


@pytest.mark.parametrize("digits", ["02183241%d000000", "002183241%d000000"])
def test_exactly_one_check_digit_is_right(digits: str) -> None:
    right = [digit for digit in range(10) if parse_npwp(digits % digit).is_check_digit_right]

    assert right == [5]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "length"),
        ("1" * 14, "length"),
        ("0" * 22, "length"),
        ("02.183.241.5-000.00X", "digits"),
        ("²" * 15, "digits"),
    ],
)
def test_what_is_no_npwp_is_refused(text: str, reason: str) -> None:
    with pytest.raises(NumberError, match=f"^{reason}$"):
        parse_npwp(text)


@pytest.mark.parametrize("text", ["1234567", "123456789", "1234567x"])
def test_a_check_digit_needs_eight_digits(text: str) -> None:
    with pytest.raises(NumberError):
        identity_numbers.npwp_check_digit(text)


@pytest.mark.parametrize("text", ["", " 1234567890123", "1234567890123\n", "١٢٣٤٥٦٧٨٩٠١٢٣", "-123456789012"])
def test_a_nib_is_thirteen_digits_and_nothing_around_them(text: str) -> None:
    assert not identity_numbers.is_nib(text)


@pytest.mark.parametrize("event", ["consent_withdrawn", "breach_known", "access_requested", "correction_requested"])
def test_three_times_twenty_four_hours_across_a_leap_day_and_a_change_of_clocks(event: str) -> None:
    leap = answer_due(FINANCING, event, datetime.fromisoformat("2028-02-27T23:59:59+09:00"))
    clocks = answer_due(FINANCING, event, datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Amsterdam")))
    universal = answer_due(FINANCING, event, datetime.fromisoformat("2026-12-30T16:30:00Z"))

    assert leap == datetime.fromisoformat("2028-03-01T23:59:59+09:00")
    assert clocks.astimezone(UTC) == datetime(2026, 3, 31, 11, tzinfo=UTC)
    assert universal == datetime.fromisoformat("2027-01-02T23:30:00+07:00")


def test_a_deadline_needs_a_zone_and_a_known_event() -> None:
    with pytest.raises(ValueError, match="time zone"):
        answer_due(FINANCING, "breach_known", datetime.fromisoformat("2026-01-01T00:00:00"))
    with pytest.raises(NoRule, match="newsletter"):
        answer_due(FINANCING, "newsletter", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("field", "specific"),
    [
        ("monthly_income", True),
        ("bank_account_number", True),
        ("fingerprint", True),
        ("child_name", True),
        ("blood_type", True),
        ("criminal_record", True),
        ("gender", False),
        ("nationality", False),
        ("marital_status", False),
        ("phone", False),
    ],
)
def test_a_specific_word_decides(field: str, specific: bool) -> None:
    assert is_specific(FINANCING, field, on=TODAY) is specific


def test_data_of_which_nobody_said_the_kind_are_never_harmless() -> None:
    with pytest.raises(NoRule, match="zodiac"):
        is_specific(FINANCING, "zodiac", on=TODAY)


def _version(day: str, **values: object) -> str:
    return str({"valid_from": day, "source": "law", "values": values}).replace("'", '"')


def test_the_youngest_version_that_has_begun_is_in_force() -> None:
    found = rules.parse(f'{{"rate": [{_version("2025-01-01", pct="0.5")}, {_version("2026-01-01", pct="1")}]}}')

    assert found.in_force("rate", date(2025, 12, 31)).number("pct") == Fraction(1, 2)
    assert found.in_force("rate", date(2026, 1, 1)).number("pct") == 1
    with pytest.raises(NoRule, match="2024-12-31"):
        found.in_force("rate", date(2024, 12, 31))
    with pytest.raises(NoRule, match="no rule tithe"):
        found.in_force("tithe", TODAY)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f'{{"rate": [{_version("2026-01-01")}, {_version("2025-01-01")}]}}', "order of their days"),
        (f'{{"rate": [{_version("2026-01-01")}, {_version("2026-01-01")}]}}', "order of their days"),
        ('{"rate": []}', "order of their days"),
        (f'{{"rate": [{_version("2026-01-01").replace("law", " ")}]}}', "names no source"),
        (f'{{"rate": [{_version("2026-01-01", pct=0.5)}]}}', "write 0.5 as text"),
    ],
)
def test_incomplete_rules_are_refused_when_they_are_read(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        rules.parse(text)


def test_a_value_of_the_wrong_kind_is_refused_when_it_is_asked_for() -> None:
    rule = rules.parse(f'{{"r": [{_version("2026-01-01", a="x", b=1)}]}}').in_force("r", TODAY)

    for ask in (lambda: rule.whole("a"), lambda: rule.flag("b"), lambda: rule.table("b"), lambda: rule.get("c")):
        with pytest.raises(NoRule):
            ask()


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        ("0.5", 0, "1"),
        ("-0.5", 0, "-1"),
        ("0.49", 0, "0"),
        ("-0.001", 2, "0.00"),
        ("1.005", 2, "1.01"),
        ("9.999", 2, "10.00"),
    ],
)
def test_halves_go_away_from_zero(value: str, places: int, text: str) -> None:
    assert exact.to_places(Fraction(value), places) == text


def test_rounding_says_its_direction() -> None:
    assert (exact.down(Fraction("2.9")), exact.up(Fraction("2.1")), exact.up(Fraction(2))) == (2, 3, 2)
    assert [exact.to_text(Fraction(text)) for text in ("20", "100", "0.1234567", "0")] == ["20", "100", "0.123457", "0"]
    with pytest.raises(ValueError, match="not negative"):
        exact.down(Fraction(-1))
