"""Sessions in a real database: found by their cookie only, refreshed once, ended everywhere at once."""

import asyncio
import secrets
from datetime import timedelta
from uuid import UUID, uuid4

from services.storefront import store
from services.storefront.domain.session import Session, Tokens, Vault, Wanted
from services.storefront.handlers import sign_out_who_was_erased
from services.storefront.upstream import Network
from services.storefront.use_cases.keep_signed_in import SignInNeeded, TokenKeeper
from shared.clock import utc_now
from shared.contracts.identity import AccountErased
from shared.db import Database
from tests.storefront.conftest import PASSWORD, SESSION_KEY, Town

VAULT = Vault(SESSION_KEY)
DAY = timedelta(days=1)


async def begun(db: Database, tokens: Tokens, *, account_id: UUID | None = None) -> Session:
    """A session in the database."""
    session = Session(secrets.token_bytes(32), tokens=tokens, account_id=account_id or uuid4())
    async with db.transaction() as conn:
        await store.begin(conn, VAULT, session, tokens, now=utc_now(), expires_at=utc_now() + DAY)
    return session


async def found(db: Database, session_id: bytes, *, after: timedelta = timedelta()) -> Session:
    """The session as a page would find it."""
    async with db.reading() as conn:
        return await store.find(conn, VAULT, session_id, now=utc_now() + after)


async def test_a_session_is_found_until_it_expires(storefront_db: Database) -> None:
    tokens = Tokens("access", "refresh", utc_now() + DAY, name="Sari")
    session = await begun(storefront_db, tokens)

    assert (await found(storefront_db, session.session_id)).tokens == tokens
    assert not (await found(storefront_db, session.session_id, after=2 * DAY)).is_signed_in
    assert not (await found(storefront_db, secrets.token_bytes(32))).is_signed_in


async def test_a_copy_of_the_table_opens_nothing(storefront_db: Database) -> None:
    session = await begun(storefront_db, Tokens("the access token", "the refresh token", utc_now() + DAY))

    async with storefront_db.reading() as conn:
        row = await conn.fetchrow("SELECT sealed FROM sessions WHERE session_id = $1", session.session_id)

    assert row is not None
    assert b"token" not in row["sealed"]
    assert Vault("another key that is also long enough").open(session.session_id, row["sealed"]) is None


async def test_a_guests_basket_is_kept_and_expired_sessions_are_forgotten(storefront_db: Database) -> None:
    session_id, product_id, now = secrets.token_bytes(32), uuid4(), utc_now()
    basket = {product_id: Wanted(3, 1, 38_000)}

    async with storefront_db.transaction() as conn:
        await store.put_basket(conn, session_id, basket, now=now, expires_at=now + DAY)
    kept = await found(storefront_db, session_id)
    async with storefront_db.transaction() as conn:
        await store.forget_expired(conn, now=now + 2 * DAY)
    gone = await found(storefront_db, session_id)

    assert (kept.wanted, kept.basket_count, kept.is_signed_in) == (basket, 1, False)
    assert gone.wanted == {}


async def test_one_of_twenty_gets_the_right_to_refresh(storefront_db: Database) -> None:
    session = await begun(storefront_db, Tokens("old", "refresh", utc_now()))

    async def claim() -> Tokens | None:
        async with storefront_db.reading() as conn:
            return await store.claim_refresh(conn, VAULT, session.session_id, due=utc_now())

    claims = await asyncio.gather(*(claim() for _ in range(20)))

    assert sum(claim is not None for claim in claims) == 1


async def test_who_asked_to_be_forgotten_is_signed_out_everywhere(storefront_db: Database) -> None:
    tokens = Tokens("access", "refresh", utc_now() + DAY)
    account_id = uuid4()
    first = await begun(storefront_db, tokens, account_id=account_id)
    second = await begun(storefront_db, tokens, account_id=account_id)
    other = await begun(storefront_db, tokens)
    event = AccountErased(account_id=account_id, erased_at=utc_now())

    for _ in range(2):
        async with storefront_db.transaction() as conn:
            await sign_out_who_was_erased(conn, event)

    assert not (await found(storefront_db, first.session_id)).is_signed_in
    assert not (await found(storefront_db, second.session_id)).is_signed_in
    assert (await found(storefront_db, other.session_id)).is_signed_in


async def test_forty_pages_in_two_processes_refresh_a_token_once(storefront_db: Database, town: Town) -> None:
    email, _ = await town.sign_up("Sari")
    form = {"grant_type": "password", "email": email, "password": PASSWORD}
    answer = await town.call("POST", "identity", "/v1/token", data=form)
    session = await begun(storefront_db, Tokens(answer["access_token"], answer["refresh_token"], utc_now()))
    networks = [_network(town) for _ in range(2)]
    keepers = [TokenKeeper(storefront_db, VAULT, network) for network in networks]

    tokens = await asyncio.gather(*(keepers[turn % 2].access_token(session) for turn in range(40)))
    again = await keepers[0].access_token(await found(storefront_db, session.session_id))
    for network in networks:
        await network.close()

    assert set(tokens) == {again}
    assert again != answer["access_token"]


async def test_a_refresh_token_that_identity_does_not_take_ends_the_session(
    storefront_db: Database, town: Town
) -> None:
    session = await begun(storefront_db, Tokens("old", "not a token of identity", utc_now()))
    network = _network(town)

    try:
        await TokenKeeper(storefront_db, VAULT, network).access_token(session)
        refused = False
    except SignInNeeded:
        refused = True
    await network.close()

    assert refused
    assert not (await found(storefront_db, session.session_id)).is_signed_in


def _network(town: Town) -> Network:
    """The services of the test stack."""
    names = ("identity", "catalog", "orders", "cooperatives", "financing", "programmes")
    return Network.at({name: town.stack.url(name) for name in names}, seconds=10)
