"""What cooperatives refuses, each with the name that clients branch on."""

from shared.problems import Malformed, NotFound, Problem


class CooperativeNotFound(NotFound):
    """There is no such cooperative, or it is not yours."""


class ApplicationNotFound(NotFound):
    """There is no such application, or it is not yours."""


class MemberNotFound(NotFound):
    """There is no such member, or it is not yours."""


class WithdrawalNotFound(NotFound):
    """There is no such withdrawal, or it is not yours."""


class JournalNotFound(NotFound):
    """There is no such journal, or it is not yours."""


class AccountNotFound(NotFound):
    """The chart of accounts of this cooperative has no such account."""


class NotYourTask(Problem):
    """Your office in this cooperative does not allow this."""

    status = 403
    slug = "not-your-task"


class NeedsAnotherPerson(Problem):
    """Somebody else must do this: nobody decides what they asked for, or what is their own."""

    status = 403
    slug = "needs-another-person"


class UnknownRegion(Malformed):
    """There is no region with this code."""

    slug = "unknown-region"


class IdentityNumberRefused(Malformed):
    """This cannot be an identity number."""

    slug = "identity-number-refused"


class TooFewFounders(Problem):
    """So few may not found a cooperative."""

    slug = "too-few-founders"


class NumberTaken(Problem):
    """Another cooperative is registered under this number."""

    slug = "number-taken"


class OfficeTaken(Problem):
    """This person holds an office here already."""

    slug = "office-taken"


class LastOfficer(Problem):
    """A cooperative keeps at least one acting officer."""

    slug = "last-officer"


class AppliedAlready(Problem):
    """This person is a member here, or has applied already."""

    slug = "applied-already"


class ApplicationDecided(Problem):
    """This application was decided before."""

    slug = "application-decided"


class NotInThisState(Problem):
    """The member's state does not allow this."""

    slug = "not-in-this-state"


class AccountGone(Problem):
    """This account was erased and cannot be a member."""

    slug = "account-gone"


class LinkCodeRefused(Problem):
    """This code is unknown, used or too old."""

    slug = "link-code-refused"


class LinkedAlready(Problem):
    """This membership is joined to an account already, or this account is a member here already."""

    slug = "linked-already"


class PrincipalExceeded(Problem):
    """The principal savings would be more than the articles ask."""

    slug = "principal-exceeded"


class TooLittleSaved(Problem):
    """There is not so much to be taken; what waits for a decision counts as gone."""

    slug = "too-little-saved"


class TooLittleCash(Problem):
    """The cooperative does not have so much cash; what waits for a decision counts as gone."""

    slug = "too-little-cash"


class MonthHasBegun(Problem):
    """What is owed for a month is settled when the month begins."""

    slug = "month-has-begun"


class DebtsNotBooked(Problem):
    """The books do not show so much owed by members, or it is more than the savings."""

    slug = "debts-not-booked"


class DecidedAlready(Problem):
    """This was decided before."""

    slug = "decided-already"


class JournalRefused(Malformed):
    """A journal names accounts that are open to journals, each once, and both sides have the same sum."""

    slug = "journal-refused"


class BalanceRefused(Problem):
    """An account would fall below what it may have."""

    slug = "balance-refused"
