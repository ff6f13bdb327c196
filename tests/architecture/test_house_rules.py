"""The house rules hold in this tree, and each catches a planted violation."""

import pytest

from tests.architecture.house_rules import (
    RULES,
    Rule,
    Source,
    a_module_says_what_it_is_for,
    comments_are_finished,
    days_are_those_of_the_market,
    exceptions_are_named,
    no_float_near_money,
    no_import_inside_a_function,
    no_print,
    no_sql_outside_sql_files,
    sources,
    the_domain_is_a_calculation,
)

PRODUCT = sources("services", "shared", "deploy")

PLANTED: list[tuple[Rule, str, str]] = [
    (no_sql_outside_sql_files, "services/x/store.py", 'q = "SELECT a FROM b"'),
    (no_sql_outside_sql_files, "services/x/routes.py", 'q = f"""\n  DELETE FROM b WHERE a = {1}"""'),
    (no_sql_outside_sql_files, "shared/x.py", 'run("WITH a AS (SELECT 1) SELECT a")'),
    (no_float_near_money, "services/x/domain/price.py", "half = total_minor / 2"),
    (no_float_near_money, "services/x/domain/price.py", "part = order.total_minor * 0.1"),
    (no_float_near_money, "services/x/domain/price.py", "fee_minor: float = 1"),
    (no_float_near_money, "services/x/domain/price.py", "def f(fee_minor: float | None) -> None: ..."),
    (no_float_near_money, "services/x/domain/price.py", "x = round(a_minor * 3)"),
    (no_float_near_money, "services/x/domain/price.py", "a_minor /= 2"),
    (no_print, "services/x/routes.py", "print('here')"),
    (no_print, "shared/x.py", "breakpoint()"),
    (days_are_those_of_the_market, "services/x/main.py", "fees = fees_on(tariff, now.date())"),
    (days_are_those_of_the_market, "services/x/main.py", "on = date.today()"),
    (days_are_those_of_the_market, "services/x/main.py", "year = utc_now().year"),
    (days_are_those_of_the_market, "services/x/main.py", "number = number_of(now.month)"),
    (days_are_those_of_the_market, "services/x/main.py", "until = datetime.combine(day, time(), UTC)"),
    (days_are_those_of_the_market, "services/x/main.py", "until = datetime.combine(day, time(), tzinfo=UTC)"),
    (no_import_inside_a_function, "services/x/routes.py", "def f():\n    import json"),
    (a_module_says_what_it_is_for, "services/x/routes.py", "import json"),
    (the_domain_is_a_calculation, "services/x/domain/order.py", "async def f(): ..."),
    (the_domain_is_a_calculation, "services/x/domain/order.py", "at = datetime.now(UTC)"),
    (the_domain_is_a_calculation, "services/x/domain/order.py", "order_id = new_id()"),
    (exceptions_are_named, "services/x/routes.py", "try:\n    f()\nexcept:\n    raise"),
    (exceptions_are_named, "services/x/routes.py", "try:\n    f()\nexcept ValueError:\n    pass"),
    (comments_are_finished, "services/x/routes.py", "x = 1  # TO" + "DO later"),
    (comments_are_finished, "services/x/routes.py", "x = 1  # type: " + "ignore"),
    (comments_are_finished, "services/x/routes.py", "x = 1  # type: " + "ignore[attr-defined]"),
]

ALLOWED: list[tuple[Rule, str, str]] = [
    (no_sql_outside_sql_files, "services/x/routes.py", '"""SELECT is a word here."""'),
    (no_sql_outside_sql_files, "services/x/routes.py", 'text = "Select a product"'),
    (no_float_near_money, "services/x/domain/price.py", "half_minor = total_minor // 2"),
    (no_float_near_money, "services/x/domain/price.py", "seconds: float = 0.5 * pause_seconds"),
    (days_are_those_of_the_market, "services/x/main.py", "on, year = day_of(now), day_of(now).year"),
    (days_are_those_of_the_market, "services/x/main.py", "at = datetime.combine(day, time(), WIB).astimezone(UTC)"),
    (the_domain_is_a_calculation, "services/x/use_cases/place.py", "async def f(): now = utc_now()"),
    (comments_are_finished, "services/x/routes.py", "x = 1  # type: ignore[attr-defined]  # it has no types"),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_holds(rule: Rule) -> None:
    faults = [f"{source.place}:{fault.line}: {fault.what}" for source in PRODUCT for fault in rule(source)]

    assert faults == []


@pytest.mark.parametrize(("rule", "place", "text"), PLANTED)
def test_a_planted_violation_is_caught(rule: Rule, place: str, text: str) -> None:
    assert list(rule(Source(place, text)))


@pytest.mark.parametrize(("rule", "place", "text"), ALLOWED)
def test_what_is_fine_is_left_alone(rule: Rule, place: str, text: str) -> None:
    assert list(rule(Source(place, text))) == []


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _, _ in PLANTED} == set(RULES)
