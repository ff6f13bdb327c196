"""Keep signing keys: one that signs, one that everybody knows already and will sign next, those that have signed."""

from datetime import datetime, timedelta

from cryptography.fernet import Fernet

from services.identity import store
from services.identity.domain.tokens import RETIRED_KEY_SECONDS, new_signing_key, open_signing_key
from shared.db import Connection


async def ensure_keys(conn: Connection, vault: Fernet, *, now: datetime) -> None:
    """Make the keys that are missing, and see that the current one can be opened. Raises WrongServerKey."""
    for state in sorted(await store.missing_key_states(conn)):
        await store.add_signing_key(conn, new_signing_key(vault), state, now=now)
    stored = await store.current_signing_key(conn)
    assert stored is not None, "the current key is there or was just made"
    open_signing_key(vault, stored[1])


async def rotate_keys(conn: Connection, vault: Fernet, *, now: datetime) -> None:
    """Let the next key sign from now on, and publish a new next one."""
    await store.rotate_keys(conn, now=now, drop_retired_before=now - timedelta(seconds=RETIRED_KEY_SECONDS))
    await ensure_keys(conn, vault, now=now)
