"""Register a person. Who asks for a contact that is taken gets the same answer as everybody, and its owner a notice."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.identity import store
from services.identity.domain.contacts import Contact
from services.identity.domain.passwords import Proof
from services.identity.use_cases.ask_for_notice import tell_owner_of_attempt
from shared import outbox
from shared.contracts.identity import AccountRegistered
from shared.db import Connection
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class RegisterAccount:
    """What a person says of themselves."""

    contact: Contact
    name: str
    wants_notices: bool


async def register_account(conn: Connection, command: RegisterAccount, proof: Proof | None, *, now: datetime) -> UUID:
    """The id of the new account.

    `proof` is None without a password. Of a contact that is taken: its account's id if the password is right (the
    request was sent again), else an id that belongs to nobody.
    """
    account_id = new_id()
    known = await store.contact(conn, command.contact)
    if known is None:
        has_password = proof is not None and proof.hash is not None
        await store.insert_account(
            conn,
            account_id,
            kind="person",
            name=command.name,
            wants_notices=command.wants_notices,
            now=now,
            registered_at=now if has_password else None,
        )
        if await store.claim_contact(conn, account_id, command.contact, now=now) is None:
            raise ContactTaken
        if proof is not None and proof.hash is not None:
            await store.set_password(conn, account_id, proof.hash, now=now)
            outbox.append(conn, AccountRegistered(account_id=account_id, kind="person", registered_at=now))
        return account_id
    if proof is not None and proof.is_right:
        return known.account_id
    if known.is_verified:
        await tell_owner_of_attempt(conn, known.id, now=now)
    return account_id


class ContactTaken(Exception):
    """Somebody else claimed the contact at the same moment; roll back and ask again."""
