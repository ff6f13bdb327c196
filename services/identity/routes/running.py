"""What a running identity service holds beside its database; routes get it as a dependency."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends, Request
from pydantic import StringConstraints

from services.identity.domain.limits import Limits
from services.identity.domain.passwords import Hasher
from services.identity.domain.secrets import ServerKeys
from services.identity.settings import IdentitySettings
from services.identity.use_cases.check_password import Passwords
from services.identity.use_cases.issue_tokens import Signing
from shared.db import Database

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$")
]


@dataclass(frozen=True, slots=True)
class RunningIdentity:
    """The service's own parts."""

    db: Database
    keys: ServerKeys
    passwords: Passwords
    limits: Limits
    signing: Signing
    url: str

    @classmethod
    def start(cls, settings: IdentitySettings, db: Database) -> "RunningIdentity":
        """From settings. Takes the time of one password hash."""
        keys = ServerKeys.derive(settings.identity_key.get_secret_value())
        hasher = Hasher(memory_kib=settings.password_memory_kib, passes=settings.password_passes)
        return cls(
            db=db,
            keys=keys,
            passwords=Passwords(hasher, threads=settings.password_threads, waiting_max=settings.password_waiting_max),
            limits=Limits.per_address(burst=settings.address_burst, every_seconds=settings.address_every_seconds),
            signing=Signing(keys.vault, settings.access_token_seconds),
            url=settings.identity_url.rstrip("/"),
        )


async def _running(request: Request) -> RunningIdentity:
    identity: RunningIdentity = request.app.state.identity
    return identity


Identity: TypeAlias = Annotated[RunningIdentity, Depends(_running)]


def address_of(request: Request) -> str:
    """The caller's network address (uvicorn has put X-Forwarded-For of a trusted proxy in its place)."""
    return request.client.host if request.client is not None else "unknown"
