"""The verifier of access tokens: what it accepts, what it refuses, and how it asks for keys."""

import asyncio
import hmac
import time
from base64 import urlsafe_b64encode
from typing import Any
from uuid import UUID

import httpx2
import orjson
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from shared import auth, problems
from shared.auth import CurrentPerson, KeysUnreachable, MaybePerson, Verifier
from shared.ids import new_id
from shared.problems import Forbidden, Overloaded, Unauthenticated
from shared.testing.tokens import Tokens

SOMEBODY = new_id()


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return Tokens()


async def test_a_good_token_names_its_bearer(tokens: Tokens) -> None:
    token = tokens.token(SOMEBODY, roles=["operator", "government:18"], scope="orders:read stock:read")

    principal = await tokens.verifier().verify(token)

    assert principal.id == SOMEBODY
    assert principal.kind == "person"
    assert principal.roles == {"operator", "government:18"}
    assert principal.scopes == {"orders:read", "stock:read"}


NOW = int(time.time())


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody-else"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"exp": NOW - 31},
        {"exp": "soon"},
        {"exp": None},
        {"iat": NOW + 86_400},
        {"nbf": NOW + 86_400},
        {"sub": "not-a-uuid"},
        {"sub": 17},
        {"kind": "ghost"},
        {"kind": None},
        {"roles": "operator"},
        {"roles": [["operator"]]},
        {"scope": ["a"]},
    ],
)
async def test_a_well_signed_token_with_wrong_claims_is_refused(tokens: Tokens, claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await tokens.verifier().verify(tokens.token(SOMEBODY, claims=claims))

    assert refusal.value.detail is None


@pytest.mark.parametrize(
    "header", [{"typ": "JWT"}, {"typ": "id+jwt"}, {"crit": ["b64"], "b64": False}, {"kid": "other"}]
)
async def test_a_well_signed_token_with_a_wrong_header_is_refused(tokens: Tokens, header: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        await tokens.verifier().verify(tokens.token(SOMEBODY, header=header))


async def test_clocks_may_differ_by_the_leeway(tokens: Tokens) -> None:
    now = int(time.time())

    assert (
        await tokens.verifier().verify(tokens.token(SOMEBODY, claims={"exp": now - 20, "iat": now + 20}))
    ).id == SOMEBODY


async def test_forged_signatures_are_refused(tokens: Tokens) -> None:
    good = tokens.token(SOMEBODY)
    header, payload, signature = good.split(".")
    public_pem = tokens.key.as_pem(private=False)
    claims = jwt.decode(good, tokens.key).claims
    said = {"kid": "test", "typ": auth.TOKEN_TYPE}
    stranger = ECKey.generate_key("P-256", {"kid": "test"})
    forged = {
        "other key, same kid": jwt.encode({"alg": "ES256", **said}, claims, stranger),
        "HS256 with the public key": _hs256(said, payload, public_pem),
        "RS256": jwt.encode({"alg": "RS256", **said}, claims, RSAKey.generate_key(2048)),
        "none": f"{_b64({'alg': 'none', **said})}.{payload}.",
        "none with a signature": f"{_b64({'alg': 'none', **said})}.{payload}.{signature}",
        "no signature": f"{header}.{payload}.",
        "zero signature": f"{header}.{payload}.{'A' * 86}",
        "other claims": f"{header}.{_b64({**claims, 'sub': str(new_id())})}.{signature}",
        "key in the header": jwt.encode(
            {"alg": "ES256", **said, "jwk": stranger.as_dict(private=False)}, claims, stranger
        ),
        "two parts": f"{header}.{payload}",
        "empty": "",
        "long": good + "A" * 5000,
        "nested": f"{'W' * 500}.{payload}.{signature}",
    }
    verifier = tokens.verifier()
    await verifier.verify(good)

    for name, token in forged.items():
        with pytest.raises(Unauthenticated) as refusal:
            await verifier.verify(token)
        assert refusal.value.detail is None, name


def _b64(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


def _hs256(header: dict[str, Any], payload: str, secret: bytes) -> str:
    """Signed by hand: joserfc refuses a PEM as a secret, an attacker does not."""
    signed = f"{_b64({'alg': 'HS256', **header})}.{payload}"
    signature = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_no_text_is_anything_but_refused(text: str) -> None:
    async def refused() -> None:
        with pytest.raises(Unauthenticated):
            await Tokens().verifier().verify(text)

    asyncio.run(refused())


class Identity:
    """A key set that may be out of reach, and a count of the times it was asked."""

    def __init__(self, *tokens: Tokens) -> None:
        self.tokens = list(tokens)
        self.is_reachable = True
        self.asked = 0
        self.now = time.time()

    async def fetch(self) -> bytes:
        self.asked += 1
        await asyncio.sleep(0)
        if not self.is_reachable:
            raise KeysUnreachable("out of reach")
        return orjson.dumps({"keys": [each.key.as_dict(private=False) for each in self.tokens]})

    def verifier(self) -> Verifier:
        return Verifier(self.fetch, clock=lambda: self.now)


async def test_without_any_key_the_answer_is_503_and_heals(tokens: Tokens) -> None:
    identity = Identity(tokens)
    identity.is_reachable = False
    verifier = identity.verifier()
    with pytest.raises(Overloaded):
        await verifier.verify(tokens.token(SOMEBODY))

    identity.is_reachable = True
    identity.now += 1

    assert (await verifier.verify(tokens.token(SOMEBODY))).id == SOMEBODY


async def test_unknown_keys_make_it_ask_once_per_ten_seconds(tokens: Tokens) -> None:
    identity = Identity(tokens)
    verifier = identity.verifier()
    await verifier.verify(tokens.token(SOMEBODY))
    identity.now += 11
    unknown = [tokens.token(SOMEBODY, header={"kid": f"unknown-{n}"}) for n in range(50)]

    answers = await asyncio.gather(*(verifier.verify(token) for token in unknown), return_exceptions=True)

    assert all(isinstance(answer, Unauthenticated) for answer in answers)
    assert identity.asked == 2


async def test_a_new_key_is_found_and_an_old_one_forgotten(tokens: Tokens) -> None:
    successor = Tokens("successor")
    identity = Identity(tokens)
    verifier = identity.verifier()
    await verifier.verify(tokens.token(SOMEBODY))
    identity.tokens = [successor]
    identity.now += 11

    assert (await verifier.verify(successor.token(SOMEBODY))).id == SOMEBODY
    with pytest.raises(Unauthenticated):
        await verifier.verify(tokens.token(SOMEBODY))


async def test_known_keys_keep_working_while_identity_is_away(tokens: Tokens) -> None:
    identity = Identity(tokens)
    verifier = identity.verifier()
    await verifier.verify(tokens.token(SOMEBODY))
    identity.is_reachable = False
    identity.now += 400

    assert (await verifier.verify(tokens.token(SOMEBODY, claims={"exp": int(identity.now) + 60}))).id == SOMEBODY


async def test_a_remembered_token_still_expires(tokens: Tokens) -> None:
    identity = Identity(tokens)
    verifier = identity.verifier()
    token = tokens.token(SOMEBODY)
    first = await verifier.verify(token)
    assert await verifier.verify(token) is first

    identity.now += 600 + auth.LEEWAY_SECONDS + 1

    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_memory_is_bounded(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "REMEMBERED_TOKENS", 3)
    verifier = tokens.verifier()

    for _ in range(10):
        await verifier.verify(tokens.token(new_id()))

    assert len(verifier._remembered) == 3


@pytest.mark.parametrize("document", [b"", b"{}", b"[]", b'{"keys": 5}', b'{"keys": [5]}', b'{"keys": [{"kty": "EC"'])
async def test_a_broken_key_set_counts_as_unreachable(tokens: Tokens, document: bytes) -> None:
    async def fetch() -> bytes:
        return document

    with pytest.raises(Overloaded):
        await Verifier(fetch).verify(tokens.token(SOMEBODY))


async def test_keys_are_fetched_over_http(tokens: Tokens) -> None:
    paths = []

    async def identity(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        paths.append((await reader.readline()).split()[1])
        body = await tokens.published()
        status = b"200 OK" if len(paths) == 1 else b"500 Broken"
        writer.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (status, len(body)) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(identity, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        good, bad, nobody = Verifier(address + "/"), Verifier(address), Verifier("http://127.0.0.1:9")

        assert (await good.verify(tokens.token(SOMEBODY))).id == SOMEBODY
        for verifier in (bad, nobody):
            with pytest.raises(Overloaded):
                await verifier.verify(tokens.token(SOMEBODY))

    assert paths == [b"/.well-known/jwks.json"] * 2
    for verifier in (good, bad, nobody):
        await verifier.close()


async def test_the_dependencies_read_the_header(tokens: Tokens) -> None:
    app = FastAPI()
    problems.install(app)
    app.state.verifier = tokens.verifier()

    @app.get("/me")
    async def me(person: CurrentPerson) -> UUID:
        return person.id

    @app.get("/perhaps")
    async def perhaps(person: MaybePerson) -> UUID | None:
        return None if person is None else person.id

    good = tokens.headers(SOMEBODY)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://x") as client:
        assert (await client.get("/me", headers=good)).json() == str(SOMEBODY)
        assert (await client.get("/perhaps", headers=good)).json() == str(SOMEBODY)
        assert (await client.get("/perhaps")).json() is None
        for path, headers in [
            ("/me", {}),
            ("/me", {"Authorization": "Basic eDp5"}),
            ("/me", {"Authorization": "Bearer"}),
            ("/me", {"Authorization": "Bearer x.y.z"}),
            ("/perhaps", {"Authorization": "Bearer x.y.z"}),
        ]:
            answer = await client.get(path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.json() == {
                "type": "urn:lumbung:problem:unauthenticated",
                "title": "Sign in first.",
                "status": 401,
            }
    assert "access_token" in app.openapi()["components"]["securitySchemes"]


async def test_roles_and_scopes_are_required(tokens: Tokens) -> None:
    principal = await tokens.verifier().verify(tokens.token(SOMEBODY, roles=["government:18"], scope="a"))

    auth.require_role(principal, "operator", "government:18")
    auth.require_scope(principal, "a")
    with pytest.raises(Forbidden):
        auth.require_role(principal, "operator")
    with pytest.raises(Forbidden):
        auth.require_scope(principal, "b")
