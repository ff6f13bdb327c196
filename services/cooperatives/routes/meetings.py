"""Meetings of members: called, attended, opened, voted in, closed by two signatures; their minutes."""

import json
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import orjson
from fastapi import APIRouter, Header, Query, Request, Response

from services.cooperatives.domain.meeting import Meeting, MeetingRules
from services.cooperatives.domain.meeting_problems import (
    AllocationNotWhole,
    InvitedTooLate,
    MeetingNotFound,
    MinutesDiffer,
    MotionNotFound,
    NoQuorum,
    NotOnline,
    NotPresent,
    SignedAlready,
    TooEarly,
    VotedAlready,
    VotesThemselves,
    WrongMeetingState,
    YearNotOver,
)
from services.cooperatives.domain.problems import CooperativeNotFound, MemberNotFound, NotYourTask
from services.cooperatives.routes.desk import Settings, once
from services.cooperatives.routes.meeting_models import (
    Attendance,
    Closing,
    MeetingInList,
    MeetingList,
    MeetingView,
    MinutesView,
    MotionMoved,
    MotionView,
    NewBallot,
    NewMeeting,
    NewMotion,
    QuorumView,
    Roll,
    Rules,
    SignatureView,
    Voted,
)
from services.cooperatives.store import meetings as store
from services.cooperatives.use_cases.call_meeting import call_meeting
from services.cooperatives.use_cases.cast_ballot import cast_ballot_for, cast_own_ballot
from services.cooperatives.use_cases.close_meeting import close_meeting
from services.cooperatives.use_cases.enter_roll import check_in, enter_members
from services.cooperatives.use_cases.move_motion import move_motion
from services.cooperatives.use_cases.open_meeting import open_meeting
from services.cooperatives.views.minutes import printed
from shared import paging
from shared.auth import CurrentPerson
from shared.calendar import day_of
from shared.clock import utc_now
from shared.db import Connection
from shared.http import Db
from shared.idempotency import IdempotencyKey
from shared.ids import new_id
from shared.paging import Cursor, Limit
from shared.problems import Malformed, documented

router = APIRouter(prefix="/v1/cooperatives/{cooperative_id}", tags=["meetings"])


@router.get("/meeting_rules", responses=documented(CooperativeNotFound))
async def get_rules(cooperative_id: UUID, person: CurrentPerson, db: Db) -> Rules:
    """What the articles say of meetings, to officers and members."""
    async with db.reading() as conn:
        rules = await store.rules_for_anyone_inside(conn, cooperative_id, person.id)
    return _rules_view(rules)


@router.put("/meeting_rules", responses=documented(CooperativeNotFound, NotYourTask))
async def put_rules(cooperative_id: UUID, body: Rules, person: CurrentPerson, db: Db) -> Rules:
    """Write down what the articles say now; the chair does. A meeting that is open keeps its quorum."""
    async with db.transaction() as conn:
        rules, _ = await store.rules_for_officer(conn, cooperative_id, person.id)
        changed = MeetingRules(
            cooperative_id=rules.cooperative_id, book_year_end_month=rules.book_year_end_month, **dict(body)
        )
        if not await store.save_rules(conn, changed, account_id=person.id):
            raise NotYourTask
    return _rules_view(changed)


def _rules_view(rules: MeetingRules) -> Rules:
    return Rules(**{name: getattr(rules, name) for name in Rules.model_fields})


@router.post(
    "/meetings",
    status_code=201,
    response_model=MeetingView,
    responses=documented(CooperativeNotFound, NotYourTask, InvitedTooLate, YearNotOver),
)
async def post_meeting(
    cooperative_id: UUID,
    body: NewMeeting,
    key: IdempotencyKey,
    person: CurrentPerson,
    settings: Settings,
    request: Request,
    db: Db,
) -> Response:
    """Call a meeting; the invitation must have gone out as early as the articles say."""
    meeting = Meeting(
        new_id(),
        cooperative_id,
        body.kind,
        body.year,
        body.held_at,
        body.is_online,
        body.invited_on,
        tuple(body.agenda),
    )
    async with db.transaction() as conn:

        async def work() -> MeetingView:
            await call_meeting(
                conn,
                meeting,
                by=person.id,
                must_be_over=not settings.surplus_before_year_end,
                now=utc_now(),
            )
            return await _view(conn, cooperative_id, meeting.meeting_id, person.id)

        return await once(conn, request, person, key, body, work)


@router.get("/meetings", responses=documented(CooperativeNotFound, Malformed))
async def list_meetings(
    cooperative_id: UUID, person: CurrentPerson, db: Db, limit: Limit = 20, cursor: Cursor = None
) -> MeetingList:
    """Meetings of the cooperative, newest first."""
    before = None
    if cursor is not None:
        at, last = paging.decode(cursor, size=2)
        before = (paging.moment(at), _id(last))
    async with db.reading() as conn:
        await store.rules_for_anyone_inside(conn, cooperative_id, person.id)
        rows = await store.meetings(conn, cooperative_id, before=before, limit=limit + 1)
    page = rows[:limit]
    return MeetingList(
        items=[MeetingInList(**{name: row[name] for name in MeetingInList.model_fields}) for row in page],
        next_cursor=paging.encode(page[-1]["held_at"], page[-1]["meeting_id"]) if len(rows) > limit else None,
    )


def _id(value: Any) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise Malformed("the cursor is not one of this list") from error


@router.get("/meetings/{meeting_id}", responses=documented(MeetingNotFound))
async def get_meeting(cooperative_id: UUID, meeting_id: UUID, person: CurrentPerson, db: Db) -> MeetingView:
    """A meeting, its motions and, once they are counted, its votes."""
    async with db.reading() as conn:
        return await _view(conn, cooperative_id, meeting_id, person.id)


@router.post(
    "/meetings/{meeting_id}/roll",
    responses=documented(MeetingNotFound, MemberNotFound, NotYourTask, NotOnline, TooEarly, WrongMeetingState),
)
async def post_roll(cooperative_id: UUID, meeting_id: UUID, body: Attendance, person: CurrentPerson, db: Db) -> Roll:
    """Enter members (an officer), or oneself at an online meeting. Entered twice is entered once."""
    async with db.transaction() as conn:
        if body.member_ids:
            present = await enter_members(
                conn, cooperative_id, meeting_id, body.member_ids, by=person.id, now=utc_now()
            )
        else:
            present = await check_in(conn, cooperative_id, meeting_id, by=person.id, now=utc_now())
    return Roll(present=present)


@router.post(
    "/meetings/{meeting_id}/open",
    responses=documented(MeetingNotFound, NotYourTask, WrongMeetingState, TooEarly, NoQuorum),
)
async def post_open(cooperative_id: UUID, meeting_id: UUID, person: CurrentPerson, db: Db) -> MeetingView:
    """Open the meeting; refused until the quorum is there."""
    async with db.transaction() as conn:
        await open_meeting(conn, cooperative_id, meeting_id, by=person.id, now=utc_now())
        return await _view(conn, cooperative_id, meeting_id, person.id)


@router.post(
    "/meetings/{meeting_id}/motions",
    status_code=201,
    response_model=MotionMoved,
    responses=documented(MeetingNotFound, NotYourTask, WrongMeetingState, AllocationNotWhole),
)
async def post_motion(
    cooperative_id: UUID,
    meeting_id: UUID,
    body: NewMotion,
    key: IdempotencyKey,
    person: CurrentPerson,
    request: Request,
    db: Db,
) -> Response:
    """Put a motion before the meeting, until the votes are counted."""
    async with db.transaction() as conn:

        async def work() -> MotionMoved:
            motion_id = new_id()
            number = await move_motion(
                conn,
                cooperative_id,
                meeting_id,
                motion_id,
                kind=body.kind,
                text=body.text,
                allocation=None if body.allocation is None else body.allocation.model_dump(),
                by=person.id,
                now=utc_now(),
            )
            return MotionMoved(motion_id=motion_id, number=number)

        return await once(conn, request, person, key, body, work)


@router.post(
    "/meetings/{meeting_id}/ballots",
    status_code=201,
    responses=documented(
        MeetingNotFound, MotionNotFound, NotYourTask, WrongMeetingState, NotPresent, VotesThemselves, VotedAlready
    ),
)
async def post_ballot(cooperative_id: UUID, meeting_id: UUID, body: NewBallot, person: CurrentPerson, db: Db) -> Voted:
    """Vote, once. Takes no Idempotency-Key: what is remembered with a key would tell a secret vote."""
    async with db.transaction() as conn:
        if body.member_id is None:
            await cast_own_ballot(
                conn, cooperative_id, meeting_id, body.motion_id, body.choice, ballot_id=uuid4(), by=person.id
            )
        else:
            await cast_ballot_for(
                conn,
                cooperative_id,
                meeting_id,
                body.motion_id,
                body.choice,
                member_id=body.member_id,
                ballot_id=uuid4(),
                by=person.id,
            )
    return Voted(motion_id=body.motion_id, has_voted=True)


@router.post(
    "/meetings/{meeting_id}/close",
    responses=documented(MeetingNotFound, NotYourTask, WrongMeetingState, TooEarly, MinutesDiffer, SignedAlready),
)
async def post_close(
    cooperative_id: UUID, meeting_id: UUID, person: CurrentPerson, db: Db, body: Closing | None = None
) -> MeetingView:
    """Sign as chair or as secretary: the first signature ends the votes and seals the minutes, the second closes."""
    async with db.transaction() as conn:
        await close_meeting(
            conn,
            cooperative_id,
            meeting_id,
            by=person.id,
            sha256=None if body is None else body.minutes_sha256,
            now=utc_now(),
        )
        return await _view(conn, cooperative_id, meeting_id, person.id)


@router.get(
    "/meetings/{meeting_id}/minutes",
    response_model=MinutesView,
    responses={**documented(MeetingNotFound, WrongMeetingState), 200: {"content": {"text/html": {}}}},
)
async def get_minutes(
    cooperative_id: UUID,
    meeting_id: UUID,
    person: CurrentPerson,
    db: Db,
    accept: Annotated[str, Header(max_length=500)] = "",
    format: Annotated[Literal["json", "html"] | None, Query()] = None,
) -> Response:
    """The sealed minutes as JSON, or as a page to print in Indonesian (Accept: text/html, or format=html)."""
    async with db.reading() as conn:
        row = await store.meeting_for(conn, cooperative_id, meeting_id, person.id)
        if row["minutes"] is None:
            raise WrongMeetingState("the votes are not counted yet")
        signers = await store.signers(conn, meeting_id)
        names = await store.names(conn, meeting_id)
    if format == "html" or (format is None and accept.startswith("text/html")):
        page = printed(
            row["minutes"],
            sha256=row["minutes_sha256"],
            cooperative=row["cooperative_name"],
            names={member_id: name["name"] for member_id, name in names.items()},
            signatures={signer["role"]: dict(signer) for signer in signers},
        )
        return Response(
            page,
            media_type="text/html",
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )
    body = {
        "minutes_sha256": row["minutes_sha256"],
        "text": row["minutes"],
        "minutes": json.loads(row["minutes"]),
        "signatures": [
            {"role": s["role"], "account_id": s["account_id"], "signed_at": s["signed_at"]} for s in signers
        ],
    }
    return Response(orjson.dumps(body, default=str), media_type="application/json")


async def _view(conn: Connection, cooperative_id: UUID, meeting_id: UUID, account_id: UUID) -> MeetingView:
    row = await store.meeting_for(conn, cooperative_id, meeting_id, account_id)
    motions = await store.motions(conn, meeting_id, account_id)
    signatures = await store.signatures(conn, meeting_id)
    return MeetingView(
        **{name: row[name] for name in MeetingView.model_fields if name in row and name != "quorum"},
        is_in_time=day_of(row["held_at"]) <= row["due_on"],
        quorum=await _quorum(conn, row, account_id),
        motions=[MotionView(**motion) for motion in motions],
        signatures=[
            SignatureView(role=s["role"], account_id=s["account_id"], signed_at=s["signed_at"]) for s in signatures
        ],
    )


async def _quorum(conn: Connection, row: Any, account_id: UUID) -> QuorumView:
    """As it stands since the opening, or as it would be now."""
    if row["quorum"] is not None:
        return QuorumView(
            numerator=row["quorum_numerator"],
            denominator=row["quorum_denominator"],
            is_more_than=row["quorum_is_more_than"],
            members=row["members"],
            needed=row["quorum"],
            present_at_opening=row["present_at_opening"],
            is_reached=True,
        )
    rules = await store.rules_for_anyone_inside(conn, row["cooperative_id"], account_id)
    members = row["members"] or await store.count_members(conn, row["cooperative_id"])
    needed = rules.quorum_of(members)
    return QuorumView(
        numerator=rules.quorum_numerator,
        denominator=rules.quorum_denominator,
        is_more_than=rules.quorum_is_more_than,
        members=members,
        needed=needed,
        present_at_opening=None,
        is_reached=row["present"] >= needed,
    )
