"""Bank accounts: who may set them, what a change does, and that they go with their person."""

from datetime import timedelta
from uuid import uuid4

from services.orders.handlers import handlers
from services.orders.use_cases.forget_person import erase_bank_accounts
from shared.clock import utc_now
from shared.contracts.identity import AccountErased
from shared.testing.delivery import check_handler
from tests.orders.payouts.desk import Desk


async def test_only_the_owner_says_where_a_shop_is_paid(desk: Desk) -> None:
    manager, stranger = desk.person(), desk.person()
    shop_id, owner = await desk.shop(manager=manager)
    path = f"/v1/shops/{shop_id}/bank-account"

    answers = [
        await desk.set_account(path, person, "1234567801") for person in (owner, manager, stranger, desk.approver)
    ]
    reads = [await desk.client.get(path, headers=person.headers) for person in (owner, manager, stranger)]

    assert [answer.status_code for answer in answers] == [200, 403, 404, 404]
    assert [answer.status_code for answer in reads] == [200, 403, 404]
    assert reads[0].json()["account_number"] == "*******801"
    assert (await desk.set_account("/v1/shops/" + str(uuid4()) + "/bank-account", owner, "12345")).status_code == 404


async def test_a_lenders_account_is_an_operators_to_set(desk: Desk) -> None:
    path = f"/v1/lenders/{uuid4()}/bank-account"
    client = desk.person(kind="client")

    answers = [await desk.set_account(path, person, "1234567801") for person in (desk.approver, desk.drafter, client)]

    assert [answer.status_code for answer in answers] == [200, 404, 404]
    assert (await desk.client.get(path, headers=client.headers)).status_code == 404
    assert (await desk.client.get(path, headers=desk.approver.headers)).json()["bank_code"] == "002"
    assert (await desk.set_account("/v1/me/bank-account", client, "1234567801")).status_code == 403


async def test_a_malformed_account_is_refused(desk: Desk) -> None:
    person = desk.person()
    wrong = [{"bank_code": "2"}, {"account_number": "12 34"}, {"holder_name": "=cmd()"}, {"holder_name": "A,\r\nD"}]

    answers = [
        await desk.set_account("/v1/me/bank-account", person, other.pop("account_number", "1234567801"), **other)
        for other in wrong
    ]

    assert [answer.status_code for answer in answers] == [422] * 4
    assert (await desk.client.get("/v1/me/bank-account", headers=person.headers)).status_code == 404


async def test_a_change_holds_payouts_for_a_while_and_is_logged(desk: Desk) -> None:
    person = desk.person()
    await desk.set_account("/v1/me/bank-account", person, "1234567801")
    first = await desk.get("/v1/me/bank-account", person)
    await desk.set_account("/v1/me/bank-account", person, "1234567801")
    unchanged = await desk.get("/v1/me/bank-account", person)
    await desk.move(person.account_id, 100_000)
    draft = await desk.draft()

    await desk.set_account("/v1/me/bank-account", person, "6666666601")

    changed = await desk.get("/v1/me/bank-account", person)
    assert unchanged == first
    assert [one["what"] for one in changed["changes"]] == ["changed", "set"]
    assert changed["held_until"] > (utc_now() + timedelta(hours=71)).isoformat()
    batch = await desk.approve(draft)
    assert batch["payouts"][0]["left_out_reason"] == "bank_account_fresh"
    assert await desk.balance(person.account_id) == 100_000
    fresh = await desk.post("/v1/payouts", desk.drafter, {"up_to_date": draft["batch"]["up_to_date"]})
    assert fresh.status_code == 409
    await desk.corrupt("UPDATE bank_accounts SET held_until = now() WHERE holder_id = $1", person.account_id)
    assert (await desk.approve(await desk.draft()))["payouts"][0]["amount_minor"] == 100_000


async def test_an_account_changed_after_the_approval_does_not_change_the_file(desk: Desk) -> None:
    person = desk.person()
    await desk.set_account("/v1/me/bank-account", person, "1234567801")
    await desk.move(person.account_id, 100_000)
    batch = await desk.approve(await desk.draft())
    before = await desk.file(batch)

    await desk.set_account("/v1/me/bank-account", person, "6666666601")

    assert await desk.file(batch) == before


async def test_a_forgotten_persons_account_goes_when_nothing_is_due(desk: Desk) -> None:
    person = desk.person()
    await desk.set_account("/v1/me/bank-account", person, "1234567801")
    await desk.move(person.account_id, 100_000)
    erased = AccountErased(account_id=person.account_id, erased_at=utc_now())

    await check_handler(desk.db, handlers, erased)
    kept = await desk.client.get("/v1/me/bank-account", headers=person.headers)
    batch = await desk.settled(await desk.approve(await desk.draft()))
    async with desk.db.transaction() as conn:
        await erase_bank_accounts(conn, now=utc_now())

    assert kept.status_code == 200
    assert (await desk.client.get("/v1/me/bank-account", headers=person.headers)).status_code == 404
    async with desk.db.reading() as conn:
        assert await conn.fetchval("SELECT count(*) FROM bank_accounts") == 0
        assert await conn.fetchval("SELECT count(*) FROM bank_file_lines") == 0
    path = f"/v1/payouts/{batch['batch']['batch_id']}/bank-file"
    gone = await desk.client.get(path, headers=desk.approver.headers)
    assert (gone.status_code, gone.json()["sha256"]) == (410, batch["batch"]["file_sha256"])
    assert (await desk.set_account("/v1/me/bank-account", person, "1234567801")).status_code == 403
    assert await desk.audit() == {}


async def test_a_shops_account_stays_while_its_parcels_are_on_their_way(desk: Desk) -> None:
    shop_id, owner = await desk.shop()
    await desk.set_account(f"/v1/shops/{shop_id}/bank-account", owner, "1234567801")
    parcel = "INSERT INTO parcels (parcel_id, order_id, shop_id, region_code, goods_minor, shipping_minor, status)"
    await desk.corrupt(parcel + " VALUES ($1, $1, $2, '18.01', 5000, 0, 'shipped')", uuid4(), shop_id)
    erased = AccountErased(account_id=owner.account_id, erased_at=utc_now())

    await desk.hear(erased)
    kept = await desk.client.get(f"/v1/shops/{shop_id}/bank-account", headers=owner.headers)
    await desk.corrupt("UPDATE parcels SET status = 'returned'")
    async with desk.db.transaction() as conn:
        await erase_bank_accounts(conn, now=utc_now())

    assert kept.status_code == 200
    gone = await desk.client.get(f"/v1/shops/{shop_id}/bank-account", headers=owner.headers)
    assert gone.status_code == 404
