"""Money of members over HTTP: deposits, withdrawals by two persons, the member's own view."""

import asyncio
from uuid import uuid4

import pytest

from tests.cooperatives.conftest import LIMIT, MANDATORY, PRINCIPAL, Office


async def test_savings_are_equity_or_debt_and_cash_is_there(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=70_000)
    await office.deposit(cooperative, member, "mandatory", MANDATORY)

    trial = await office.trial(cooperative)

    assert {code: amount for code, amount in trial.items() if amount} == {
        "1101": PRINCIPAL + 70_000 + MANDATORY,
        "2101": -70_000,
        "3101": -PRINCIPAL,
        "3102": -MANDATORY,
    }


async def test_the_same_key_takes_in_a_deposit_once(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative)
    path, key = f"{cooperative.path}{member.path}/deposits", uuid4().hex
    body = {"kind": "voluntary", "amount_minor": 5_000}

    answers = [await office.post(path, cooperative.treasurer, body, key=key, status=201) for _ in range(3)]

    assert len({answer.text for answer in answers}) == 1
    assert (await office.shown(cooperative, member))["voluntary_minor"] == 5_000


@pytest.mark.parametrize(
    ("kind", "amount_minor", "slug"),
    [
        ("principal", PRINCIPAL + 1, "principal-exceeded"),
        ("mandatory", 1, "not-in-this-state"),
        ("voluntary", 1, "not-in-this-state"),
    ],
)
async def test_a_candidate_pays_the_principal_and_no_more(
    office: Office, kind: str, amount_minor: int, slug: str
) -> None:
    cooperative = await office.cooperative()
    member = await office.candidate(cooperative)
    body = {"kind": kind, "amount_minor": amount_minor}

    answer = await office.post(f"{cooperative.path}{member.path}/deposits", cooperative.treasurer, body)

    assert answer.json()["type"].endswith(slug)
    assert not any((await office.trial(cooperative)).values())


async def test_officers_do_not_take_in_their_own_savings(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.candidate(cooperative, cooperative.treasurer)
    body = {"kind": "principal", "amount_minor": PRINCIPAL}

    own = await office.post(f"{cooperative.path}{member.path}/deposits", cooperative.treasurer, body)

    assert own.json()["type"].endswith("needs-another-person")


async def test_a_small_withdrawal_is_paid_at_once(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=LIMIT)
    path = f"{cooperative.path}{member.path}/withdrawals"

    paid = await office.post(path, cooperative.treasurer, {"amount_minor": LIMIT}, status=201)
    more = await office.post(path, cooperative.treasurer, {"amount_minor": 1})

    assert (paid.json()["state"], paid.json()["needs_second"]) == ("paid", False)
    assert more.json()["type"].endswith("too-little-saved")
    assert (await office.shown(cooperative, member))["voluntary_minor"] == 0


async def test_a_large_withdrawal_waits_for_another_officer_with_the_money_held(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=LIMIT + 1)
    path = f"{cooperative.path}{member.path}/withdrawals"

    waiting = (await office.post(path, cooperative.treasurer, {"amount_minor": LIMIT + 1}, status=201)).json()
    approve = f"{cooperative.path}/withdrawals/{waiting['withdrawal_id']}/approve"
    other = await office.post(path, cooperative.treasurer, {"amount_minor": 1})
    ending = await office.post(f"{cooperative.path}{member.path}/end", cooperative.chair, {"reason": "resigned"})
    own = await office.post(approve, cooperative.treasurer)
    answers = await asyncio.gather(*(office.post(approve, cooperative.chair) for _ in range(5)))

    assert (waiting["state"], waiting["needs_second"]) == ("waiting", True)
    assert other.json()["type"].endswith("too-little-saved")
    assert ending.json()["type"].endswith("not-in-this-state")
    assert own.json()["type"].endswith("needs-another-person")
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    trial = await office.trial(cooperative)
    assert (trial["2101"], trial["1101"]) == (0, PRINCIPAL)


async def test_small_withdrawals_of_a_day_add_up_to_a_large_one(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=3 * LIMIT)
    path = f"{cooperative.path}{member.path}/withdrawals"
    half = {"amount_minor": LIMIT // 2}

    answers = await asyncio.gather(*(office.post(path, cooperative.treasurer, half, status=201) for _ in range(4)))

    assert sorted(answer.json()["state"] for answer in answers) == ["paid", "paid", "waiting", "waiting"]
    waiting = next(answer.json() for answer in answers if answer.json()["needs_second"])
    approve = f"{cooperative.path}/withdrawals/{waiting['withdrawal_id']}/approve"
    await office.post(approve, cooperative.chair, status=200)
    assert (await office.shown(cooperative, member))["voluntary_minor"] == 3 * LIMIT - 3 * (LIMIT // 2)
    async with office.db.transaction() as conn:  # what was paid alone on other days does not count
        await conn.execute(
            "UPDATE withdrawals SET asked_at = asked_at - interval '1 day' WHERE member_id = $1", member.member_id
        )
    assert (await office.post(path, cooperative.treasurer, half, status=201)).json()["state"] == "paid"


async def test_the_table_itself_refuses_a_payment_by_who_asked(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=LIMIT + 1)
    path = f"{cooperative.path}{member.path}/withdrawals"
    waiting = (await office.post(path, cooperative.treasurer, {"amount_minor": LIMIT + 1}, status=201)).json()

    async with office.db.reading() as conn:
        with pytest.raises(Exception, match="withdrawals_are_paid_by_a_second_person"):
            await conn.execute(
                "UPDATE withdrawals SET state = 'paid', decided_by = asked_by, decided_at = now()"
                " WHERE withdrawal_id = $1",
                waiting["withdrawal_id"],
            )


async def test_a_refused_withdrawal_frees_the_money(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=LIMIT + 1)
    path = f"{cooperative.path}{member.path}/withdrawals"
    waiting = (await office.post(path, cooperative.treasurer, {"amount_minor": LIMIT + 1}, status=201)).json()

    refuse = f"{cooperative.path}/withdrawals/{waiting['withdrawal_id']}/refuse"
    await office.post(refuse, cooperative.secretary, status=200)

    paid = await office.post(path, cooperative.treasurer, {"amount_minor": 1}, status=201)
    (listed,) = (await office.get(f"{cooperative.path}/withdrawals?state=refused", cooperative.chair))["items"]
    assert (paid.json()["state"], listed["withdrawal_id"]) == ("paid", waiting["withdrawal_id"])


async def test_an_officers_own_withdrawal_always_needs_another(office: Office) -> None:
    cooperative = await office.cooperative()
    own = await office.candidate(cooperative, cooperative.secretary)
    await office.deposit(cooperative, own, "principal", PRINCIPAL)
    await office.deposit(cooperative, own, "voluntary", 1_000)
    path = f"{cooperative.path}{own.path}/withdrawals"

    asked = (await office.post(path, cooperative.secretary, {"amount_minor": 1_000}, status=201)).json()

    assert (asked["state"], asked["needs_second"]) == ("waiting", True)


async def test_twenty_withdrawals_at_once_never_overdraw(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=50_000)
    path = f"{cooperative.path}{member.path}/withdrawals"

    answers = await asyncio.gather(
        *(office.post(path, cooperative.treasurer, {"amount_minor": 10_000}) for _ in range(20))
    )

    assert sum(answer.status_code == 201 for answer in answers) == 5
    assert (await office.shown(cooperative, member))["voluntary_minor"] == 0


async def test_a_member_sees_their_own_savings_and_statement(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=9_000)
    path = f"{cooperative.path}{member.path}/withdrawals"
    await office.post(path, cooperative.treasurer, {"amount_minor": 4_000}, status=201)

    (mine,) = (await office.get("/v1/me/memberships", member.person))["items"]
    first = await office.get(f"/v1/me/savings?member_id={member.member_id}&limit=2", member.person)
    rest = await office.get(
        f"/v1/me/savings?member_id={member.member_id}&limit=2&cursor={first['next_cursor']}", member.person
    )

    assert (mine["principal_minor"], mine["voluntary_minor"], mine["register_number"]) == (PRINCIPAL, 5_000, 1)
    assert [(each["reason"], each["amount_minor"]) for each in first["items"] + rest["items"]] == [
        ("withdrawal", -4_000),
        ("deposit", 9_000),
        ("deposit", PRINCIPAL),
    ]
    assert rest["next_cursor"] is None
