"""What meetings and the division of a surplus refuse, each with the name that clients branch on."""

from shared.problems import Malformed, NotFound, Problem


class MeetingNotFound(NotFound):
    """There is no such meeting, or it is not yours."""


class MotionNotFound(NotFound):
    """There is no such motion in this meeting."""


class SurplusNotFound(NotFound):
    """There is no divided surplus of this year, or it is not yours."""


class AllocationNotWhole(Malformed):
    """The parts of the surplus must be 10,000 basis points together."""

    slug = "allocation-not-whole"


class InvitedTooLate(Problem):
    """Members must be invited earlier: so many days before the meeting, as the articles say."""

    slug = "invited-too-late"


class TooEarly(Problem):
    """The meeting has not begun."""

    slug = "meeting-not-begun"


class NoQuorum(Problem):
    """Too few members are there for the meeting to decide anything."""

    slug = "no-quorum"


class WrongMeetingState(Problem):
    """The meeting is not in a state in which this can be done."""

    slug = "wrong-meeting-state"


class NotOnline(Problem):
    """Members enter themselves on the roll of online meetings only; at others an officer does."""

    slug = "not-online"


class NotPresent(Problem):
    """Only members who are on the roll vote."""

    status = 403
    slug = "not-present"


class VotedAlready(Problem):
    """This member has voted on this motion; a vote is not changed."""

    slug = "voted-already"


class VotesThemselves(Problem):
    """This member has an account and votes themselves."""

    status = 403
    slug = "votes-themselves"


class SignedAlready(Problem):
    """These minutes are signed in this office, or by this person, already."""

    slug = "signed-already"


class MinutesDiffer(Problem):
    """These are not the minutes that were sealed; read them again before you sign."""

    slug = "minutes-differ"


class YearNotOver(Problem):
    """The book year is not over."""

    slug = "year-not-over"


class NotDecided(Problem):
    """No closed annual meeting of this year has carried a motion with exactly this."""

    slug = "not-decided-by-the-meeting"


class DividedAlready(Problem):
    """The surplus of this year was divided before."""

    slug = "divided-already"


class YearDivided(Problem):
    """The surplus of this book year is divided: income and expense of it are booked in a later year."""

    slug = "year-divided"


class NothingToPayOut(Problem):
    """Nothing of a surplus waits for this member."""

    slug = "nothing-to-pay-out"
