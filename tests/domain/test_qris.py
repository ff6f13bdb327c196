"""QRIS beyond the vectors: hostile text, amounts and fees."""

from decimal import Decimal

import pytest

from shared import qris

STATIC = (
    "00020101021126680016ID.CO.CONTOH.WWW011893609999000000000102150000000000000010303UMI51440014ID.CO.QR"
    "IS.WWW0215ID10990000000010303UMI5204549953033605802ID5920WARUNG CONTOH BANTEN6011KOTA SERANG61054211"
    "662070703A016304733A"
)  # a shop that does not exist


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
