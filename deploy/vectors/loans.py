"""Cases of loans.json: schedules, murabahah, collectability, caps and brackets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any

from deploy.vectors.cases import Answer, ByKey, Case, Check, Exact, day, number_of, of_entry, whole
from deploy.vectors.rule_files import FINANCING
from services.financing.domain import lending_rules, loans
from shared.rules import NoRule

TRUE_ON = "2026-01-27"
PERCENT_PLACES = (4,)


def _schedule(schedule: loans.Schedule) -> dict[str, Any]:
    return {
        "totals": {
            "principal": schedule.principal_minor,
            "interest": schedule.interest_minor,
            "paid": schedule.paid_minor,
        },
        "rows": ByKey(
            "k",
            [
                {
                    "k": row.number,
                    "pay": row.payment_minor,
                    "principal": row.principal_minor,
                    "interest": row.interest_minor,
                    "balance": row.balance_minor,
                }
                for row in schedule.rows
            ],
        ),
    }


def _flat(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    principal, months = whole(given["principal"]), whole(given["months"])
    rate = number_of(given["annual_flat_rate"])
    terms = loans.flat_terms(Fraction(principal), rate, months)
    effective = loans.effective_annual_rate(Fraction(principal), [terms.payment] * months)
    return {
        "exact_principal": Exact(terms.principal),
        "exact_interest": Exact(terms.interest),
        "exact_payment": Exact(terms.payment),
        "total_interest": Exact(terms.total_interest),
        "equivalent_effective_annual_rate_pct": Exact(effective * 100, PERCENT_PLACES),
        **_schedule(loans.flat(principal, rate, months)),
    }


def _annuity(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    principal, months, rate = whole(given["principal"]), whole(given["months"]), number_of(given["annual_rate"])
    schedule = loans.annuity(principal, rate, months)
    payment = loans.level_payment(Fraction(principal), rate, months)
    return {
        "exact_payment": Exact(payment),
        "payment": Exact(payment, (0,)),
        **_schedule(schedule),
    }


def _annuity_with_grace(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    principal, rate = whole(given["principal"]), number_of(given["annual_rate"])
    months, grace = whole(given["months_total"]), whole(given["grace_months"])
    schedule = loans.annuity_with_grace(principal, rate, months, grace_months=grace)
    payment = loans.level_payment(Fraction(principal), rate, months - grace)
    return {
        "grace_payment": schedule.rows[0].payment_minor if grace else 0,
        "payment_after_grace": Exact(payment, (0,)),
        "exact_payment_after_grace": Exact(payment),
        **_schedule(schedule),
    }


def _sliding(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    return _schedule(loans.sliding(whole(given["principal"]), number_of(given["annual_rate"]), whole(given["months"])))


def _sale(case: Case) -> loans.Murabahah:
    given = case["input"]
    cost, margin, down_payment = (number_of(given[key]) for key in ("cost", "margin", "down_payment"))
    return loans.Murabahah(cost, margin, down_payment, months=whole(given["months"]))


def _murabahah(case: Case, _file: Mapping[str, Any]) -> Answer:
    sale = _sale(case)
    return {
        "selling_price": Exact(sale.selling_price),
        "receivable": Exact(sale.receivable),
        "exact_instalment": Exact(sale.instalment),
        "margin_per_instalment_proportional": Exact(sale.margin_per_instalment),
        "cost_recovery_per_instalment": Exact(sale.cost_per_instalment),
    }


def _murabahah_annuity_recognition(case: Case, _file: Mapping[str, Any]) -> Answer:
    sale = _sale(case)
    rows = sale.annuity_recognition()
    return {
        "exact_instalment": Exact(sale.instalment),
        "implied_annual_rate_pct": Exact(sale.implied_annual_rate * 100, PERCENT_PLACES),
        "rows": ByKey(
            "k",
            [{"k": k, "margin": Exact(margin), "cost": Exact(cost)} for k, (margin, cost) in enumerate(rows, start=1)],
        ),
        "sum_margin": Exact(sum((margin for margin, _ in rows), Fraction(0))),
    }


def _collectability(case: Case, _file: Mapping[str, Any]) -> Answer:
    on = day(case, TRUE_ON)
    answers = []
    for entry in case["expect"]:
        kol = lending_rules.collectability(FINANCING, whole(entry["days_past_due"]), on=on)
        answers.append(
            {
                **of_entry(entry, "days_past_due"),
                "kol": kol,
                "npl": lending_rules.is_non_performing(FINANCING, kol, on=on),
            }
        )
    return answers


def _cap(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    cap = lending_rules.online_lending_cap(
        FINANCING,
        given["segment"],
        principal_minor=whole(given["principal"]),
        tenor_months=whole(given["tenor_months"]),
        days=whole(given["days"]),
        on=day(case, TRUE_ON),
    )
    return {
        "max_rate_pct_per_day": Exact(cap.rate_pct_per_day),
        "max_benefit": Exact(cap.max_benefit),
        "overall_cap_benefit_plus_penalty": Exact(cap.overall),
    }


def _kur_bracket(case: Case, _file: Mapping[str, Any]) -> Answer:
    on = day(case, TRUE_ON)
    return [
        {**of_entry(entry, "amount"), "scheme": lending_rules.kur_scheme(FINANCING, whole(entry["amount"]), on=on)}
        for entry in case["expect"]
    ]


def _kur_rate(case: Case, _file: Mapping[str, Any]) -> Answer:
    return [{**of_entry(entry, "year", "scheme", "access"), "rate_pct": _rate_of(entry)} for entry in case["expect"]]


def _rate_of(entry: Mapping[str, Any]) -> Exact | None:
    last_day = date(whole(entry["year"]), 12, 31)
    try:
        return Exact(lending_rules.kur_rate_pct(FINANCING, entry["scheme"], access=whole(entry["access"]), on=last_day))
    except NoRule:
        return None


CHECKS: dict[str, Check] = {
    "flat": _flat,
    "annuity": _annuity,
    "annuity_with_grace": _annuity_with_grace,
    "sliding": _sliding,
    "murabahah": _murabahah,
    "murabahah_annuity_recognition": _murabahah_annuity_recognition,
    "collectability": _collectability,
    "p2p_economic_benefit_cap": _cap,
    "kur_bracket": _kur_bracket,
    "kur_rate": _kur_rate,
}
