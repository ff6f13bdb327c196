"""What programmes refuses, each with the name that clients branch on."""

from shared.problems import Malformed, NotFound, Problem


class TrainingNotFound(NotFound):
    """There is no such training, or it is not of your region."""


class EnrolmentNotFound(NotFound):
    """There is no such enrolment, or it is not yours."""


class CertificateNotFound(NotFound):
    """There is no such certificate, or it is not yours."""


class AidNotFound(NotFound):
    """There is no such aid, or it is not of your region."""


class RegionNotFound(NotFound):
    """There is no region with this code."""

    slug = "region-not-found"


class NameNotWritable(Malformed):
    """A name on a certificate is written in Latin letters, as on an identity card (Permendagri 73/2022)."""

    slug = "name-not-writable"


class DaysOutOfOrder(Malformed):
    """The training ends before it begins."""

    slug = "days-out-of-order"


class NotADayOfTheTraining(Problem):
    """The training is not held on this day, or the day has not come."""

    slug = "not-a-day-of-the-training"


class EnrolledAlready(Problem):
    """You take part in this training already, or wait for a seat."""

    slug = "enrolled-already"


class TrainingOver(Problem):
    """The training is over."""

    slug = "training-over"


class TrainingNotOver(Problem):
    """The training is not over yet."""

    slug = "training-not-over"


class EnrolmentClosed(Problem):
    """This enrolment has ended: it was withdrawn, or its result is known."""

    slug = "enrolment-closed"


class ResultsRefused(Problem):
    """Some results cannot be recorded, so none was; `refusals` says which and why."""

    slug = "results-refused"


class RevokedAlready(Problem):
    """The certificate was revoked before."""

    slug = "revoked-already"


class NameErased(Problem):
    """The holder has left and the name is erased; the certificate can be verified, but not written again."""

    slug = "name-erased"


class AidTwice(Problem):
    """This person has this programme's aid of this year, or it is proposed already."""

    slug = "aid-twice"


class AidDecided(Problem):
    """This aid was decided before."""

    slug = "aid-decided"


class SecondPersonNeeded(Problem):
    """Another officer than the one who proposed must decide."""

    status = 403
    slug = "second-person-needed"


class NotToYourself(Problem):
    """Nobody grants aid to themselves."""

    slug = "not-to-yourself"


class ShopNotOfPerson(Problem):
    """This shop is not known here as this person's."""

    slug = "shop-not-of-person"


class AccountGone(Problem):
    """This account was erased and takes part in nothing."""

    slug = "account-gone"
