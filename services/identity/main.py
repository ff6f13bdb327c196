"""The identity service: `python -m services.identity.main`. The only place that wires it."""

import orjson

from services.identity import routes, store
from services.identity.handlers import handlers
from services.identity.routes.running import RunningIdentity
from services.identity.settings import IdentitySettings
from services.identity.use_cases.ask_for_notice import PURPOSE
from services.identity.use_cases.forget_expired import forget_expired_forever
from services.identity.use_cases.rotate_keys import ensure_keys
from services.identity.use_cases.send_notice import NoticeChannel
from shared.auth import KeysUnreachable, Verifier
from shared.calls_out import CallsOut
from shared.clock import utc_now
from shared.db import TRANSIENT, Database
from shared.problems import Problem
from shared.service import Running, Service


def own_verifier(db: Database) -> Verifier:
    """Verifies with the keys in our own database, rather than by calling ourselves; so a new key is known at once."""

    async def published() -> bytes:
        try:
            async with db.reading() as conn:
                return orjson.dumps({"keys": await store.published_keys(conn)})
        except (*TRANSIENT, Problem) as error:
            raise KeysUnreachable(f"no keys from the database: {type(error).__name__}") from error

    return Verifier(published, refetch_seconds=0)


async def start(running: Running) -> None:
    """Make the signing keys on the first start, then the parts that routes use and the jobs of the worker."""
    settings: IdentitySettings = running.settings
    identity = RunningIdentity.start(settings, running.db)
    async with running.db.transaction() as conn:
        await ensure_keys(conn, identity.keys.vault, now=utc_now())
    running.app.state.identity = identity
    running.app.state.verifier = own_verifier(running.db)
    running.closing.append(identity.passwords.close)
    channel = NoticeChannel(
        running.db,
        identity.keys,
        url=settings.notices_url,
        token=settings.notices_token.get_secret_value(),
        timeout_seconds=settings.notices_timeout_seconds,
    )
    running.closing.append(channel.close)
    calls = CallsOut(running.db, {PURPOSE: channel.purpose})
    running.wake_worker("calls", calls.wake)
    running.background("worker", calls.run_forever)
    running.background("worker", lambda: forget_expired_forever(running.db, every_seconds=settings.forget_seconds))


service = Service(
    name="identity",
    settings=IdentitySettings,
    routers=routes.routers,
    handlers=(handlers,),
    start=start,
)

if __name__ == "__main__":
    service.main()
