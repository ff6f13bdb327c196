"""Who becomes a member, and how it ends: over HTTP, with the register."""

import asyncio
from uuid import UUID, uuid4

from services.cooperatives.handlers import handlers
from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.cooperatives import MemberAdmitted, MemberLinked, MemberResigned
from shared.contracts.identity import AccountErased
from shared.testing.delivery import check_handler, published
from tests.cooperatives.conftest import MANDATORY, PRINCIPAL, Office, Person, new_cooperative

NIK = "1801014107900001"


async def test_a_member_is_one_only_when_the_principal_is_paid_in_full(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.candidate(cooperative)

    half = await office.deposit(cooperative, member, "principal", PRINCIPAL // 2)
    before = await office.shown(cooperative, member)
    rest = await office.deposit(cooperative, member, "principal", PRINCIPAL // 2)

    after = await office.shown(cooperative, member)
    (fact,) = await published(office.db, MemberAdmitted, cooperative_id=cooperative.cooperative_id)
    assert (half["register_number"], before["state"]) == (None, "candidate")
    assert (rest["register_number"], after["state"], after["register_number"]) == (1, "active", 1)
    assert (fact.member_id, fact.account_id) == (member.member_id, member.person.account_id)


async def test_twenty_who_pay_at_once_get_twenty_numbers_without_gap(office: Office) -> None:
    cooperative = await office.cooperative()
    members = [await office.candidate(cooperative) for _ in range(20)]

    paid = await asyncio.gather(*(office.deposit(cooperative, each, "principal", PRINCIPAL) for each in members))

    register = await office.get(f"{cooperative.path}/register", cooperative.chair)
    assert sorted(each["register_number"] for each in paid) == list(range(1, 21))
    assert [line["position"] for line in register["items"]] == list(range(1, 21))


async def test_nobody_decides_their_own_application(office: Office) -> None:
    cooperative = await office.cooperative()
    path = f"{cooperative.path}/applications"
    made = (await office.post(path, cooperative.chair, {"name": "Ketua Sendiri"}, status=201)).json()

    own = await office.post(f"{path}/{made['application_id']}/approve", cooperative.chair)
    other = await office.post(f"{path}/{made['application_id']}/approve", cooperative.secretary, status=200)
    again = await office.post(f"{path}/{made['application_id']}/approve", cooperative.secretary)

    assert own.json()["type"].endswith("needs-another-person")
    assert other.json()["member_state"] == "candidate"
    assert again.json()["type"].endswith("application-decided")


async def test_one_person_applies_once(office: Office) -> None:
    cooperative = await office.cooperative()
    person = office.person()
    path = f"{cooperative.path}/applications"
    body = {"name": "Ibu Sari"}

    answers = await asyncio.gather(*(office.post(path, person, body) for _ in range(5)))
    member = await office.member(cooperative)
    as_member = await office.post(path, member.person, body)

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert as_member.json()["type"].endswith("applied-already")


async def test_a_rejected_application_forgets_the_person(office: Office) -> None:
    cooperative = await office.cooperative()
    path = f"{cooperative.path}/applications"
    body = {"name": "Pak Tono", "has_account": False, "identity_number": NIK, "phone": "+628123456789"}
    made = (await office.post(path, cooperative.secretary, body, status=201)).json()

    await office.post(f"{path}/{made['application_id']}/reject", cooperative.chair, status=200)

    (shown,) = (await office.get(f"{path}?state=rejected", cooperative.chair))["items"]
    assert (shown["name"], shown["phone"]) == (None, None)


async def test_a_member_without_account_is_entered_by_an_officer_and_known_by_number(office: Office) -> None:
    cooperative = await office.cooperative()
    path = f"{cooperative.path}/applications"
    body = {"name": "Pak Tono", "has_account": False, "identity_number": NIK}
    made = (await office.post(path, cooperative.secretary, body, key="sekali", status=201)).json()
    assert (await office.post(path, cooperative.secretary, body, key="sekali", status=201)).json() == made
    await office.post(f"{path}/{made['application_id']}/approve", cooperative.chair, status=200)

    again = await office.post(path, cooperative.secretary, body | {"name": "Tono"})
    wrong = await office.post(path, cooperative.secretary, body | {"identity_number": "9901014107900001"})
    without = await office.post(path, cooperative.secretary, {"name": "Tono", "has_account": False})
    by_stranger = await office.post(path, office.person(), body)

    assert again.json()["type"].endswith("applied-already")
    assert wrong.json()["type"].endswith("identity-number-refused")
    assert without.json()["type"].endswith("identity-number-refused")
    assert by_stranger.status_code == 404
    async with office.db.reading() as conn:
        for table in ("members", "applications"):
            assert not await conn.fetchval(f"SELECT true FROM {table} AS t WHERE t::text LIKE $1", f"%{NIK}%")  # noqa: S608


async def test_a_link_code_joins_a_membership_to_one_account_once(office: Office) -> None:
    cooperative = await office.cooperative()
    path = f"{cooperative.path}/applications"
    body = {"name": "Bu Wati", "has_account": False, "identity_number": "1801015207850002"}
    made = (await office.post(path, cooperative.secretary, body, status=201)).json()
    approved = await office.post(f"{path}/{made['application_id']}/approve", cooperative.chair, status=200)
    member_id = approved.json()["member_id"]
    deposit = {"kind": "principal", "amount_minor": PRINCIPAL}
    await office.post(f"{cooperative.path}/members/{member_id}/deposits", cooperative.treasurer, deposit, status=201)
    codes = f"{cooperative.path}/members/{member_id}/link-codes"
    old = (await office.post(codes, cooperative.secretary, status=201)).json()["code"]
    code = (await office.post(codes, cooperative.secretary, status=201)).json()["code"]
    people = [office.person() for _ in range(4)]

    stale = await office.post("/v1/me/memberships", people[0], {"code": old})
    by_its_maker = await office.post("/v1/me/memberships", cooperative.secretary, {"code": code})
    answers = await asyncio.gather(
        *(office.post("/v1/me/memberships", person, {"code": code.lower()}) for person in people)
    )

    assert stale.json()["type"].endswith("link-code-refused")
    assert by_its_maker.json()["type"].endswith("link-code-refused")
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    winner = people[[answer.status_code for answer in answers].index(201)]
    (mine,) = (await office.get("/v1/me/memberships", winner))["items"]
    (fact,) = await published(office.db, MemberLinked, cooperative_id=cooperative.cooperative_id)
    assert (mine["member_id"], fact.account_id) == (member_id, winner.account_id)
    assert (await office.post(codes, cooperative.secretary)).json()["type"].endswith("linked-already")


async def test_leaving_pays_out_all_savings_less_debts(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative, voluntary_minor=50_000)
    await office.deposit(cooperative, member, "mandatory", MANDATORY)
    lines = [
        {"code": "1201", "side": "debit", "amount_minor": 30_000},
        {"code": "1101", "side": "credit", "amount_minor": 30_000},
    ]
    journals = f"{cooperative.path}/journals"
    journal = await office.post(
        journals, cooperative.treasurer, {"description": "Pinjaman", "lines": lines}, status=201
    )
    await office.post(f"{journals}/{journal.json()['journal_id']}/approve", cooperative.chair, status=200)
    path = f"{cooperative.path}{member.path}"

    too_much = await office.post(f"{path}/end", cooperative.chair, {"reason": "resigned", "debts_minor": 40_000})
    ended = await office.post(
        f"{path}/end", cooperative.chair, {"reason": "resigned", "debts_minor": 30_000}, status=201
    )
    await office.post(
        f"{path}/withdrawals", cooperative.treasurer, {"kind": "payable", "amount_minor": 140_000}, status=201
    )

    assert too_much.json()["type"].endswith("debts-not-booked")
    assert ended.json()["payable_minor"] == PRINCIPAL + 50_000 + MANDATORY - 30_000
    shown = await office.shown(cooperative, member)
    assert (shown["state"], shown["end_reason"], shown["payable_minor"]) == ("ended", "resigned", 0)
    trial = await office.trial(cooperative)
    assert {code: amount for code, amount in trial.items() if amount} == {}
    (fact,) = await published(office.db, MemberResigned, member_id=member.member_id)
    assert fact.reason == "resigned"
    register = await office.get(f"{cooperative.path}/register", cooperative.chair)
    assert [line["change"] for line in register["items"]] == ["admitted", "ended"]


async def test_suspended_members_neither_save_voluntarily_nor_are_free_to_pay_with_savings(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative)
    path = f"{cooperative.path}{member.path}"

    await office.post(f"{path}/suspend", cooperative.chair, status=200)
    refused = await office.post(f"{path}/deposits", cooperative.chair, {"kind": "voluntary", "amount_minor": 1})
    again = await office.post(f"{path}/suspend", cooperative.chair)
    await office.post(f"{path}/resume", cooperative.chair, status=200)
    taken = await office.post(f"{path}/deposits", cooperative.chair, {"kind": "voluntary", "amount_minor": 1})

    assert [refused.status_code, again.status_code, taken.status_code] == [409, 409, 201]


async def test_who_is_behind_with_the_mandatory_savings_is_listed(office: Office) -> None:
    cooperative = await office.cooperative()
    late, paid = await office.member(cooperative), await office.member(cooperative)
    await office.deposit(cooperative, paid, "mandatory", MANDATORY)
    now = day_of(utc_now())
    later = f"{now.year + 1}-01-01"
    months = 13 - now.month + 1

    behind = await office.get(f"{cooperative.path}/dues", cooperative.chair)
    next_year = await office.get(f"{cooperative.path}/dues?month={later}", cooperative.chair)
    mine = await office.get("/v1/me/memberships", late.person)

    assert [(line["member_id"], line["behind_minor"]) for line in behind["items"]] == [(str(late.member_id), MANDATORY)]
    assert [line["owed_minor"] for line in next_year["items"]] == [MANDATORY * months] * 2
    assert mine["items"][0]["dues_behind_minor"] == MANDATORY


async def test_other_dues_hold_from_a_month_that_has_not_begun(office: Office) -> None:
    cooperative = await office.cooperative()
    await office.member(cooperative)
    now = day_of(utc_now())
    path = f"{cooperative.path}/dues"

    async def put(person: Person, from_month: str) -> int:
        body = {"from_month": from_month, "monthly_minor": 50_000}
        return (await office.client.put(path, json=body, headers=person.headers)).status_code

    answers = [
        await put(cooperative.chair, f"{now.year}-{now.month:02}-28"),
        await put(cooperative.treasurer, f"{now.year + 1}-01-01"),
        await put(cooperative.chair, f"{now.year + 1}-01-01"),
    ]

    (line,) = (await office.get(f"{path}?month={now.year + 1}-02-01", cooperative.chair))["items"]
    assert answers == [409, 403, 200]
    assert line["owed_minor"] == MANDATORY * (13 - now.month) + 2 * 50_000


async def test_an_operator_appoints_where_no_officer_is_left(office: Office) -> None:
    made = await office.post("/v1/cooperatives", chair := office.person(), new_cooperative(), status=201)
    path = f"/v1/cooperatives/{made.json()['cooperative_id']}/officers"
    body = {"account_id": str(uuid4()), "role": "ketua"}
    operator = office.person(roles=["operator"])

    before = await office.post(path, operator, body)
    await office.hear(AccountErased(account_id=chair.account_id, erased_at=utc_now()))
    stranger = await office.post(path, office.person(), body)
    after = await office.post(path, operator, body)

    assert [before.status_code, stranger.status_code, after.status_code] == [404, 404, 201]


async def test_an_erased_person_loses_what_the_law_does_not_ask_to_keep(office: Office) -> None:
    cooperative = await office.cooperative()
    living, former, applicant = await office.member(cooperative), await office.member(cooperative), office.person()
    await office.post(f"{cooperative.path}/applications", applicant, {"name": "Calon"}, status=201)
    await office.post(f"{cooperative.path}{former.path}/end", cooperative.chair, {"reason": "resigned"}, status=201)

    for person in (living.person, former.person, applicant, cooperative.secretary):
        erased = AccountErased(account_id=person.account_id, erased_at=utc_now())
        await check_handler(office.db, handlers, erased)

    member = await office.shown(cooperative, living)
    assert (member["name"], member["has_account"], member["state"]) == ("Ibu Sari", False, "active")
    assert (await office.shown(cooperative, former))["name"] == "Ibu Sari"  # the cooperative still owes them
    body = {"kind": "payable", "amount_minor": PRINCIPAL}
    path = f"{cooperative.path}{former.path}/withdrawals"
    await office.post(path, cooperative.treasurer, body, status=201)
    shown = await office.shown(cooperative, former)
    assert (shown["name"], shown["register_number"]) == (None, 2)
    applications = await office.get(f"{cooperative.path}/applications?state=rejected", cooperative.chair)
    assert [each["name"] for each in applications["items"]] == [None]
    await office.get(f"{cooperative.path}/members", cooperative.secretary, status=404)
    again = await office.post(f"{cooperative.path}/applications", applicant, {"name": "Calon"})
    assert again.json()["type"].endswith("account-gone")


async def test_an_account_that_nobody_knew_is_remembered_as_erased(office: Office) -> None:
    await check_handler(office.db, handlers, AccountErased(account_id=uuid4(), erased_at=utc_now()))


async def test_what_is_entered_in_the_register_stays(office: Office) -> None:
    cooperative = await office.cooperative()
    member = await office.member(cooperative)

    async with office.db.reading() as conn:
        lines = await conn.fetch(
            "SELECT member_id FROM register_entries WHERE member_id = $1", UUID(str(member.member_id))
        )

    assert len(lines) == 1
