"""Cases of shu.json: member shares, allocations, whole distributions, edges."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from deploy.vectors.cases import Answer, Case, Check, Exact, Reason, number_of, whole
from services.cooperatives.domain.surplus import (
    CAPITAL,
    DEALINGS,
    Distribution,
    Member,
    Rounding,
    SurplusError,
    distribute,
    member_share,
    pools_of,
)


def _member_share(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    share = member_share(
        whole(given["shu"]),
        capital_percentage=number_of(given["pct_jasa_modal"]),
        dealings_percentage=number_of(given["pct_jasa_usaha"]),
        member=Member("the member", whole(given["simpanan"]), whole(given["transaksi"])),
        savings_total_minor=whole(given["total_simpanan"]),
        dealings_total_minor=whole(given["total_transaksi"]),
    )
    return {CAPITAL: Exact(share.capital), DEALINGS: Exact(share.dealings), "total": Exact(share.total)}


def _percentages(given: Mapping[str, Any]) -> dict[str, Fraction]:
    return {name: number_of(percentage) for name, percentage in given["pct"].items()}


def _allocation(case: Case, _file: Mapping[str, Any]) -> Answer:
    pools = pools_of(whole(case["input"]["shu"]), _percentages(case["input"]))
    return {
        "amounts": {name: Exact(pool) for name, pool in pools.items()},
        "sum": Exact(sum(pools.values(), Fraction(0))),
    }


def _distribution(given: Mapping[str, Any], rounding: Rounding) -> Distribution:
    members = [
        Member(str(entry["id"]), whole(entry["simpanan"]), whole(entry["transaksi"]))
        for entry in given.get("members", [])
    ]
    return distribute(whole(given["shu"]), _percentages(given), members, rounding)


def _paid(divided: Distribution) -> dict[str, dict[str, int]]:
    return {
        member: {CAPITAL: paid.capital_minor, DEALINGS: paid.dealings_minor, "total": paid.total_minor}
        for member, paid in divided.payments.items()
    }


def _full_distribution(case: Case, _file: Mapping[str, Any]) -> Answer:
    floored = _distribution(case["input"], Rounding.FLOOR)
    whole_pools = _distribution(case["input"], Rounding.LARGEST_REMAINDER)
    return {
        "pools": {name: Exact(pool) for name, pool in floored.pools.items()},
        "exact": {
            member: {CAPITAL: Exact(share.capital), DEALINGS: Exact(share.dealings), "total": Exact(share.total)}
            for member, share in floored.exact.items()
        },
        "floor": _paid(floored),
        "floor_residue": {name: Exact(residue) for name, residue in floored.residues.items()},
        "largest_remainder": _paid(whole_pools),
        "largest_remainder_sum": {
            CAPITAL: sum(paid.capital_minor for paid in whole_pools.payments.values()),
            DEALINGS: sum(paid.dealings_minor for paid in whole_pools.payments.values()),
        },
    }


def _edge(case: Case, _file: Mapping[str, Any]) -> Answer:
    try:
        divided = _distribution(case["input"], Rounding.LARGEST_REMAINDER)
    except SurplusError as refused:
        return {"error": Reason(str(refused)), "distributed": 0, "error_or_loss_flow": True}
    return {
        "distributed": divided.distributed_minor,
        "error_or_loss_flow": divided.loss_minor > 0,
        "loss": divided.loss_minor,
        CAPITAL: {member: Exact(share.capital) for member, share in divided.exact.items()},
        DEALINGS: {member: Exact(share.dealings) for member, share in divided.exact.items()},
        f"{CAPITAL}_undistributed": Exact(Fraction(divided.undistributed.get(CAPITAL, 0))),
        f"{DEALINGS}_undistributed": Exact(Fraction(divided.undistributed.get(DEALINGS, 0))),
        "no_division_by_zero": True,
    }


CHECKS: dict[str, Check] = {
    "member_share": _member_share,
    "allocation": _allocation,
    "allocation_invalid": _allocation,
    "full_distribution": _full_distribution,
    "edge": _edge,
}
