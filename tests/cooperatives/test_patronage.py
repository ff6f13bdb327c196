"""Patronage: what members' dealings count, in any order of events, once, and for whom."""

from datetime import UTC, datetime
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.cooperatives.domain.patronage import Parcel, Refund, Role, SoldLine, entries_of
from services.cooperatives.handlers import patronage
from shared.testing.delivery import check_handler
from tests.cooperatives.conftest import Office
from tests.cooperatives.world import IN_THE_YEAR, completed, make_world, refunded, shop_opened

shares = st.lists(st.integers(1, 9_999), min_size=0, max_size=4, unique=True).map(
    lambda cuts: [high - low for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), 10_000], strict=True)]
)
lines = st.lists(st.tuples(st.integers(0, 10**12), shares), min_size=1, max_size=4)


@given(lines, st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**12), st.integers(0, 10**6)), max_size=5))
def test_no_entry_leaves_its_bounds_and_nothing_is_lost(
    sold: list[tuple[int, list[int]]], back: list[tuple[int, int, int]]
) -> None:
    parcel = Parcel(
        uuid4(),
        uuid4(),
        sum(amount for amount, _ in sold),
        tuple(SoldLine(uuid4(), amount, tuple((uuid4(), share) for share in parts)) for amount, parts in sold),
    )
    refunds = []
    for index, amount, rest in back:
        named = ((parcel.lines[index % len(parcel.lines)].product_id, amount),) if index else ()
        refunds.append(Refund((amount if index else 0) + rest, named))

    buyer, *sellers = entries_of(parcel, refunds)

    assert buyer.role is Role.BUYER and buyer.completed_minor == parcel.goods_minor
    assert sum(entry.completed_minor for entry in sellers) == parcel.goods_minor
    assert all(0 <= entry.refunded_minor <= entry.completed_minor for entry in [buyer, *sellers])
    assert sum(entry.refunded_minor for entry in sellers) == buyer.refunded_minor


def test_a_refund_of_one_product_is_taken_from_who_shares_in_it() -> None:
    ani, budi, joint, own = uuid4(), uuid4(), uuid4(), uuid4()
    parcel = Parcel(
        uuid4(),
        uuid4(),
        1_101,
        (SoldLine(joint, 101, ((ani, 5_000), (budi, 5_000))), SoldLine(own, 1_000, ((budi, 10_000),))),
    )

    entries = {entry.party_id: entry for entry in entries_of(parcel, [Refund(101, ((joint, 101),))])}

    assert (entries[ani].completed_minor, entries[ani].refunded_minor) == (51, 51)
    assert (entries[budi].completed_minor, entries[budi].refunded_minor) == (1_050, 50)


async def test_a_sale_counts_for_the_owner_of_the_shop_and_for_a_buyer_who_is_a_member(office: Office) -> None:
    world = await make_world(office)
    parcel = completed(world.cooperative_id, await world.shop_of(3), 120_000, buyer=world.people[4].account_id)

    await check_handler(office.db, patronage, parcel)

    seller, buyer = await world.patronage(3), await world.patronage(4)
    assert [(r["role"], r["parcels"], r["net_minor"]) for r in seller["roles"]] == [("seller", 1, 120_000)]
    assert [(r["role"], r["parcels"], r["net_minor"]) for r in buyer["roles"]] == [("buyer", 1, 120_000)]
    assert [item["parcel_id"] for item in seller["items"]] == [str(parcel.parcel_id)]
    assert (await world.patronage(5))["net_minor"] == 0


async def test_a_refund_takes_off_what_it_gave_back_and_never_more(office: Office) -> None:
    world = await make_world(office)
    parcel = await world.sold(3, 100_000)

    await check_handler(office.db, patronage, refunded(parcel, 30_000))
    assert (await world.patronage(3))["net_minor"] == 70_000
    await world.hear(refunded(parcel, 90_000, by_line=False))

    last = await world.patronage(3)
    assert (last["completed_minor"], last["refunded_minor"], last["net_minor"]) == (100_000, 100_000, 0)


async def test_a_refund_before_the_completion_is_taken_off_later_and_without_one_counts_nothing(office: Office) -> None:
    world = await make_world(office)
    parcel = completed(world.cooperative_id, await world.shop_of(3), 100_000, buyer=uuid4())

    await check_handler(office.db, patronage, refunded(parcel, 40_000))
    assert (await world.patronage(3))["roles"] == []
    await world.hear(parcel)

    assert (await world.patronage(3))["net_minor"] == 60_000


async def test_a_shop_that_is_known_late_counts_all_the_same(office: Office) -> None:
    world = await make_world(office)
    shop_id = uuid4()
    await world.hear(completed(world.cooperative_id, shop_id, 50_000, buyer=uuid4()))
    assert (await world.patronage(6))["net_minor"] == 0

    await check_handler(office.db, patronage, shop_opened(shop_id, world.people[6].account_id))

    assert (await world.patronage(6))["net_minor"] == 50_000


async def test_a_joint_listing_counts_for_its_payees_by_their_shares(office: Office) -> None:
    world = await make_world(office)
    without_account = len(world.members) - 1
    payees = ((world.members[without_account], 6_000), (world.people[5].account_id, 4_000))
    await world.hear(completed(world.cooperative_id, uuid4(), 99_999, buyer=uuid4(), payees=payees))

    assert (await world.patronage(without_account))["net_minor"] == 59_999
    assert (await world.patronage(5))["net_minor"] == 40_000


async def test_who_was_no_member_yet_and_other_cooperatives_get_nothing(office: Office) -> None:
    world, other = await make_world(office), await make_world(office)
    shop_id = await world.shop_of(3)
    await world.hear(
        completed(world.cooperative_id, shop_id, 10_000, buyer=uuid4(), at=datetime(2024, 1, 15, 2, tzinfo=UTC)),
        completed(other.cooperative_id, shop_id, 20_000, buyer=uuid4()),
        completed(None, shop_id, 40_000, buyer=uuid4()),
    )

    assert (await world.patronage(3))["net_minor"] == 0
    assert (await world.patronage(3, 2024))["net_minor"] == 0


async def test_a_parcel_belongs_to_the_book_year_of_its_day_in_western_indonesia(office: Office) -> None:
    world = await make_world(office)
    await world.sold(3, 1_000, at=datetime(2025, 12, 31, 16, 59, 59, tzinfo=UTC))
    await world.sold(3, 20_000, at=datetime(2025, 12, 31, 17, tzinfo=UTC))

    assert (await world.patronage(3, 2025))["net_minor"] == 1_000
    assert (await world.patronage(3, 2026))["net_minor"] == 20_000


async def test_a_book_year_that_ends_in_june(office: Office) -> None:
    world = await make_world(office, book_year_end_month=6)
    await world.sold(3, 1_000, at=datetime(2025, 6, 30, 12, tzinfo=UTC))
    await world.sold(3, 20_000, at=datetime(2025, 7, 1, 12, tzinfo=UTC))

    answer = await world.patronage(3, 2025)
    assert (answer["first_day"], answer["last_day"], answer["net_minor"]) == ("2024-07-01", "2025-06-30", 1_000)


async def test_who_left_keeps_what_was_sold_before(office: Office) -> None:
    world = await make_world(office)
    await world.sold(3, 1_000)
    async with office.db.transaction() as conn:
        await conn.execute(
            "UPDATE members SET state = 'ended', ended_at = $2, end_reason = 'resigned' WHERE member_id = $1",
            world.members[3],
            IN_THE_YEAR.replace(day=20),
        )
    await world.sold(3, 20_000, at=IN_THE_YEAR.replace(day=25))

    assert (await world.patronage(3))["net_minor"] == 1_000
    async with office.db.transaction() as conn:  # the audit of this database sees nobody who left with their savings
        await conn.execute(
            "UPDATE members SET state = 'active', ended_at = NULL, end_reason = NULL WHERE member_id = $1",
            world.members[3],
        )


async def test_parcels_come_in_pages(office: Office) -> None:
    world = await make_world(office)
    for amount in (1, 2, 4, 8, 16):
        await world.sold(3, amount)
    path = f"{world.path}/members/{world.members[3]}/patronage?year=2025&limit=2"

    seen: list[int] = []
    cursor = ""
    while True:
        page = await office.get(path + cursor, world.people[3])
        seen += [item["completed_minor"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert sorted(seen) == [1, 2, 4, 8, 16]


async def test_nobody_else_reads_a_members_patronage(office: Office) -> None:
    world, other = await make_world(office), await make_world(office)
    path = f"{world.path}/members/{world.members[3]}/patronage?year=2025"

    assert (await office.get(path, world.people[3]))["member_id"] == str(world.members[3])
    for stranger in (world.people[4], other.chair, office.person()):
        await office.get(path, stranger, status=404)
    await office.get(f"{other.path}/members/{world.members[3]}/patronage?year=2025", other.chair, status=404)
