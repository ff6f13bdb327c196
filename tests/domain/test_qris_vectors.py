"""QRIS against the published and computed vectors; a kind of case that nobody taught this file fails."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared import qris

FOLDER = Path(os.environ.get("VECTORS_DIR") or Path(__file__).parent.parent / "vectors")
CASES: list[dict[str, Any]] = json.loads((FOLDER / "qris.json").read_text())["vectors"]


def _check_crc(case: dict[str, Any]) -> None:
    assert qris.crc16(case["input"]) == case["expect"]["crc"]


def _check_parse(case: dict[str, Any]) -> None:
    payload = qris.parse(case["input"])
    expect = dict(case["expect"])

    assert payload.crc == expect.pop("crc")
    assert payload.is_crc_correct is expect.pop("crc_ok")
    assert [[tag.id, tag.value] for tag in payload.tags] == expect.pop("tags")
    seen = {
        "amount": payload.value("54"),
        "currency": payload.currency,
        "poi": payload.point_of_initiation,
        "nmid": payload.nmid,
        "criteria": payload.criteria,
        "mpan": payload.merchant_pan,
        "merchant_name": payload.merchant_name,
        "city": payload.city,
        "postal": payload.postal,
        "bill_number": payload.bill_number,
        "reference": payload.reference,
        "terminal": payload.terminal,
    }
    assert {key: seen[key] for key in expect} == expect


def _check_build(case: dict[str, Any]) -> None:
    payload = qris.build([qris.Tag(*tag) for tag in case["input"]["tags"]])

    assert payload == case["expect"]["payload"]
    assert payload[-4:] == case["expect"]["crc"]
    assert qris.inspect(qris.parse(payload)) == qris.Verdict((), ())
    if "payable" in case["expect"]:
        assert qris.read_qris(payload).payable == Decimal(case["expect"]["payable"])


def _check_static_to_dynamic(case: dict[str, Any]) -> None:
    given = case["input"]

    dynamic = qris.static_to_dynamic(
        given["static"], amount=Decimal(given["amount"]), reference=given["reference"], fee=_fee(given["fee"])
    )

    assert dynamic == case["expect"]["dynamic"]


def _fee(given: dict[str, str] | None) -> qris.Fee | None:
    if given is None:
        return None
    if "fixed" in given:
        return qris.FixedFee(Decimal(given["fixed"]))
    return qris.PercentFee(Decimal(given["percent"]))


def _check_invalid(case: dict[str, Any]) -> None:
    reason = case["expect"]["reason"]
    if case["expect"]["result"] == "warn":
        verdict = qris.inspect(qris.parse(case["input"]))
        assert verdict.is_payable
        assert [warning for warning in verdict.warnings if reason.startswith(warning)]
        return
    assert case["expect"]["result"] == "reject"
    with pytest.raises(qris.QrisError) as refused:
        qris.read_qris(case["input"])
    assert reason.startswith(str(refused.value))


def _check_luhn_pan(case: dict[str, Any]) -> None:
    assert qris.luhn_digit(case["input"]) == case["expect"]["check_digit"]


CHECKS = {
    "crc": _check_crc,
    "parse": _check_parse,
    "build": _check_build,
    "static_to_dynamic": _check_static_to_dynamic,
    "invalid": _check_invalid,
    "luhn_pan": _check_luhn_pan,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['id']}-{case['kind']}")
def test_qris_vector(case: dict[str, Any]) -> None:
    assert case["kind"] in CHECKS, f"no check for the kind of case {case['kind']!r}"
    CHECKS[case["kind"]](case)


STATIC = next(case["input"]["static"] for case in CASES if case["kind"] == "static_to_dynamic")


def test_names_beyond_ascii_count_characters_and_hash_bytes() -> None:
    tags = [tag for tag in qris.parse(STATIC).tags if tag.id not in {"59", "63"}]

    payload = qris.build([*tags, qris.Tag("59", "KAFÉ LAMPÚNG")])

    assert "5912KAFÉ LAMPÚNG" in payload
    assert qris.read_qris(payload).merchant_name == "KAFÉ LAMPÚNG"


@pytest.mark.parametrize("amount", [0, -1, Decimal("1.234"), Decimal("NaN"), Decimal("Infinity"), 10**13])
def test_an_amount_that_no_code_can_carry_is_refused(amount: Decimal | int) -> None:
    with pytest.raises(qris.QrisError):
        qris.static_to_dynamic(STATIC, amount=amount)


def test_a_fee_is_written_and_added() -> None:
    fixed = qris.static_to_dynamic(STATIC, amount=25_000, fee=qris.FixedFee(Decimal(1500)))
    percent = qris.static_to_dynamic(STATIC, amount=25_000, fee=qris.PercentFee(Decimal("2.5")))

    assert qris.read_qris(fixed).payable == 26_500
    assert qris.read_qris(percent).payable == 25_625


def test_a_dynamic_code_is_not_made_dynamic_again() -> None:
    dynamic = qris.static_to_dynamic(STATIC, amount=1000)

    with pytest.raises(qris.QrisError, match="only a static code"):
        qris.static_to_dynamic(dynamic, amount=1000)


@pytest.mark.parametrize("text", ["", "٠٠٠٢٠١", "\ud8006304FFFF", "00020", "0002016304", "000201" * 2 + "6304FFFF"])
def test_hostile_text_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(qris.QrisError):
        qris.read_qris(text)
