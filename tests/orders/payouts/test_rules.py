"""The rules of payouts and of the bank's files, without a database."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.domain import bank_file
from services.orders.domain.bank_file import BadFile, FileLine
from services.orders.domain.payouts import (
    BatchStatus,
    Destination,
    Due,
    Holder,
    LeftOut,
    Line,
    Mandate,
    PayoutStatus,
    decide,
    held_until,
    instalments_of,
    minimum_minor,
)
from services.orders.settings import OrdersSettings
from shared import rules
from tests.orders.payouts.desk import Desk, answer_file

NOW = datetime(2026, 1, 15, 5, tzinfo=UTC)
TODAY = date(2026, 1, 15)
RULES = rules.load(Path(str(OrdersSettings.model_fields["rules_file"].default)))


def a_mandate(*dues_minor: int, share: int = 10_000, withheld: int = 0, elsewhere: int = 0, age: int = 0) -> Mandate:
    """A mandate with one due a month, the last one today."""
    dues = tuple(
        Due(TODAY - timedelta(days=30 * (len(dues_minor) - number) + age), due_minor)
        for number, due_minor in enumerate(dues_minor, start=1)
    )
    return Mandate(uuid4(), uuid4(), uuid4(), uuid4(), UUID(int=1), dues, share, withheld, elsewhere)


def destination(held: datetime = NOW) -> Destination:
    """A bank account."""
    return Destination(UUID(int=1), "002", "1234567801", "SITI AMINAH", held)


def decided(balance_minor: int, *mandates: Mandate, to: Destination | None = None, is_known: bool = True) -> Line:
    """What is decided for this balance."""
    return decide(
        uuid4(),
        UUID(int=1),
        balance_minor=balance_minor,
        minimum_minor=10_000,
        mandates=mandates,
        destination=(to or destination()) if is_known else None,
        by=TODAY,
        now=NOW,
    )


@pytest.mark.parametrize(
    ("balance_minor", "mandate", "kept"),
    [
        (500_000, a_mandate(100_000), [100_000]),
        (500_000, a_mandate(100_000, 100_000), [200_000]),
        (500_000, a_mandate(100_000, withheld=30_000, elsewhere=50_000), [20_000]),
        (500_000, a_mandate(100_000, withheld=60_000, elsewhere=50_000), []),
        (500_000, a_mandate(400_000, share=2_500), [125_000]),
        (99_999, a_mandate(400_000, share=3_333), [33_329]),
        (50_000, a_mandate(400_000), [50_000]),
        (500_000, a_mandate(), []),
    ],
)
def test_what_is_kept(balance_minor: int, mandate: Mandate, kept: list[int]) -> None:
    assert [amount for _, amount in instalments_of(balance_minor, [mandate], by=TODAY)] == kept


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (decided(10_000), PayoutStatus.SCHEDULED, None),
        (decided(9_999), PayoutStatus.LEFT_OUT, LeftOut.BELOW_MINIMUM),
        (decided(-5), PayoutStatus.LEFT_OUT, LeftOut.BELOW_MINIMUM),
        (decided(10_000, is_known=False), PayoutStatus.LEFT_OUT, LeftOut.NO_BANK_ACCOUNT),
        (
            decided(10_000, to=destination(NOW + timedelta(seconds=1))),
            PayoutStatus.LEFT_OUT,
            LeftOut.BANK_ACCOUNT_FRESH,
        ),
        (decided(10_000, a_mandate(10_000)), PayoutStatus.WITHHELD, None),
    ],
)
def test_who_is_paid(line: Line, status: PayoutStatus, reason: LeftOut | None) -> None:
    assert (line.status, line.left_out) == (status, reason)
    assert line.amount_minor == line.balance_minor - line.instalments_minor


dues = st.lists(st.integers(1, 10**9), max_size=4)
mandates = st.builds(
    lambda dues, share, withheld, elsewhere: a_mandate(*dues, share=share, withheld=withheld, elsewhere=elsewhere),
    dues,
    st.integers(0, 10_000),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)


@given(st.integers(-(10**9), 10**12), st.lists(mandates, max_size=4))
def test_nobody_is_paid_more_than_they_have_and_no_loan_more_than_is_due(
    balance_minor: int, asked: list[Mandate]
) -> None:
    line = decided(balance_minor, *asked)

    assert line.amount_minor >= 0
    assert line.amount_minor + line.instalments_minor == line.balance_minor
    assert line.balance_minor in (0, balance_minor)
    for mandate, amount_minor in line.instalments:
        assert 0 < amount_minor <= mandate.open_minor(TODAY)
        assert amount_minor * 10_000 <= balance_minor * mandate.share_basis_points_max


def test_rules_have_a_minimum_and_a_wait() -> None:
    assert minimum_minor(RULES, TODAY) == 10_000
    assert held_until(RULES, NOW, on=TODAY, is_change=False) == NOW
    assert held_until(RULES, NOW, on=TODAY, is_change=True) == NOW + timedelta(hours=72)


def test_a_bank_file_is_these_bytes_whatever_the_order_of_its_lines() -> None:
    batch_id, first, second = UUID(int=9), UUID(int=1), UUID(int=2)
    lines = [
        FileLine(first, 1, "PAYOUT", UUID(int=5), "002", "1234567801", "SITI AMINAH", 125_000),
        FileLine(second, 2, "REMITTANCE", UUID(int=6), "121", "5550000001", "PT. BANK, TBK", 75_000),
    ]

    raw = bank_file.write(batch_id, lines, on=TODAY)

    assert raw == bank_file.write(batch_id, lines[::-1], on=TODAY)
    body, _, trailer = raw.decode().rpartition("T,")
    assert body == (
        "H,1,LUMBUNG,00000000-0000-0000-0000-000000000009,20260115,IDR\r\n"
        "D,1,00000000-0000-0000-0000-000000000001,PAYOUT,002,1234567801,SITI AMINAH,125000\r\n"
        'D,2,00000000-0000-0000-0000-000000000002,REMITTANCE,121,5550000001,"PT. BANK, TBK",75000\r\n'
    )
    assert trailer == "2,200000," + bank_file.checksum(body.encode()) + "\r\n"


answered = st.lists(
    st.tuples(st.uuids().map(str), st.integers(1, 10**12), st.sampled_from(["", "other", "name_differs"])),
    max_size=5,
    unique_by=lambda line: line[0],
)


@given(answered)
def test_an_answer_is_read_as_it_was_written(lines: list[tuple[str, int, str]]) -> None:
    batch_id = str(uuid4())
    returned = {line_id: reason for line_id, _, reason in lines if reason}

    answer = bank_file.read_answer(answer_file(batch_id, [(line_id, amount) for line_id, amount, _ in lines], returned))

    assert str(answer.batch_id) == batch_id
    assert [(str(one.line_id), one.amount_minor, one.reason or "") for one in answer.lines] == lines


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(1, 255))
def test_an_answer_with_one_byte_changed_is_refused(extra: bytes, place: int, change: int) -> None:
    raw = bytearray(answer_file(str(uuid4()), [(str(uuid4()), 5_000), (str(uuid4()), 7_000)]))
    place %= len(raw)
    raw[place] = raw[place] ^ change

    for bad in (bytes(raw), bytes(raw[:place]), extra):
        with pytest.raises(BadFile):
            bank_file.read_answer(bad)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("payout_batch_status", [one.value for one in BatchStatus]),
        ("payout_status", [one.value for one in PayoutStatus]),
        ("bank_account_holder", [one.value for one in Holder]),
    ],
)
async def test_enums_in_sql_are_those_of_python(desk: Desk, name: str, members: list[str]) -> None:
    async with desk.db.reading() as conn:
        rows = await conn.fetch("SELECT unnest(enum_range(NULL::" + name + "))::text AS member")

    assert [row["member"] for row in rows] == members
