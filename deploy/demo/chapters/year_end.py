"""The year ends: patronage, the cooperative's books, an annual meeting, and a surplus divided to the rupiah."""

import hashlib
from datetime import timedelta
from typing import Any

from deploy.demo.chapters.money import member_shop
from deploy.demo.world import Person, StoryBroke, World, new_key, save
from shared.calendar import day_of
from shared.clock import utc_now
from shared.money import rupiah

# What this cooperative earns on what its members sell and buy through it, and spends of that; basis points.
SERVICE_FEE, COSTS = 1_500, 3_500
ALLOCATION = {
    "reserve": 4_000,
    "member_capital": 1_200,
    "member_service": 2_800,
    "management": 500,
    "staff": 500,
    "education": 500,
    "social": 500,
}
MEMBERS_SHOWN = 5


async def patronage_counts(world: World) -> None:
    """What members sold and bought through the cooperative, from completed parcels less refunds."""
    club, buyer = world.club, world.buyers[0]
    for number in range(2):
        shop = member_shop(world, number)
        counted = await _patronage(world, shop.seller)
        sold = next(role["net_minor"] for role in counted["roles"] if role["role"] == "seller")
        await world.figure(
            f"patronage of {shop.seller.name} as seller, in rupiah",
            sold,
            "orders",
            "turnover_by_lines",
            shop_id=shop.shop_id,
        )
    counted = await _patronage(world, buyer)
    bought = next(role["net_minor"] for role in counted["roles"] if role["role"] == "buyer")
    await world.figure(
        f"patronage of {buyer.name} as buyer, in rupiah",
        bought,
        "orders",
        "bought_in",
        buyer_id=buyer.account_id,
        cooperative_id=club.cooperative_id,
    )


async def _patronage(world: World, person: Person) -> Any:
    path = f"{world.club.path}/members/{world.club.members[person.contact]}/patronage?year={_year()}"
    return await world.call("GET", "cooperatives", path, person=person)


async def books_are_kept(world: World) -> None:
    """The treasurer writes what was earned and spent, the chair approves; both columns have one sum."""
    club = world.club
    dealings = await world.look("cooperatives", "patronage", cooperative_id=club.cooperative_id)
    earned = max(1, dealings * SERVICE_FEE // 10_000)
    spent = max(1, earned * COSTS // 10_000)
    for text, amount, account, side in (
        ("Jasa usaha dari anggota", earned, "4101", "credit"),
        ("Biaya rapat dan kantor", spent, "5103", "debit"),
    ):
        cash = "debit" if side == "credit" else "credit"
        lines = [
            {"code": "1101", "side": cash, "amount_minor": amount},
            {"code": account, "side": side, "amount_minor": amount},
        ]
        body = {"description": text, "lines": lines}
        path = f"{club.path}/journals"
        made = await world.call("POST", "cooperatives", path, person=club.treasurer, body=body, key=new_key())
        approve = f"{path}/{made['journal_id']}/approve"
        await world.call("POST", "cooperatives", approve, person=club.treasurer, expect=(403, 409))
        await world.call("POST", "cooperatives", approve, person=club.chair)
        world.timeline.say(f"journal: {text}, {rupiah(amount)}; approved by the chair, refused to its writer")
    balance = await world.call("GET", "cooperatives", f"{club.path}/ledger/trial-balance", person=club.treasurer)
    if balance["debit_minor"] != balance["credit_minor"]:
        raise StoryBroke(f"the trial balance has {balance['debit_minor']} and {balance['credit_minor']}")
    await world.figure(
        "each column of the trial balance in rupiah",
        balance["debit_minor"],
        "cooperatives",
        "trial_column",
        cooperative_id=club.cooperative_id,
    )


async def members_meet(world: World) -> None:
    """The annual meeting (RAT): roll, quorum, a motion on the surplus, ballots, minutes signed by two."""
    club = world.club
    called = {
        "kind": "annual",
        "year": _year(),
        "held_at": (utc_now() - timedelta(seconds=1)).isoformat(),
        "invited_on": (day_of(utc_now()) - timedelta(days=14)).isoformat(),
        "is_online": True,
        "agenda": ["Laporan pengurus", "Pembagian SHU"],
    }
    path = f"{club.path}/meetings"
    meeting = await world.call("POST", "cooperatives", path, person=club.chair, body=called, key=new_key())
    path = f"{path}/{meeting['meeting_id']}"
    too_few = await world.call("POST", "cooperatives", f"{path}/open", person=club.chair, expect=(409,))
    world.timeline.say(f"opening it with nobody on the roll is refused: {too_few['title']}")
    present = [*club.founders, world.buyers[0], *(member_shop(world, number).seller for number in range(2))]
    for person in present:
        await world.call("POST", "cooperatives", f"{path}/roll", person=person, body={})
    elder = club.members["tanpa-akun"]
    roll = await world.call("POST", "cooperatives", f"{path}/roll", person=club.secretary, body={"member_ids": [elder]})
    opened = await world.call("POST", "cooperatives", f"{path}/open", person=club.chair)
    quorum = opened["quorum"]
    await world.figure("on the roll", roll["present"], "cooperatives", "roll", meeting_id=meeting["meeting_id"])
    world.timeline.detail(f"quorum: {quorum['needed']} of {quorum['members']} members, {roll['present']} are there")
    motion = {"kind": "surplus", "text": "Pembagian SHU tahun buku ini", "allocation": ALLOCATION}
    moved = await world.call("POST", "cooperatives", f"{path}/motions", person=club.chair, body=motion, key=new_key())
    ballots = f"{path}/ballots"
    for number, person in enumerate(present):
        choice = {3: "no", 4: "abstain"}.get(number, "yes")
        ballot = {"motion_id": moved["motion_id"], "choice": choice}
        await world.call("POST", "cooperatives", ballots, person=person, body=ballot)
    again = await world.call("POST", "cooperatives", ballots, person=present[0], body=ballot, expect=(409,))
    ballot = {"motion_id": moved["motion_id"], "choice": "yes", "member_id": elder}
    await world.call("POST", "cooperatives", ballots, person=club.secretary, body=ballot)
    world.timeline.say(f"a second vote is refused: {again['title']}")
    await world.call("POST", "cooperatives", f"{path}/close", person=club.chair)
    minutes = await world.call("GET", "cooperatives", f"{path}/minutes", person=club.secretary)
    sha256 = hashlib.sha256(minutes["text"].encode()).hexdigest()
    if sha256 != minutes["minutes_sha256"]:
        raise StoryBroke(f"the minutes have the hash {sha256}, not {minutes['minutes_sha256']}")
    closed = await world.call(
        "POST", "cooperatives", f"{path}/close", person=club.secretary, body={"minutes_sha256": sha256}
    )
    (decided,) = closed["motions"]
    if closed["state"] != "closed" or not decided["is_carried"]:
        raise StoryBroke(f"the meeting ended as {closed}")
    votes = [decided["yes"], decided["no"], decided["abstain"]]
    await world.same(
        f"carried with {votes[0]} yes, {votes[1]} no, {votes[2]} abstained; signed by chair and secretary",
        [tuple(votes)],
        "cooperatives",
        "votes",
        motion_id=moved["motion_id"],
    )
    page: bytes = await world.call("GET", "cooperatives", f"{path}/minutes?format=html", person=club.secretary)
    world.timeline.detail(f"the minutes: {save(world.stack.home / 'demo', 'minutes.html', page)}")


async def surplus_is_divided(world: World) -> None:
    """What the dry run says is what is distributed, to the rupiah and to each member."""
    club = world.club
    path = f"{club.path}/years/{_year()}/surplus"
    body = {"allocation": ALLOCATION}
    dry = await world.call("POST", "cooperatives", f"{path}?dry_run=true&limit=100", person=club.treasurer, body=body)
    await world.call("POST", "cooperatives", path, person=club.treasurer, body=body, key=new_key())
    done = await world.call("GET", "cooperatives", f"{path}?limit=100", person=club.treasurer)
    for name in ("surplus_minor", "members_minor", "funds", "items", "residue_minor"):
        if dry[name] != done[name]:
            raise StoryBroke(f"{name}: the dry run said {dry[name]}, distributed is {done[name]}")
    whole = sum(fund["amount_minor"] for fund in done["funds"]) + sum(item["total_minor"] for item in done["items"])
    await world.figure(
        "surplus divided in rupiah, the dry run's to the rupiah",
        whole,
        "cooperatives",
        "surplus",
        cooperative_id=club.cooperative_id,
        year=_year(),
    )
    await world.same(
        "what each member gets for savings and for dealings",
        sorted((item["member_id"], item["capital_minor"], item["service_minor"]) for item in done["items"]),
        "cooperatives",
        "shares",
        cooperative_id=club.cooperative_id,
        year=_year(),
    )
    for item in sorted(done["items"], key=lambda item: -item["total_minor"])[:MEMBERS_SHOWN]:
        world.timeline.detail(
            f"{club.names[item['member_id']]:<28} {rupiah(item['capital_minor']):>10} for savings"
            f" + {rupiah(item['service_minor']):>10} for dealings of {rupiah(item['dealings_minor'])}"
        )
    for fund in done["funds"]:
        world.timeline.detail(f"{fund['name']:<28} {rupiah(fund['amount_minor']):>10}")


def _year() -> int:
    return day_of(utc_now()).year
