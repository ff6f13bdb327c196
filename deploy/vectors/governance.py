"""Cases of governance.json and consent.json: classes, meetings, votes, dashboards, deadlines of personal data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from deploy.vectors.cases import Answer, Case, Check, day, of_entry, whole
from deploy.vectors.rule_files import COOPERATIVES, FINANCING, NATIONAL
from services.cooperatives.domain import governance
from services.financing.domain import consent
from shared import umkm
from shared.exact import percent_of, to_places

TRUE_ON = "2026-01-27"


def _umkm_class(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    found = umkm.enterprise_class(NATIONAL, umkm.Basis(given["basis"]), whole(given["amount"]), on=day(case, TRUE_ON))
    return {"class": found.value}


def _ksp_class(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    found = governance.savings_and_loan_class(
        COOPERATIVES,
        members=whole(given["members"]),
        equity_minor=whole(given["equity"]),
        assets_minor=whole(given["assets"]),
        on=day(case, TRUE_ON),
    )
    return {"class": found}


def _rat_deadline(case: Case, _file: Mapping[str, Any]) -> Answer:
    ended = date.fromisoformat(case["input"]["fiscal_year_end"])
    return {"latest": governance.accountability_meeting_due(COOPERATIVES, ended).isoformat()}


def _dissolution_quorum(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    needed = governance.dissolution_quorum(
        COOPERATIVES,
        members=whole(given["members"]),
        valid_votes=whole(given["valid_votes"]),
        on=day(case, TRUE_ON),
    )
    return {"min_present": needed.present_min, "min_yes": needed.yes_min}


def _founders_min(case: Case, _file: Mapping[str, Any]) -> Answer:
    answers = []
    for entry in case["expect"]:
        kind = governance.Kind(entry["type"])
        founders = entry["founding_coops"] if "founding_coops" in entry else entry["founders"]
        enough = governance.are_enough_founders(COOPERATIVES, kind, whole(founders), on=day(case, TRUE_ON))
        answers.append({**of_entry(entry, "type", "founders", "founding_coops"), "ok": enough})
    return answers


def _one_member_one_vote(case: Case, _file: Mapping[str, Any]) -> Answer:
    ballots = [
        governance.Ballot(str(entry["member"]), governance.Choice(entry["choice"]))
        for entry in case["input"]["ballots"]
    ]
    count = governance.count_votes(ballots)
    return {
        "counted": {"yes": count.yes, "no": count.no, "abstain": count.abstain},
        "rejected_duplicates": count.rejected_duplicates,
        "carried": count.is_carried,
    }


def _dashboard_pct(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    percentage = percent_of(whole(given["numerator"]), whole(given["denominator"]))
    return {"pct_2dp": None if percentage is None else to_places(percentage, 2)}


def _inactive_triggers(case: Case, _file: Mapping[str, Any]) -> Answer:
    return [
        {
            **of_entry(entry, "years_without_rat", "years_without_activity"),
            "flag": governance.may_be_dissolved_by_government(
                COOPERATIVES,
                years_without_meeting=whole(entry.get("years_without_rat", 0)),
                years_without_activity=whole(entry.get("years_without_activity", 0)),
                on=day(case, TRUE_ON),
            ),
        }
        for entry in case["expect"]
    ]


def _pdp_deadline(case: Case, _file: Mapping[str, Any]) -> Answer:
    received_at = datetime.fromisoformat(case["input"]["received_at"])
    return {"deadline": consent.answer_due(FINANCING, case["input"]["event"], received_at)}


def _specific_data(case: Case, _file: Mapping[str, Any]) -> Answer:
    on = day(case, TRUE_ON)
    return [
        {**of_entry(entry, "field"), "specific": consent.is_specific(FINANCING, entry["field"], on=on)}
        for entry in case["expect"]
    ]


CHECKS: dict[str, Check] = {
    "umkm_class": _umkm_class,
    "ksp_class": _ksp_class,
    "rat_deadline": _rat_deadline,
    "dissolution_quorum": _dissolution_quorum,
    "founders_min": _founders_min,
    "one_member_one_vote": _one_member_one_vote,
    "dashboard_pct": _dashboard_pct,
    "inactive_triggers": _inactive_triggers,
}

CONSENT_CHECKS: dict[str, Check] = {"pdp_deadline": _pdp_deadline, "specific_data": _specific_data}
