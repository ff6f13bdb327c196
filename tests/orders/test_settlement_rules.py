"""Settlement and refunds as calculations: every rupiah goes somewhere, and all of it comes back."""

import random
from datetime import date
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.domain.problems import MoreThanPaid, MoreThanSent
from services.orders.domain.refunds import Item, everything, of_amount, of_quantities
from services.orders.domain.settlement import (
    Declared,
    SettledPart,
    SoldLine,
    StandingPart,
    commission_rates,
    settle,
    take_back,
    withholding,
)
from services.orders.domain.taxes import Taxpayer
from shared import rules
from shared.contracts.catalog import Payee

SHOP = UUID(int=1)
RULES = rules.parse(
    """{"commission": [
        {"valid_from": "2022-09-26", "source": "a test", "values": {"basis_points": 100, "categories": {}}},
        {"valid_from": "2026-01-01", "source": "a test", "values": {"basis_points": 250, "categories": {"batik": 50}}}],
      "pph22_marketplace": [
        {"valid_from": "2025-07-14", "source": "a test",
         "values": {"is_platform_appointed": true, "rate_pct": "0.5"}}]}"""
)
amounts = st.integers(0, 10**10)


@st.composite
def lines(draw: st.DrawFn) -> list[SoldLine]:
    """Lines of a few payees, who may share several."""
    parties = [SHOP, *(UUID(int=number) for number in range(2, 5))]
    found = []
    for _ in range(draw(st.integers(1, 4))):
        chosen = draw(st.lists(st.sampled_from(parties), min_size=1, max_size=4, unique=True))
        cuts = sorted(
            draw(st.lists(st.integers(1, 9_999), min_size=len(chosen) - 1, max_size=len(chosen) - 1, unique=True))
        )
        shares = [high - low for low, high in zip([0, *cuts], [*cuts, 10_000], strict=True)]
        payees = tuple(Payee(party_id=p, share_basis_points=s) for p, s in zip(chosen, shares, strict=True))
        found.append(SoldLine(uuid4(), "makanan", draw(amounts), payees))
    return found


def standing(parts: list[SettledPart]) -> list[StandingPart]:
    return [
        StandingPart(number, part.product_id, part.party_id, part.kind, part.amount_minor, 0)
        for number, part in enumerate(parts)
    ]


@given(lines(), amounts, st.integers(0, 2_000), st.randoms(use_true_random=False))
def test_all_is_settled_and_any_refunds_take_back_exactly_all(
    sold: list[SoldLine], shipping_minor: int, rate: int, pick: random.Random
) -> None:
    declared = {UUID(int=3): Declared(Taxpayer.ENTITY)}
    withheld = withholding(RULES, declared, on=date(2026, 5, 5), is_switched_on=True)

    parts = settle(sold, shipping_minor, SHOP, rate_of=lambda _: rate, withheld=withheld)

    assert sum(part.amount_minor for part in parts) == sum(line.amount_minor for line in sold) + shipping_minor
    assert all(part.amount_minor > 0 for part in parts)
    commission_minor = sum(part.amount_minor for part in parts if part.kind == "commission")
    assert commission_minor == sum(line.amount_minor * rate // 10_000 for line in sold)
    left = {part.number: part for part in standing(parts)}
    for product_id, amount_minor in [(line.product_id, line.amount_minor) for line in sold] + [(None, shipping_minor)]:
        while amount_minor:
            step_minor = min(amount_minor, pick.choice([1, amount_minor // 3 + 1, amount_minor, amount_minor]))
            for part, taken_minor in take_back(list(left.values()), product_id, step_minor):
                left[part.number] = StandingPart(
                    part.number,
                    part.product_id,
                    part.party_id,
                    part.kind,
                    part.amount_minor,
                    part.returned_minor + taken_minor,
                )
                assert left[part.number].left_minor >= 0
            amount_minor -= step_minor
    assert all(part.left_minor == 0 for part in left.values())
    with pytest.raises(ValueError, match="more is taken back"):
        take_back(list(left.values()), None, 1)


def test_the_commission_is_that_of_the_day_and_of_the_category() -> None:
    before, after = commission_rates(RULES, date(2025, 12, 31)), commission_rates(RULES, date(2026, 1, 1))

    assert (before("batik"), after("batik"), after("makanan")) == (100, 50, 250)


def test_a_small_turnover_is_declared_for_one_year() -> None:
    declared = {SHOP: Declared(has_declared_small_turnover=True, year=2026)}

    taxes = [
        withholding(RULES, declared, on=day, is_switched_on=True)(SHOP, 100_399)
        for day in (date(2026, 12, 31), date(2027, 1, 1))
    ]

    assert taxes == [0, 501]


def item(product_id: UUID | None, quantity: int, price_minor: int, **other: int) -> Item:
    return Item(
        parcel_id=SHOP,
        product_id=product_id,
        quantity=quantity,
        unit_price_minor=price_minor,
        amount_minor=other.get("amount_minor", quantity * price_minor),
        refunded_quantity=other.get("refunded_quantity", 0),
        refunded_minor=other.get("refunded_minor", 0),
        is_settled=False,
    )


def test_quantities_are_given_back_at_the_price_of_sale_but_not_beyond_what_is_left() -> None:
    product_id = uuid4()
    rebated = item(product_id, 3, 10_000, refunded_minor=5_000)

    (two,) = of_quantities([rebated], {product_id: 2})
    (three,) = of_quantities([rebated], {product_id: 3})

    assert (two.amount_minor, three.amount_minor) == (20_000, 25_000)
    with pytest.raises(MoreThanSent):
        of_quantities([rebated], {product_id: 4})
    with pytest.raises(MoreThanSent):
        of_quantities([rebated], {uuid4(): 1})
    with pytest.raises(MoreThanPaid):
        of_quantities([item(product_id, 1, 10, refunded_minor=10)], {product_id: 1})


def test_an_amount_comes_out_of_the_goods_first() -> None:
    first, second = uuid4(), uuid4()
    items = [item(first, 1, 3_000), item(second, 2, 3_500), item(None, 0, 0, amount_minor=8_000)]

    some = of_amount(items, 1_000)
    most = of_amount(items, 17_000)

    assert [(part.product_id, part.quantity, part.amount_minor) for part in some] == [(first, 0, 300), (second, 0, 700)]
    assert [(part.product_id, part.quantity, part.amount_minor) for part in most] == [
        (first, 1, 3_000), (second, 2, 7_000), (None, 0, 7_000),
    ]  # fmt: skip
    assert sum(part.amount_minor for part in everything(items)) == 18_000
    with pytest.raises(MoreThanPaid):
        of_amount(items, 18_001)
