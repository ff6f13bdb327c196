"""Sign somebody in: prove who they are to identity, begin a session, carry the guest's basket over."""

from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import orjson

from services.storefront import store
from services.storefront.domain.session import Session, Tokens, Vault, new_secret, session_id_of
from services.storefront.upstream import Network, Refused, Unreachable
from services.storefront.use_cases.change_basket import merge_into_cart
from services.storefront.use_cases.keep_signed_in import tokens_of
from shared.clock import utc_now
from shared.db import Database

GRANT_CODE = "urn:lumbung:grant:code"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The new cookie, and whether anything of the guest's basket could not be taken along."""

    secret: str
    has_left_behind: bool


async def ask_for_code(network: Network, contact: dict[str, str], *, purpose: str, visitor: str | None) -> None:
    """Have identity send a one-time code to a phone or an e-mail address."""
    await network.identity.call("POST", "/v1/codes", json={**contact, "purpose": purpose}, visitor=visitor)


async def tokens_for_code(network: Network, contact: dict[str, str], code: str, *, visitor: str | None) -> Tokens:
    """Tokens against the code that was sent."""
    return await _tokens(network, {"grant_type": GRANT_CODE, **contact, "code": code}, visitor)


async def tokens_for_password(
    network: Network, contact: dict[str, str], password: str, *, visitor: str | None
) -> Tokens:
    """Tokens against a password."""
    return await _tokens(network, {"grant_type": "password", **contact, "password": password}, visitor)


async def _tokens(network: Network, form: dict[str, str], visitor: str | None) -> Tokens:
    answer = await network.identity.call("POST", "/v1/token", form=form, visitor=visitor)
    tokens = tokens_of(answer, name="", now=utc_now())
    person = await network.identity.get("/v1/accounts/me", token=tokens.access)
    return Tokens(tokens.access, tokens.refresh, tokens.expires_at, name=str(person.get("name") or ""))


async def begin_session(
    db: Database, vault: Vault, network: Network, guest: Session, tokens: Tokens, *, days: int
) -> SignedIn:
    """A new session in place of the guest's, whose basket goes into the person's cart.

    What the cart does not take (a product that is gone) is dropped and told; when orders is out of reach the basket
    stays with the new session.
    """
    kept, left_behind, count = guest.wanted, False, guest.basket_count
    if kept:
        try:
            left_behind, count = await merge_into_cart(network, tokens.access, kept)
            kept = {}
        except Unreachable:
            count = len(kept)
    else:
        count = await _cart_count(network, tokens.access)
    secret, now = new_secret(), utc_now()
    session = Session(
        session_id_of(secret), tokens=tokens, account_id=_account_of(tokens.access), basket=kept, basket_count=count
    )
    async with db.transaction() as conn:
        await store.end(conn, guest.session_id)
        await store.begin(conn, vault, session, tokens, now=now, expires_at=now + timedelta(days=days))
    return SignedIn(secret, has_left_behind=left_behind)


async def begin_desk(
    db: Database, vault: Vault, network: Network, guest: Session, *, client_id: str, secret: str, visitor: str | None
) -> str:
    """A lender's session in place of the one before; its cookie. It ends with the token: the secret is not kept.

    Raises Refused when identity does not take the secret, or the client acts for no lender.
    """
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    answer = await network.identity.call("POST", "/v1/token", form=form, visitor=visitor)
    tokens = tokens_of(answer, name="", now=utc_now())
    lender = await network.financing.get("/v1/lenders/mine", token=tokens.access)
    tokens = Tokens(tokens.access, "", tokens.expires_at, name=str(lender["name"]), is_client=True)
    cookie, now = new_secret(), utc_now()
    session = Session(session_id_of(cookie), tokens=tokens)
    async with db.transaction() as conn:
        await store.end(conn, guest.session_id)
        await store.begin(conn, vault, session, tokens, now=now, expires_at=tokens.expires_at)
    return cookie


async def sign_out(db: Database, network: Network, session: Session) -> None:
    """End the session here, and its refresh token at identity if that can be reached."""
    async with db.transaction() as conn:
        await store.end(conn, session.session_id)
    if session.tokens is not None and session.tokens.refresh:
        try:
            await network.identity.call("POST", "/v1/token/revoke", form={"token": session.tokens.refresh})
        except (Refused, Unreachable):
            return  # nobody here holds the token any more, and it ends by itself


async def _cart_count(network: Network, token: str) -> int:
    try:
        cart = await network.orders.get("/v1/cart", token=token)
    except (Refused, Unreachable):
        return 0  # the number beside the basket is put right by the next page that reads the cart
    return len(cart.get("items") or [])


def _account_of(access_token: str) -> UUID | None:
    """Whose token it is. It came from identity over our own connection, so it is read, not verified."""
    try:
        payload = access_token.split(".")[1]
        return UUID(orjson.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"])
    except (IndexError, KeyError, ValueError, TypeError):
        return None
