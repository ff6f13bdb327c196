"""Accounts over HTTP: registering, what it does not tell, verifying, being forgotten."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from tests.identity.conftest import PASSWORD, People, international, new_email, new_phone, published_of, sign_in


async def count(people: People, table: str) -> int:
    async with people.db.reading() as conn:
        return int(await conn.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a name from this file


async def test_an_email_account_works_at_once_but_is_not_verified(people: People) -> None:
    client, email = people.from_address(), new_email()

    made = await client.post("/v1/accounts", json={"email": email.upper(), "password": PASSWORD, "name": " Siti "})

    assert made.status_code == 201
    account_id = made.json()["account_id"]
    tokens = await sign_in(client, username=email)
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 600
    me = await client.get("/v1/accounts/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert me.json() | {"registered_at": None} == {
        "account_id": account_id,
        "kind": "person",
        "name": "Siti",
        "contacts": [{"kind": "email", "value": email, "is_verified": False}],
        "roles": [],
        "notices": False,
        "has_password": True,
        "registered_at": None,
    }
    assert await published_of(people.db, account_id) == ["identity.account_registered.v1"]


async def test_a_phone_account_is_registered_by_its_first_code(people: People) -> None:
    client, phone = people.from_address(), new_phone()
    made = await client.post("/v1/accounts", json={"phone": phone, "name": "Budi"})
    account_id = made.json()["account_id"]
    assert await published_of(people.db, account_id) == []

    asked = await client.post("/v1/codes", json={"phone": phone, "purpose": "sign_in"})
    assert asked.status_code == 202
    assert asked.json() == {"expires_in": 300}
    code = await people.code(international(phone))
    tokens = await client.post("/v1/token", data={"grant_type": "urn:lumbung:grant:code", "phone": phone, "code": code})

    assert tokens.status_code == 200
    headers = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
    me = (await client.get("/v1/accounts/me", headers=headers)).json()
    assert me["account_id"] == account_id
    assert me["contacts"] == [{"kind": "phone", "value": international(phone), "is_verified": True}]
    assert await published_of(people.db, account_id) == ["identity.account_registered.v1"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "A"},
        {"name": "A", "email": "a@b.id"},
        {"name": "A", "email": "a@b.id", "password": "short"},
        {"name": "A", "email": "a@b.id", "password": "x" * 201},
        {"name": "A", "email": "a@b.id", "phone": "081234567890", "password": "long enough"},
        {"name": "A", "phone": "12"},
        {"name": "", "phone": "081234567890"},
        {"name": "A\nB", "phone": "081234567890"},
        {"name": "A", "phone": 81234567890},
        {"name": "A", "phone": "081234567890", "roles": ["operator"]},
        {"name": "A", "phone": "081234567890", "password": None, "notices": "perhaps"},
        [],
    ],
)
async def test_malformed_registrations_change_nothing(people: People, body: Any) -> None:
    before = await count(people, "accounts")

    answer = await people.from_address().post("/v1/accounts", json=body)

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:lumbung:problem:malformed"
    assert "081234567890" not in answer.text
    assert await count(people, "accounts") == before


async def test_a_taken_contact_is_answered_like_a_free_one(people: People) -> None:
    client, phone = people.from_address(), new_phone()
    body = {"phone": phone, "name": "Budi"}
    first = await client.post("/v1/accounts", json=body)
    before = await count(people, "accounts")

    second, third = [await client.post("/v1/accounts", json=body | {"name": "Eve"}) for _ in range(2)]

    assert second.status_code == third.status_code == first.status_code == 201
    assert second.json().keys() == first.json().keys()
    ids = {answer.json()["account_id"] for answer in (first, second, third)}
    assert len(ids) == 3
    assert all(UUID(each).version == 7 for each in ids)
    assert await count(people, "accounts") == before
    assert await people.messages(international(phone)) == []  # unverified: gets no notices


async def test_the_owner_of_a_verified_contact_is_told_of_the_attempt_once(people: People) -> None:
    client, phone = people.from_address(), new_phone()
    await client.post("/v1/accounts", json={"phone": phone, "name": "Budi"})
    await client.post("/v1/codes", json={"phone": phone, "purpose": "sign_in"})
    code = await people.code(international(phone))
    await client.post("/v1/token", data={"grant_type": "urn:lumbung:grant:code", "phone": phone, "code": code})

    for _ in range(3):
        await client.post("/v1/accounts", json={"phone": phone, "name": "Eve", "password": "another password"})

    texts = [message["text"] for message in await people.messages(international(phone))]
    assert len(texts) == 2
    assert "mencoba mendaftar" in texts[0]


async def test_a_registration_that_is_sent_again_gets_the_same_id(people: People) -> None:
    client, body = people.from_address(), {"email": new_email(), "password": PASSWORD, "name": "Siti"}

    answers = [await client.post("/v1/accounts", json=body) for _ in range(2)]
    wrong = await client.post("/v1/accounts", json=body | {"password": "somebody else's"})

    assert answers[0].json() == answers[1].json()
    assert wrong.status_code == 201
    assert wrong.json() != answers[0].json()
    assert await published_of(people.db, answers[0].json()["account_id"]) == ["identity.account_registered.v1"]
    assert await published_of(people.db, wrong.json()["account_id"]) == []
    await sign_in(client, username=body["email"])


async def test_of_twenty_who_register_one_contact_at_once_one_gets_it(people: People) -> None:
    client, email = people.from_address(), new_email()
    bodies = [{"email": email, "password": f"password number {n}", "name": "Siti"} for n in range(20)]

    answers = await asyncio.gather(*(client.post("/v1/accounts", json=body) for body in bodies))

    assert {answer.status_code for answer in answers} == {201}
    ids = [answer.json()["account_id"] for answer in answers]
    assert len(set(ids)) == 20
    assert sum([len(await published_of(people.db, each)) for each in ids]) == 1


async def test_a_code_for_an_unknown_contact_is_answered_the_same_and_not_sent(people: People) -> None:
    client, phone = people.from_address(), new_phone()

    answer = await client.post("/v1/codes", json={"phone": phone, "purpose": "sign_in"})

    assert (answer.status_code, answer.json()) == (202, {"expires_in": 300})
    assert await people.messages(international(phone)) == []
    wrong = await client.post(
        "/v1/token", data={"grant_type": "urn:lumbung:grant:code", "phone": phone, "code": "123456"}
    )
    assert wrong.json()["error"] == "invalid_grant"


async def test_verifying_while_signed_in_keeps_the_password(people: People) -> None:
    client, email = people.from_address(), new_email()
    headers = await people.signed_up(email=email)
    await client.post("/v1/codes", json={"email": email, "purpose": "verify"})
    code = await people.code(email)
    address = "/v1/accounts/me/verifications"
    stranger = await people.signed_up()

    assert (await client.post(address, json={"email": email, "code": code})).status_code == 401
    assert (await client.post(address, json={"email": email, "code": code}, headers=stranger)).status_code == 403
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert (await client.post(address, json={"email": email, "code": wrong}, headers=headers)).status_code == 403
    assert (await client.post(address, json={"email": email, "code": code}, headers=headers)).status_code == 204
    assert (await client.post(address, json={"email": email, "code": code}, headers=headers)).status_code == 403

    me = (await client.get("/v1/accounts/me", headers=headers)).json()
    assert me["contacts"] == [{"kind": "email", "value": email, "is_verified": True}]
    assert me["has_password"]
    await sign_in(client, username=email)


async def test_a_password_is_changed_with_a_code_and_everybody_is_signed_out(people: People) -> None:
    client, email = people.from_address(), new_email()
    headers = await people.signed_up(email=email)
    old = await sign_in(client, username=email)
    await client.post("/v1/codes", json={"email": email, "purpose": "verify"})
    code, address = await people.code(email), "/v1/accounts/me/password"
    body = {"email": email, "code": code, "password": "teh botol 1969"}
    stranger = await people.signed_up()

    assert (await client.put(address, json=body)).status_code == 401
    assert (await client.put(address, json=body, headers=stranger)).status_code == 403
    assert (await client.put(address, json=body | {"password": "short"}, headers=headers)).status_code == 422
    assert (await client.put(address, json=body | {"code": "000000"}, headers=headers)).status_code == 403
    assert (await client.put(address, json=body, headers=headers)).status_code == 204
    assert (await client.put(address, json=body, headers=headers)).status_code == 403

    refresh = {"grant_type": "refresh_token", "refresh_token": old["refresh_token"]}
    assert (await client.post("/v1/token", data=refresh)).status_code == 400
    password = {"grant_type": "password", "username": email, "password": PASSWORD}
    assert (await client.post("/v1/token", data=password)).status_code == 400
    await sign_in(client, username=email, password="teh botol 1969")


async def test_who_proves_a_contact_shuts_out_whoever_claimed_it_before(people: People) -> None:
    client, email = people.from_address(), new_email()
    squatter = people.from_address()
    await squatter.post("/v1/accounts", json={"email": email, "password": PASSWORD, "name": "Eve"})
    claimed = await sign_in(squatter, username=email)

    await client.post("/v1/codes", json={"email": email, "purpose": "sign_in"})
    code = await people.code(email)
    tokens = await client.post("/v1/token", data={"grant_type": "urn:lumbung:grant:code", "email": email, "code": code})

    assert tokens.status_code == 200
    refresh = {"grant_type": "refresh_token", "refresh_token": claimed["refresh_token"]}
    assert (await squatter.post("/v1/token", data=refresh)).json()["error"] == "invalid_grant"
    password = {"grant_type": "password", "username": email, "password": PASSWORD}
    assert (await squatter.post("/v1/token", data=password)).json()["error"] == "invalid_grant"


async def test_an_erased_person_leaves_nothing_but_an_id(people: People) -> None:
    client, email = people.from_address(), new_email()
    headers = await people.signed_up(email=email, name="Siti yang dilupakan")
    tokens = await sign_in(client, username=email)
    await client.post("/v1/codes", json={"email": email, "purpose": "verify"})
    account_id = (await client.get("/v1/accounts/me", headers=headers)).json()["account_id"]

    answers = await asyncio.gather(*(client.delete("/v1/accounts/me", headers=headers) for _ in range(5)))

    assert {answer.status_code for answer in answers} == {204}
    assert await published_of(people.db, account_id) == [
        "identity.account_registered.v1",
        "identity.account_erased.v1",
    ]
    assert (await client.get("/v1/accounts/me", headers=headers)).status_code == 401
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await client.post("/v1/token", data=refresh)).json()["error"] == "invalid_grant"
    password = {"grant_type": "password", "username": email, "password": PASSWORD}
    assert (await client.post("/v1/token", data=password)).json()["error"] == "invalid_grant"
    assert await tables_that_hold(people, email) == []
    assert await tables_that_hold(people, "Siti yang dilupakan") == []
    assert await people.messages(email) == []  # the code that was on its way is not sent any more

    again = await client.post("/v1/accounts", json={"email": email, "password": PASSWORD, "name": "Siti"})
    assert again.json()["account_id"] != account_id
    await sign_in(client, username=email)


async def tables_that_hold(people: People, text: str) -> list[str]:
    """The tables with a row that has `text` anywhere."""
    async with people.db.reading() as conn:
        names = await conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [
            row["tablename"]
            for row in names
            if row["tablename"] != "migrations"
            and await conn.fetchval(
                f"SELECT EXISTS (SELECT FROM {row['tablename']} AS t WHERE t::text LIKE '%' || $1 || '%')",  # noqa: S608
                text,
            )
        ]


async def test_contacts_are_in_one_table_and_in_no_event(people: People) -> None:
    client, phone = people.from_address(), new_phone()
    await client.post("/v1/accounts", json={"phone": phone, "name": "Budi yang tertutup"})
    await client.post("/v1/codes", json={"phone": phone, "purpose": "sign_in"})
    code = await people.code(international(phone))
    tokens = await client.post("/v1/token", data={"grant_type": "urn:lumbung:grant:code", "phone": phone, "code": code})
    headers = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
    await client.put("/v1/accounts/me/notices", json={"orders": True}, headers=headers)

    assert await tables_that_hold(people, phone[1:]) == ["contacts"]
    assert await tables_that_hold(people, "Budi yang tertutup") == ["accounts"]
    assert await tables_that_hold(people, tokens.json()["refresh_token"]) == []


async def test_nothing_personal_is_logged(people: People, capfd: pytest.CaptureFixture[str]) -> None:
    client, phone, email = people.from_address(), new_phone(), new_email()
    await client.post("/v1/accounts", json={"phone": phone, "name": "Budi"})
    await client.post("/v1/accounts", json={"phone": phone + "x", "name": "Budi"})
    await client.post("/v1/codes", json={"phone": phone, "purpose": "sign_in"})
    await people.code(international(phone))
    await client.post("/v1/token", data={"grant_type": "urn:lumbung:grant:code", "phone": phone, "code": "000000"})
    await client.post("/v1/token", data={"grant_type": "password", "username": email, "password": PASSWORD})
    await people.signed_up(email=email)

    logged = "".join(capfd.readouterr())

    assert "refused" in logged
    for text in (phone[1:], email, "Budi", PASSWORD):
        assert text not in logged
