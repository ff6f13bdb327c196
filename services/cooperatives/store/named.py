"""The named queries of cooperatives.sql and money.sql, and the refusals that its constraints mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from services.cooperatives.domain.problems import (
    AppliedAlready,
    LinkedAlready,
    NeedsAnotherPerson,
    NumberTaken,
    OfficeTaken,
)
from shared import sql
from shared.problems import Problem

queries = sql.load(str(Path(__file__).parent), "cooperatives.sql")
money = sql.load(str(Path(__file__).parent), "money.sql")

VIOLATIONS: dict[str, type[Problem]] = {
    "cooperatives_legal_number_is_one_of_a_kind": NumberTaken,
    "cooperatives_national_number_is_one_of_a_kind": NumberTaken,
    "officers_hold_one_office": OfficeTaken,
    "applications_wait_once": AppliedAlready,
    "applications_identity_waits_once": AppliedAlready,
    "applications_are_decided_by_another": NeedsAnotherPerson,
    "members_account_is_one_member": LinkedAlready,
    "members_identity_is_one_member": AppliedAlready,
    "withdrawals_are_paid_by_a_second_person": NeedsAnotherPerson,
    "journals_are_posted_by_a_second_person": NeedsAnotherPerson,
}


@contextmanager
def refusing(**here: type[Problem]) -> Iterator[None]:
    """Raise the refusal that a violated constraint means (`here` by its name); what was not foreseen as it came."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        kind = (VIOLATIONS | here).get(error.constraint_name or "")
        if kind is None:
            raise
        raise kind from error
