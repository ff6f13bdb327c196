"""What financing refuses, each with the name that clients branch on."""

from shared.problems import Malformed, NotFound, Problem


class LenderNotFound(NotFound):
    """There is no such lender, or it is not yours."""


class ProductNotFound(NotFound):
    """There is no such loan product, or it is not yours."""


class ShopNotFound(NotFound):
    """There is no such shop, or it is not yours."""


class ConsentNotFound(NotFound):
    """There is no such consent, or it is not yours."""


class ApplicationNotFound(NotFound):
    """There is no such application, or it is not yours."""


class OfferNotFound(NotFound):
    """There is no such offer, or it is not yours."""


class LoanNotFound(NotFound):
    """There is no such loan, or it is not yours."""


class LenderTaken(Problem):
    """There is a lender with this client or this short name already."""

    slug = "lender-taken"


class NoKurLoan(Problem):
    """By the rules in force this is no KUR loan."""

    slug = "no-kur-loan"


class UnknownConsentWords(Malformed):
    """There is no consent text for this version, language, scope or purpose."""

    slug = "unknown-consent-words"


class ConsentTooLong(Malformed):
    """A consent must end in the future, and no later than the limit."""

    slug = "consent-too-long"


class ConsentEnded(Problem):
    """The consent has ended; what was read under it must not be used any more."""

    status = 403
    slug = "consent-ended"


class ConsentStands(Problem):
    """The consent has not ended, so there is nothing to acknowledge."""

    slug = "consent-stands"


class ConsentOfAnotherShop(Problem):
    """The consent is for another shop, or for another purpose."""

    slug = "consent-differs"


class NoLenderFits(Problem):
    """No loan product fits; the reasons are listed."""

    slug = "no-lender-fits"


class TooManyApplications(Problem):
    """You have asked for finance often enough for one day."""

    slug = "too-many-applications"


class ApplicationClosed(Problem):
    """The application has ended."""

    slug = "application-closed"


class DeclinedAlready(Problem):
    """You have declined this application."""

    slug = "declined-already"


class OutsideTheProduct(Problem):
    """The offer is outside of its product, of the application, or of the time that is left."""

    slug = "outside-the-product"


class OfferStands(Problem):
    """You have an open offer for this application; withdraw it first."""

    slug = "offer-stands"


class OfferEnded(Problem):
    """The offer has ended."""

    slug = "offer-ended"


class TermsDiffer(Problem):
    """The offer says something else than what you agree to."""

    slug = "terms-differ"


class LoanNotAgreed(Problem):
    """The loan was paid out already."""

    slug = "loan-not-agreed"


class LoanNotRunning(Problem):
    """The loan does not run: it was not paid out yet, or is repaid."""

    slug = "loan-not-running"


class ReferenceTaken(Problem):
    """Money with this reference was counted for the loan already."""

    slug = "reference-taken"


class MoreThanIsOwed(Problem):
    """That is more than is still owed."""

    slug = "more-than-is-owed"


class NotASettlement(Problem):
    """What is paid and what is waived do not end the loan."""

    slug = "not-a-settlement"


class DateOutOfRange(Malformed):
    """The day lies in the future, or before the loan was agreed."""

    slug = "date-out-of-range"
