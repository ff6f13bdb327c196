"""Send a one-time code to a contact. An unknown contact gets none, and the one who asks gets the same answer."""

from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from services.identity import store
from services.identity.domain.contacts import Contact
from services.identity.use_cases.ask_for_notice import send_code_to
from shared.db import Connection
from shared.ids import new_id

CODE_SECONDS = 300
CODE_ATTEMPTS = 5

CodePurpose: TypeAlias = Literal["sign_in", "verify"]


async def request_code(conn: Connection, contact: Contact, *, purpose: CodePurpose, now: datetime) -> None:
    """A new code, which replaces an older one. `purpose` is for the wording only."""
    known = await store.contact(conn, contact)
    if known is None:
        return
    code_id = new_id()
    expires_at = now + timedelta(seconds=CODE_SECONDS)
    await store.issue_code(conn, code_id, known.id, expires_at=expires_at, attempts=CODE_ATTEMPTS)
    await send_code_to(conn, code_id, known.id, purpose=purpose, good_for_seconds=CODE_SECONDS)
