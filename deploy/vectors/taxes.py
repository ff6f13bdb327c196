"""Cases of tax_fees.json: income tax, withholding, PPN, QRIS fee, what cooperatives withhold."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from deploy.vectors.cases import Answer, ByKey, Case, Check, Exact, day, whole
from deploy.vectors.rule_files import COOPERATIVES, ORDERS
from services.cooperatives.domain import taxes as member_taxes
from services.orders.domain import taxes

TRUE_ON = "2026-01-27"


def _pph_final(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    gross = [whole(month) for month in given["monthly_gross"]]
    months = taxes.final_tax_of_year(ORDERS, taxes.Taxpayer(given["taxpayer"]), gross, on=day(case, TRUE_ON))
    rows = [
        {
            "month": month.month,
            "gross": month.gross_minor,
            "cumulative": month.cumulative_minor,
            "taxable": month.taxable_minor,
            "tax": Exact(month.tax),
        }
        for month in months
    ]
    return {"rows": ByKey("month", rows), "total_tax": Exact(sum((month.tax for month in months), Fraction(0)))}


def _pph22(case: Case, _file: Mapping[str, Any]) -> Answer:
    given, on = case["input"], day(case, TRUE_ON)
    sale = taxes.Sale(
        taxes.Taxpayer(given["seller"]),
        whole(given["gross_excl_ppn_ppnbm"]),
        has_declared_small_turnover=given.get("declaration_upto_500m", False),
        has_exemption_letter=given.get("skb", False),
    )
    switched_on = given.get("feature_enabled", taxes.is_withholding_switched_on(ORDERS, on))
    return {"withhold": Exact(taxes.marketplace_withholding(ORDERS, sale, on=on, is_switched_on=switched_on))}


def _ppn(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    price = whole(given["price_excl_ppn"])
    tax = taxes.value_added_tax(ORDERS, price, is_luxury=given["luxury"], on=day(case, TRUE_ON))
    return {"dpp": Exact(tax.taxed_value), "ppn": Exact(tax.tax)}


def _qris_mdr(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    charged = taxes.qris_fee(ORDERS, given["criteria"], whole(given["amount"]), on=day(case, TRUE_ON))
    return {"rate_pct": Exact(charged.rate_pct), "fee": Exact(charged.fee)}


def _savings_interest(case: Case, _file: Mapping[str, Any]) -> Answer:
    interest = whole(case["input"]["monthly_interest"])
    return {"tax": Exact(member_taxes.savings_interest_tax(COOPERATIVES, interest, on=day(case, TRUE_ON)))}


def _surplus_tax(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    tax = member_taxes.surplus_tax(COOPERATIVES, given["recipient"], whole(given["shu_paid"]), on=day(case, TRUE_ON))
    return {"tax": Exact(tax)}


CHECKS: dict[str, Check] = {
    "pph_final_umkm": _pph_final,
    "pph22_marketplace": _pph22,
    "pph22_disabled": _pph22,
    "ppn_2025": _ppn,
    "qris_mdr": _qris_mdr,
    "coop_saving_interest_tax": _savings_interest,
    "shu_tax": _surplus_tax,
}
