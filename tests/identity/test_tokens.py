"""The token endpoint: every grant, guessing, replays, rate limits, keys, clients, sessions."""

import asyncio
import base64
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from services.identity import store
from services.identity.domain import contacts
from services.identity.domain.tokens import WrongServerKey
from services.identity.main import own_verifier
from services.identity.use_cases.forget_expired import forget_expired_forever
from services.identity.use_cases.grant_role import add_operator
from services.identity.use_cases.rotate_keys import ensure_keys
from shared.auth import Verifier
from shared.clock import utc_now
from shared.ids import new_id
from shared.problems import Unauthenticated
from shared.testing.tokens import Tokens
from tests.identity.conftest import PASSWORD, People, international, new_email, new_phone, published_of, sign_in

CODE_GRANT = "urn:lumbung:grant:code"


async def with_phone(people: People) -> tuple[httpx2.AsyncClient, str]:
    """Somebody who registered with a phone."""
    client, phone = people.from_address(), new_phone()
    await client.post("/v1/accounts", json={"phone": phone, "name": "Budi"})
    return client, phone


async def asked_for_code(people: People) -> tuple[httpx2.AsyncClient, str, str]:
    """Somebody who registered with a phone, and the code that came."""
    client, phone = await with_phone(people)
    await client.post("/v1/codes", json={"phone": phone, "purpose": "sign_in"})
    return client, phone, await people.code(international(phone))


def by_code(phone: str, code: str) -> dict[str, str]:
    return {"grant_type": CODE_GRANT, "phone": phone, "code": code}


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
        ({"grant_type": "password"}, 400, "invalid_request"),
        ({"grant_type": "password", "username": "a@b.id"}, 400, "invalid_request"),
        ({"grant_type": "password", "username": "nobody", "password": "x"}, 400, "invalid_request"),
        ({"grant_type": "password", "username": "a@b.id", "password": "x" * 201}, 400, "invalid_request"),
        ({"grant_type": "password", "username": "a@b.id", "email": "a@b.id", "password": "x"}, 400, "invalid_request"),
        ({"grant_type": "password", "username": "nobody@contoh.id", "password": PASSWORD}, 400, "invalid_grant"),
        ({"grant_type": "password", "username": "nobody@contoh.id", "password": "\x00"}, 400, "invalid_grant"),
        ({"grant_type": CODE_GRANT, "phone": "0812345678"}, 400, "invalid_request"),
        ({"grant_type": CODE_GRANT, "phone": "0812345678", "code": "1" * 30}, 400, "invalid_request"),
        ({"grant_type": CODE_GRANT, "phone": "0812345678", "code": "123456"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "no such"}, 400, "invalid_grant"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": str(new_id()), "client_secret": "y"}, 401, "invalid_client"),
    ],
)
async def test_refusals_are_oauth_errors_and_problem_documents(
    people: People, form: dict[str, str], status: int, error: str
) -> None:
    answer = await people.from_address().post("/v1/token", data=form)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["error"] == error
    assert answer.json()["type"] == "urn:lumbung:problem:" + error.replace("_", "-")
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


async def test_a_form_as_json_is_refused(people: People) -> None:
    answer = await people.from_address().post("/v1/token", json={"grant_type": "password"})

    assert answer.status_code in (400, 422)


async def test_five_wrong_codes_spoil_the_right_one(people: People) -> None:
    client, phone, code = await asked_for_code(people)
    wrong = [f"{(int(code) + n) % 10**6:06d}" for n in range(1, 6)]

    answers = [await client.post("/v1/token", data=by_code(phone, each)) for each in [*wrong, code]]

    assert [answer.json()["error"] for answer in answers] == ["invalid_grant"] * 6


async def test_parallel_guesses_get_no_more_attempts_than_five(people: People) -> None:
    client, phone, code = await asked_for_code(people)
    wrong = [f"{(int(code) + n) % 10**6:06d}" for n in range(1, 10)]

    await asyncio.gather(*(client.post("/v1/token", data=by_code(phone, each)) for each in wrong))

    assert (await client.post("/v1/token", data=by_code(phone, code))).status_code == 400


async def test_of_a_code_used_many_times_at_once_one_use_wins(people: People) -> None:
    client, phone, code = await asked_for_code(people)

    answers = await asyncio.gather(*(client.post("/v1/token", data=by_code(phone, code)) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


async def test_an_expired_or_replaced_code_is_refused(people: People) -> None:
    client, phone, first = await asked_for_code(people)
    await client.post("/v1/codes", json={"phone": phone, "purpose": "sign_in"})
    second = await people.code(international(phone))
    assert (await client.post("/v1/token", data=by_code(phone, first))).status_code == 400
    async with people.db.transaction() as conn:
        known = await store.contact(conn, contacts.phone(phone))
        assert known is not None
        await conn.execute("UPDATE codes SET expires_at = now() WHERE contact_id = $1", known.id)

    assert (await client.post("/v1/token", data=by_code(phone, second))).status_code == 400


async def test_codes_are_limited_per_contact(people: People) -> None:
    client, phone = await with_phone(people)
    body = {"phone": phone, "purpose": "sign_in"}

    answers = [await client.post("/v1/codes", json=body) for _ in range(5)]
    from_elsewhere = await people.from_address().post("/v1/codes", json=body)

    assert [answer.status_code for answer in answers] == [202, 202, 202, 429, 429]
    assert from_elsewhere.status_code == 429
    assert answers[-1].headers["Retry-After"] == "60"
    assert answers[-1].json()["type"] == "urn:lumbung:problem:too-many-codes"
    assert len(await people.messages(international(phone))) == 3


async def test_codes_for_unknown_contacts_are_limited_alike(people: People) -> None:
    client, body = people.from_address(), {"phone": new_phone(), "purpose": "sign_in"}

    assert [(await client.post("/v1/codes", json=body)).status_code for _ in range(4)] == [202, 202, 202, 429]


async def test_codes_are_limited_per_network_address(people: People) -> None:
    client = people.from_address()

    async def ask() -> int:
        return (await client.post("/v1/codes", json={"phone": new_phone(), "purpose": "sign_in"})).status_code

    answers = await asyncio.gather(*(ask() for _ in range(330)))

    assert 300 <= answers.count(202) <= 320
    assert answers.count(429) == 330 - answers.count(202)
    assert (await people.from_address().post("/v1/codes", json={"phone": new_phone(), "purpose": "sign_in"})).is_success


async def test_guessing_passwords_is_limited_and_being_right_is_not(people: People) -> None:
    client, email = people.from_address(), new_email()
    await people.signed_up(email=email)
    for _ in range(25):
        await sign_in(client, username=email)
    form = {"grant_type": "password", "username": email, "password": "a wrong password"}

    answers = await asyncio.gather(*(client.post("/v1/token", data=form) for _ in range(15)))
    right = await client.post("/v1/token", data=form | {"password": PASSWORD})

    assert sorted(answer.status_code for answer in answers) == [400] * 10 + [429] * 5
    assert right.status_code == 429
    assert right.json()["type"] == "urn:lumbung:problem:too-many-attempts"


async def test_attempts_of_a_time_to_come_do_not_count_after_the_clock_was_set_back(people: People) -> None:
    client, email = people.from_address(), new_email()
    await people.signed_up(email=email)
    form = {"grant_type": "password", "username": email, "password": "a wrong password"}
    await asyncio.gather(*(client.post("/v1/token", data=form) for _ in range(15)))
    async with people.db.transaction() as conn:
        await conn.execute("UPDATE rate_limits SET full_at = full_at + interval '1 day'")

    answers = await asyncio.gather(*(client.post("/v1/token", data=form) for _ in range(15)))

    assert sorted(answer.status_code for answer in answers) == [400] * 10 + [429] * 5


async def test_refresh_tokens_rotate_and_reuse_ends_the_session(people: People) -> None:
    client, email = people.from_address(), new_email()
    await people.signed_up(email=email)
    first = await sign_in(client, username=email)
    other_session = await sign_in(client, username=email)

    async def refresh(token: str) -> httpx2.Response:
        return await client.post("/v1/token", data={"grant_type": "refresh_token", "refresh_token": token})

    second = (await refresh(first["refresh_token"])).json()
    third = (await refresh(second["refresh_token"])).json()
    assert len({first["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    assert (await own_verifier(people.db).verify(third["access_token"])).kind == "person"

    assert (await refresh(first["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await refresh(third["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await refresh(other_session["refresh_token"])).status_code == 200


async def test_of_a_refresh_token_used_many_times_at_once_one_use_wins_and_all_lose_the_session(people: People) -> None:
    client, email = people.from_address(), new_email()
    await people.signed_up(email=email)
    form = {"grant_type": "refresh_token", "refresh_token": (await sign_in(client, username=email))["refresh_token"]}

    answers = await asyncio.gather(*(client.post("/v1/token", data=form) for _ in range(6)))

    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    form["refresh_token"] = won[0].json()["refresh_token"]
    assert (await client.post("/v1/token", data=form)).status_code == 400


async def test_an_old_refresh_token_is_refused_without_ending_anything(people: People) -> None:
    client, email = people.from_address(), new_email()
    await people.signed_up(email=email)
    token = (await sign_in(client, username=email))["refresh_token"]
    async with people.db.transaction() as conn:
        await conn.execute(
            "UPDATE refresh_tokens t SET expires_at = now() FROM sessions s JOIN contacts c USING (account_id)"
            " WHERE s.id = t.session_id AND c.value = $1",
            email,
        )

    answer = await client.post("/v1/token", data={"grant_type": "refresh_token", "refresh_token": token})

    assert answer.json()["error"] == "invalid_grant"
    async with people.db.reading() as conn:
        sessions = await conn.fetchval(
            "SELECT count(*) FROM sessions JOIN contacts c USING (account_id) WHERE c.value = $1", email
        )
    assert sessions == 2


async def test_revoking_a_refresh_token_ends_its_session(people: People) -> None:
    client, email = people.from_address(), new_email()
    await people.signed_up(email=email)
    token = (await sign_in(client, username=email))["refresh_token"]

    for each in (token, token, "no such token"):
        assert (await client.post("/v1/token/revoke", data={"token": each})).status_code == 200
    assert (await client.post("/v1/token/revoke", data={})).json()["error"] == "invalid_request"

    form = {"grant_type": "refresh_token", "refresh_token": token}
    assert (await client.post("/v1/token", data=form)).status_code == 400


async def test_sessions_are_listed_in_pages_and_ended_by_their_owner_only(people: People) -> None:
    client, email = people.from_address(), new_email()
    headers = await people.signed_up(email=email)
    tokens = [await sign_in(client, username=email) for _ in range(4)]
    stranger = await people.signed_up()

    pages: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while not pages or pages[-1]["next_cursor"]:
        page = (await client.get("/v1/sessions", params={"limit": 2, **cursor}, headers=headers)).json()
        pages.append(page)
        cursor = {"cursor": page["next_cursor"]}
    found = [item for page in pages for item in page["items"]]
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert len({item["session_id"] for item in found}) == 5
    assert [item["started_at"] for item in found] == sorted((i["started_at"] for i in found), reverse=True)

    newest = f"/v1/sessions/{found[0]['session_id']}"
    assert (await client.delete(newest, headers=stranger)).status_code == 404
    assert (await client.delete(newest, headers=headers)).status_code == 204
    assert (await client.delete(newest, headers=headers)).status_code == 404
    form = {"grant_type": "refresh_token", "refresh_token": tokens[-1]["refresh_token"]}
    assert (await client.post("/v1/token", data=form)).status_code == 400
    for bad in ("x", "WzEsMl0", "W10"):
        assert (await client.get("/v1/sessions", params={"cursor": bad}, headers=headers)).status_code == 422


async def operator(people: People) -> tuple[httpx2.AsyncClient, dict[str, str]]:
    """An operator, made as the command line does."""
    email = new_email()
    made = await people.running.passwords.check_or_hash(PASSWORD, None)
    async with people.db.transaction() as conn:
        await add_operator(conn, contacts.email(email), name="Op", password_hash=made.hash, now=utc_now())
    client = people.from_address()
    tokens = await sign_in(client, username=email)
    return client, {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_an_operator_is_added_to_a_known_or_a_new_account_once(people: People) -> None:
    email = new_email()
    headers = await people.signed_up(email=email)
    account_id = (await people.from_address().get("/v1/accounts/me", headers=headers)).json()["account_id"]

    for _ in range(2):
        async with people.db.transaction() as conn:
            added = await add_operator(conn, contacts.email(email), name="x", password_hash=None, now=utc_now())
        assert str(added) == account_id

    me = (await people.from_address().get("/v1/accounts/me", headers=headers)).json()
    assert me["roles"] == ["operator"]
    assert me["contacts"][0]["is_verified"]
    assert await published_of(people.db, account_id) == ["identity.account_registered.v1"]
    tokens = await sign_in(people.from_address(), username=email)
    assert (await own_verifier(people.db).verify(tokens["access_token"])).roles == {"operator"}


async def test_only_operators_do_what_operators_do(people: People) -> None:
    headers = await people.signed_up()
    client = people.from_address()
    forged = Tokens().headers(new_id(), roles=["operator"])
    for method, path in [
        ("POST", "/v1/clients"),
        ("POST", "/v1/keys/rotate"),
        ("DELETE", f"/v1/clients/{new_id()}"),
        ("PUT", f"/v1/accounts/{new_id()}/roles/operator"),
        ("DELETE", f"/v1/accounts/{new_id()}/roles/operator"),
    ]:
        body = {"name": "carrier", "scopes": []}
        assert (await client.request(method, path, json=body, headers=headers)).status_code == 403
        assert (await client.request(method, path, json=body, headers=forged)).status_code == 401
        assert (await client.request(method, path, json=body)).status_code == 401


async def test_a_withdrawn_role_ends_at_once_here(people: People) -> None:
    client, first = await operator(people)
    _, second = await operator(people)
    me = (await client.get("/v1/accounts/me", headers=second)).json()["account_id"]

    assert (await client.delete(f"/v1/accounts/{me}/roles/operator", headers=first)).status_code == 204

    assert (await client.post("/v1/keys/rotate", headers=second)).status_code == 403


async def test_roles_are_granted_and_named_in_tokens(people: People) -> None:
    client, headers = await operator(people)
    email = new_email()
    person = await people.signed_up(email=email)
    account_id = (await client.get("/v1/accounts/me", headers=person)).json()["account_id"]
    address = f"/v1/accounts/{account_id}/roles/government:18"

    assert (await client.put(address, headers=headers)).status_code == 204
    assert (await client.put(f"/v1/accounts/{account_id}/roles/finance", headers=headers)).status_code == 204
    assert (await client.put(f"/v1/accounts/{account_id}/roles/emperor", headers=headers)).status_code == 422
    assert (await client.put(f"/v1/accounts/{new_id()}/roles/operator", headers=headers)).status_code == 404

    tokens = await sign_in(client, username=email)
    assert (await own_verifier(people.db).verify(tokens["access_token"])).roles == {"government:18", "finance"}


async def test_a_machine_client_gets_tokens_for_its_scopes(people: People) -> None:
    client, headers = await operator(people)
    body = {"name": "Kurir", "scopes": ["parcels:deliver", "parcels:read"]}

    made = await client.post("/v1/clients", json=body, headers=headers)

    assert made.status_code == 201
    client_id, secret = made.json()["client_id"], made.json()["client_secret"]
    assert made.headers["Cache-Control"] == "no-store"
    assert await published_of(people.db, client_id) == ["identity.account_registered.v1"]
    basic = {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}
    form = {"grant_type": "client_credentials"}
    all_scopes = await client.post("/v1/token", data=form, headers=basic)
    assert all_scopes.json()["scope"] == "parcels:deliver parcels:read"
    assert "refresh_token" not in all_scopes.json()
    assert all_scopes.headers["Cache-Control"] == "no-store"
    principal = await own_verifier(people.db).verify(all_scopes.json()["access_token"])
    assert (principal.id, principal.kind) == (UUID(client_id), "client")
    assert principal.scopes == {"parcels:deliver", "parcels:read"}

    in_form = form | {"client_id": client_id, "client_secret": secret}
    one = await client.post("/v1/token", data=in_form | {"scope": "parcels:read"})
    assert one.json()["scope"] == "parcels:read"
    too_much = await client.post("/v1/token", data=in_form | {"scope": "parcels:read everything"})
    assert too_much.json()["error"] == "invalid_scope"
    for bad in ({"client_secret": "wrong"}, {"client_secret": ""}, {"client_id": str(new_id())}):
        assert (await client.post("/v1/token", data=in_form | bad)).json()["error"] == "invalid_client"
    for garbage in ("Basic", "Basic !", "Basic eDp5", "Basic " + base64.b64encode(b"\xff:\xff").decode()):
        answer = await client.post("/v1/token", data=form, headers={"Authorization": garbage})
        assert answer.json()["error"] == "invalid_client"

    assert (await client.delete(f"/v1/clients/{client_id}", headers=headers)).status_code == 204
    assert (await client.delete(f"/v1/clients/{client_id}", headers=headers)).status_code == 404
    assert (await client.post("/v1/token", data=in_form)).json()["error"] == "invalid_client"


async def test_tokens_outlive_two_rotations_of_the_keys(people: People) -> None:
    client, headers = await operator(people)
    before = (await client.get("/.well-known/jwks.json")).json()["keys"]
    assert all("d" not in key and key["alg"] == "ES256" for key in before)

    for _ in range(2):
        assert (await client.post("/v1/keys/rotate", headers=headers)).status_code == 200

    after = (await client.get("/.well-known/jwks.json")).json()["keys"]
    assert {key["kid"] for key in before} < {key["kid"] for key in after}
    assert len(after) == len(before) + 2
    assert (await own_verifier(people.db).verify(headers["Authorization"][7:])).roles == {"operator"}
    async with people.db.reading() as conn:
        states = await conn.fetch("SELECT state, private_key IS NULL AS is_gone FROM signing_keys ORDER BY made_at")
    assert [(row["state"], row["is_gone"]) for row in states][-2:] == [("current", False), ("next", False)]
    assert all(row["is_gone"] for row in states[:-2])


async def test_rotations_at_the_same_time_take_turns(people: People) -> None:
    client, headers = await operator(people)

    answers = await asyncio.gather(*(client.post("/v1/keys/rotate", headers=headers) for _ in range(6)))

    assert {answer.status_code for answer in answers} == {200}
    async with people.db.reading() as conn:
        states = await conn.fetch("SELECT state FROM signing_keys WHERE state <> 'previous' ORDER BY state")
    assert [row["state"] for row in states] == ["current", "next"]


async def test_a_retired_key_is_forgotten_after_its_tokens(people: People) -> None:
    client, headers = await operator(people)
    await client.post("/v1/keys/rotate", headers=headers)
    async with people.db.transaction() as conn:
        old = await conn.fetchval(
            "UPDATE signing_keys SET retired_at = $1 WHERE state = 'previous' RETURNING id",
            utc_now() - timedelta(hours=2),
        )

    after = (await client.post("/v1/keys/rotate", headers=headers)).json()["keys"]

    assert old not in {key["kid"] for key in after}


async def test_another_server_key_stops_the_start(people: People) -> None:
    from services.identity.domain.secrets import ServerKeys

    async with people.db.transaction() as conn:
        with pytest.raises(WrongServerKey):
            await ensure_keys(conn, ServerKeys.derive("another key, as long as it must be").vault, now=utc_now())


async def test_tokens_of_another_issuer_are_refused(people: People) -> None:
    client, stranger = people.from_address(), Tokens()
    headers = await people.signed_up()
    published = (await client.get("/.well-known/jwks.json")).json()["keys"]
    verifier: Verifier = own_verifier(people.db)

    for kid in (stranger.key.kid, published[0]["kid"]):
        with pytest.raises(Unauthenticated):
            await verifier.verify(stranger.token(new_id(), header={"kid": kid}))
    assert await verifier.verify(headers["Authorization"][7:])


async def test_the_issuer_describes_itself(people: People) -> None:
    found = (await people.from_address().get("/.well-known/openid-configuration")).json()

    assert found["issuer"] == "lumbung-identity"
    assert found["jwks_uri"] == "http://identity.test/.well-known/jwks.json"
    assert found["token_endpoint"] == "http://identity.test/v1/token"


async def test_what_expired_is_forgotten(people: People) -> None:
    client, email = people.from_address(), new_email()
    await people.signed_up(email=email)
    async with people.db.transaction() as conn:
        account = await store.contact(conn, contacts.email(email))
        assert account is not None
        await conn.execute("UPDATE sessions SET expires_at = now() WHERE account_id = $1", account.account_id)
    forgetting = asyncio.create_task(forget_expired_forever(people.db, every_seconds=60))

    async with asyncio.timeout(10):
        while True:
            async with people.db.reading() as conn:
                left = await conn.fetchval("SELECT count(*) FROM sessions WHERE account_id = $1", account.account_id)
            if left == 0:
                break
            await asyncio.sleep(0.01)
    forgetting.cancel()
    await sign_in(client, username=email)
