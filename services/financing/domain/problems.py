"""What financing refuses, each with the name that clients branch on."""

from shared.problems import NotFound, Problem


class LenderNotFound(NotFound):
    """There is no such lender, or it is not yours."""


class LenderTaken(Problem):
    """There is a lender with this client or this short name already."""

    slug = "lender-taken"
