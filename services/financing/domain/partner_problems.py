"""What partner delivery refuses, each with the name that clients branch on."""

from shared.problems import NotFound, Problem


class SubscriptionNotFound(NotFound):
    """There is no such subscription, or it is not yours."""


class OneTopic(Problem):
    """There is a Kafka subscription already; a lender has one topic."""

    status = 409
    slug = "one-topic"


class TopicStays(Problem):
    """A topic stays as long as its lender; pause the subscription instead."""

    status = 409
    slug = "topic-stays"


class TooManySubscriptions(Problem):
    """A lender may have only so many subscriptions."""

    status = 409
    slug = "too-many-subscriptions"


class NoSecretHere(Problem):
    """A subscription of this transport has no secret."""

    status = 409
    slug = "no-secret"


class BeyondTheLog(Problem):
    """This position is not in the log: it was never told, or is forgotten by now."""

    status = 409
    slug = "beyond-the-log"


class NoPartnerKey(Problem):
    """Secrets of partners cannot be kept here: the service was started without a key for them."""

    status = 503
    slug = "no-partner-key"
