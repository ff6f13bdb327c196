"""Enums in SQL equal enums in Python."""

from typing import get_args

import pytest

from services.cooperatives.domain.cooperative import Role as Office_
from services.cooperatives.domain.governance import Choice
from services.cooperatives.domain.meeting import MeetingState
from services.cooperatives.domain.patronage import Role
from services.cooperatives.domain.savings import Reason
from services.cooperatives.domain.surplus import Rounding
from services.cooperatives.routes.meeting_models import MotionKind, NewMeeting
from tests.cooperatives.conftest import Office

PAIRS = {
    "patronage_role": set(Role),
    "meeting_state": set(MeetingState),
    "meeting_kind": set(get_args(NewMeeting.model_fields["kind"].annotation)),
    "motion_kind": set(get_args(MotionKind)),
    "ballot_choice": set(Choice),
    "surplus_rounding": set(Rounding),
    "movement_reason": set(Reason),
    "officer_role": set(Office_),
}


@pytest.mark.parametrize("name", PAIRS)
async def test_an_enum_is_the_same_in_both(office: Office, name: str) -> None:
    async with office.db.reading() as conn:
        rows = await conn.fetch("SELECT enumlabel FROM pg_enum WHERE enumtypid = $1::text::regtype", name)

    assert {row["enumlabel"] for row in rows} == PAIRS[name]
