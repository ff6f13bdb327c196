"""Cases of identity.json and regions.json: numbers of people and enterprises, region codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.vectors.cases import Answer, Case, Check, Reason, Table, of_entry
from shared import identity_numbers, regions
from shared.identity_numbers import NumberError


def _npwp(case: Case, _file: Mapping[str, Any]) -> Answer:
    npwp = identity_numbers.parse_npwp(case["input"])
    return {
        "digits16": npwp.digits16,
        "formatted15": npwp.formatted15,
        "check_digit_ok": npwp.is_check_digit_right,
        "is_nik": npwp.is_nik,
    }


def _npwp_check_digit(case: Case, _file: Mapping[str, Any]) -> Answer:
    return {"check_digit": identity_numbers.npwp_check_digit(case["input"]["first8"])}


def _nik(case: Case, _file: Mapping[str, Any]) -> Answer:
    try:
        nik = identity_numbers.parse_nik(case["input"])
    except NumberError as refused:
        return {"structurally_valid": False, "reason": Reason(str(refused))}
    return {
        "structurally_valid": True,
        "province_code": nik.province_code,
        "regency_code": nik.regency_code,
        "district_code": nik.district_code,
        "sex": "P" if nik.is_female else "L",
        "birth_ddmm": f"{nik.birth_day:02d}{nik.birth_month:02d}",
        "birth_yy": f"{nik.birth_yy:02d}",
        "province": regions.name_of(nik.province_code),
        "regency": regions.name_of(nik.regency_code),
        "district": regions.name_of(nik.district_code),
    }


def _nib_format(case: Case, _file: Mapping[str, Any]) -> Answer:
    return [
        {**of_entry(entry, "input"), "format_ok": identity_numbers.is_nib(entry["input"])} for entry in case["expect"]
    ]


CHECKS: dict[str, Check] = {
    "npwp": _npwp,
    "npwp_check_digit": _npwp_check_digit,
    "npwp_invalid": _npwp,
    "nik": _nik,
    "nib_format": _nib_format,
}

REGION_CHECKS: dict[str, Check] = {
    "name": lambda case, _file: regions.name_of(case["input"]),
    "parent": lambda case, _file: regions.parent_of(case["input"]),
    "unknown": lambda case, _file: regions.name_of(case["input"]),
    "districts_of": lambda case, _file: [district.name for district in regions.districts_of(case["input"])],
}


def _all_provinces(table: Any) -> tuple[Answer, Any]:
    return [{"code": region.code, "name": region.name} for region in regions.provinces()], table


def _regencies(table: Any) -> tuple[Answer, Any]:
    listed = {entry["province"] for entry in table}
    return [
        {"code": region.code, "name": region.name, "province": region.parent_code}
        for region in regions.regencies()
        if region.parent_code in listed
    ], [{key: entry[key] for key in ("code", "name", "province")} for entry in table]


def _counts(table: Any) -> tuple[Answer, Any]:
    districts = sum(len(regions.districts_of(regency.code)) for regency in regions.regencies())
    answer = {
        "provinces": len(regions.provinces()),
        "regencies_cities": len(regions.regencies()),
        "districts": districts,
    }
    return answer, {key: count for key, count in table.items() if key != "villages"}


def _province_detail(table: Any) -> tuple[Answer, Any]:
    answer = {}
    for code in table:
        regencies = regions.regencies_of(code)
        districts = sum(len(regions.districts_of(regency.code)) for regency in regencies)
        answer[code] = {"regencies_cities": len(regencies), "districts": districts}
    return answer, {
        code: {key: count for key, count in detail.items() if key != "villages"} for code, detail in table.items()
    }


def _statistics_office_codes(table: Any) -> tuple[Answer, Any]:
    codes = list(table["codes"])
    return [regions.name_of(code) for code in codes], [None] * len(codes)


REGION_TABLES: dict[str, Table] = {
    "provinces": _all_provinces,
    "regencies": _regencies,
    "counts": _counts,
    "province_detail": _province_detail,
    "bps_lampung_codes_are_different": _statistics_office_codes,
}

# What a table holds and the product does not, with the reason that is printed.
REGION_SKIPS = {"counts.villages": "the product keeps regions down to districts"}
