"""Facts of identity: who exists. Contacts never leave that service."""

from typing import Literal
from uuid import UUID

from shared.contracts.base import Event, Moment, event, topic

IDENTITY = topic("lumbung.identity", owner="identity", keyed_by="account_id")


@event("identity.account_registered", version=1, topic=IDENTITY, keyed_by="account_id", ordered_by="account_id")
class AccountRegistered(Event):
    """A person or a machine client may now sign in."""

    account_id: UUID
    kind: Literal["person", "client"]
    registered_at: Moment


@event("identity.account_erased", version=1, topic=IDENTITY, keyed_by="account_id", ordered_by="account_id")
class AccountErased(Event):
    """The person asked to be forgotten: contacts and credentials are gone; each service erases what it holds."""

    account_id: UUID
    erased_at: Moment
