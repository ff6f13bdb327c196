"""What belongs to a lender in Kafka, by its short name.

The dots matter: rights are given on prefixes, and without the dot `acme` would open `acme2`.
"""


def topic_prefix(slug: str) -> str:
    """All topics that begin so are the lender's."""
    return f"lending.{slug}."


def topic_of(slug: str) -> str:
    """Where the lender's log is published."""
    return f"{topic_prefix(slug)}events"


def group_prefix(slug: str) -> str:
    """The lender's consumer groups begin so."""
    return f"lender.{slug}."


def kafka_user(slug: str) -> str:
    """The SCRAM user."""
    return f"lender-{slug}"
