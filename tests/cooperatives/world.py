"""A cooperative that is some years old: members of 2024, savings and a surplus of 2025, and its officers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.cooperatives import store
from services.cooperatives.domain.chart import CASH, Place
from services.cooperatives.domain.savings import Movement, Reason, SavingsKind
from services.cooperatives.handlers import patronage
from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.base import Event
from shared.contracts.catalog import Payee, ShopOpened
from shared.contracts.orders import ParcelCompleted, ParcelLine, RefundedLine, RefundMade, RefundPart
from shared.db import Connection
from shared.ids import new_id
from shared.ledger import Transfer, credit, debit
from shared.testing.delivery import deliver
from tests.cooperatives.conftest import Office, Person

YEAR = 2025
LONG_AGO = datetime(2024, 1, 15, 3, tzinfo=UTC)
IN_THE_YEAR = datetime(YEAR, 6, 15, 3, tzinfo=UTC)
USUAL = {
    "reserve": 4000,
    "member_capital": 1200,
    "member_service": 2800,
    "management": 500,
    "staff": 500,
    "education": 500,
    "social": 500,
}


@dataclass
class World:
    """A cooperative; the first three members hold its offices, the last one has no account."""

    office: Office
    cooperative_id: UUID
    people: list[Person]
    members: list[UUID]
    shops: dict[int, UUID] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/v1/cooperatives/{self.cooperative_id}"

    @property
    def chair(self) -> Person:
        return self.people[0]

    @property
    def secretary(self) -> Person:
        return self.people[1]

    @property
    def treasurer(self) -> Person:
        return self.people[2]

    async def hear(self, *events: Event) -> None:
        """Patronage hears these events."""
        await deliver(self.office.db, patronage, *events)

    async def shop_of(self, member: int) -> UUID:
        """The shop of a member, which is open already."""
        if member not in self.shops:
            self.shops[member] = uuid4()
            await self.hear(shop_opened(self.shops[member], self.people[member].account_id))
        return self.shops[member]

    async def sold(
        self, member: int, amount_minor: int, *, buyer: UUID | None = None, at: datetime = IN_THE_YEAR
    ) -> ParcelCompleted:
        """A completed parcel of a member's shop."""
        event = completed(self.cooperative_id, await self.shop_of(member), amount_minor, buyer=buyer or uuid4(), at=at)
        await self.hear(event)
        return event

    async def patronage(self, member: int, year: int = YEAR, *, by: Person | None = None) -> dict[str, Any]:
        """What the API says of a member's patronage."""
        path = f"{self.path}/members/{self.members[member]}/patronage?year={year}"
        answer: dict[str, Any] = await self.office.get(path, by or self.chair)
        return answer

    async def book(self, debit_code: str, credit_code: str, amount_minor: int, *, at: datetime = IN_THE_YEAR) -> None:
        """Something in the general ledger."""
        async with self.office.db.transaction() as conn:
            places = [Place(self.cooperative_id, debit_code), Place(self.cooperative_id, credit_code)]
            accounts = await store.accounts(conn, places, on=day_of(at))
            legs = (debit(accounts[places[0]], amount_minor), credit(accounts[places[1]], amount_minor))
            await store.post(conn, Transfer(new_id(), legs, "journal", at), short={})

    async def surplus(self, amount_minor: int, *, at: datetime = IN_THE_YEAR) -> None:
        """Income and expense of the year whose difference this is."""
        await self.book(CASH, "4101", amount_minor + 1_000, at=at)
        await self.book("5102", CASH, 1_000, at=at)

    async def balance(self, code: str, member: int | None = None) -> int:
        """What an account of the cooperative has."""
        member_id = None if member is None else self.members[member]
        async with self.office.db.reading() as conn:
            row = await conn.fetchrow(
                "SELECT a.balance_minor FROM books AS b JOIN ledger_accounts AS a ON a.id = b.ledger_account_id"
                " WHERE b.cooperative_id = $1 AND b.code = $2 AND b.member_id IS NOT DISTINCT FROM $3",
                self.cooperative_id, code, member_id,
            )  # fmt: skip
        return 0 if row is None else int(row["balance_minor"])

    async def meeting(
        self, *, kind: str = "annual", year: int = YEAR, online: bool = False, present: int | None = None
    ) -> str:
        """The path of a meeting that is open, with so many members on its roll (all, unless said)."""
        path = f"{self.path}/meetings/{await self.called(kind=kind, year=year, online=online)}"
        there = [str(member) for member in self.members[: len(self.members) if present is None else present]]
        await self.office.post(f"{path}/roll", self.secretary, {"member_ids": there}, status=200)
        await self.office.post(f"{path}/open", self.chair, status=200)
        return path

    async def called(self, *, kind: str = "annual", year: int = YEAR, online: bool = False) -> str:
        """A meeting that begins now."""
        answer = await self.office.post(
            f"{self.path}/meetings", self.chair, meeting_body(kind, year, online), status=201
        )
        return str(answer.json()["meeting_id"])

    async def moved(self, meeting: str, kind: str = "accounts", allocation: dict[str, int] | None = None) -> str:
        """A motion before a meeting."""
        body: dict[str, Any] = {"kind": kind, "text": "Menerima laporan pengurus"}
        if allocation is not None:
            body["allocation"] = allocation
        answer = await self.office.post(f"{meeting}/motions", self.chair, body, status=201)
        return str(answer.json()["motion_id"])

    async def all_vote(self, meeting: str, motion: str, choice: str = "yes", *, but: int = 0) -> None:
        """Everybody with an account votes, but so many at the end."""
        for person in self.people[: len(self.people) - but]:
            await self.office.post(f"{meeting}/ballots", person, {"motion_id": motion, "choice": choice}, status=201)

    async def close(self, meeting: str) -> dict[str, Any]:
        """Signed by both."""
        await self.office.post(f"{meeting}/close", self.chair, status=200)
        answer: dict[str, Any] = (await self.office.post(f"{meeting}/close", self.secretary, status=200)).json()
        return answer

    async def decide(
        self, kind: str = "surplus", allocation: dict[str, int] | None = None, *, year: int = YEAR
    ) -> None:
        """An annual meeting that carries a motion and is closed."""
        meeting = await self.meeting(year=year)
        motion = await self.moved(meeting, kind, allocation)
        await self.all_vote(meeting, motion)
        await self.close(meeting)


def meeting_body(kind: str = "annual", year: int = YEAR, online: bool = False) -> dict[str, Any]:
    """What an officer sends to call a meeting that begins now."""
    now = utc_now()
    return {
        "kind": kind,
        "year": year,
        "held_at": (now - timedelta(minutes=1)).isoformat(),
        "invited_on": (now - timedelta(days=20)).date().isoformat(),
        "is_online": online,
        "agenda": ["Laporan pengurus", "Pembagian SHU"],
    }


async def make_world(office: Office, *, members: int = 10, savings: tuple[int, ...] = (), **settings: Any) -> World:
    """Members of 2024 who saved 100,000 each, unless said; `settings` are of the articles."""
    people = [office.person() for _ in range(members - 1)]
    body = {
        "name": f"Koperasi Uji {uuid4().hex[:8]}",
        "region_code": "18.01",
        "principal_savings_minor": 50_000,
        "founders": [
            {"name": f"Anggota {n}", "account_id": str(person.account_id)} for n, person in enumerate(people)
        ] + [{"name": "Tanpa Akun"}],
        "officers": [
            {"account_id": str(person.account_id), "role": role}
            for person, role in zip(people, ("ketua", "sekretaris", "bendahara"), strict=False)
        ],
    }  # fmt: skip
    made = (await office.post("/v1/cooperatives", people[0], body, status=201)).json()
    world = World(office, UUID(made["cooperative_id"]), people, [UUID(member) for member in made["founders"]])
    async with office.db.transaction() as conn:
        await _admit(conn, world)
        await _save(conn, world, savings or (100_000,) * members)
        for name, value in settings.items():
            await conn.execute(
                f"UPDATE cooperatives SET {name} = $2 WHERE cooperative_id = $1",  # noqa: S608  a name of ours
                world.cooperative_id,
                value,
            )
    return world


async def _admit(conn: Connection, world: World) -> None:
    for number, member_id in enumerate(world.members, start=1):
        await conn.execute(
            "UPDATE members SET state = 'active', register_number = $2, admitted_at = $3 WHERE member_id = $1",
            member_id, number, LONG_AGO,
        )  # fmt: skip
        await conn.execute(
            "INSERT INTO register_entries (cooperative_id, position, member_id, change, entered_by, entered_at)"
            " VALUES ($1, $2, $3, 'admitted', $4, $5)",
            world.cooperative_id, number, member_id, world.chair.account_id, LONG_AGO,
        )  # fmt: skip
    await conn.execute(
        "UPDATE cooperatives SET admitted = $2, register_position = $2 WHERE cooperative_id = $1",
        world.cooperative_id, len(world.members),
    )  # fmt: skip


async def _save(conn: Connection, world: World, amounts: tuple[int, ...]) -> None:
    """Principal savings first, the rest mandatory; booked as deposits are."""
    cash = Place(world.cooperative_id, CASH)
    on = day_of(utc_now())
    for member_id, amount in zip(world.members, amounts, strict=True):
        parts = {SavingsKind.PRINCIPAL: min(amount, 50_000), SavingsKind.MANDATORY: max(amount - 50_000, 0)}
        for kind, part in parts.items():
            if part:
                place = Place(world.cooperative_id, kind.code, member_id)
                accounts = await store.accounts(conn, [cash, place], on=on)
                moved = Movement(new_id(), member_id, world.cooperative_id, kind, accounts[place], part)
                legs = (debit(accounts[cash], part), credit(accounts[place], part))
                transfer = Transfer(moved.movement_id, legs, "savings_deposit", LONG_AGO)
                await store.post(conn, transfer, short={})
                await store.insert_movements(conn, [moved], Reason.DEPOSIT, by=world.chair.account_id, at=LONG_AGO)


def shop_opened(shop_id: UUID, owner_id: UUID) -> ShopOpened:
    """A shop of somebody."""
    return ShopOpened(shop_id=shop_id, owner_id=owner_id, region_code="18.01", sequence=1, opened_at=LONG_AGO)


def completed(
    cooperative_id: UUID | None,
    shop_id: UUID,
    amount_minor: int,
    *,
    buyer: UUID,
    at: datetime = IN_THE_YEAR,
    payees: tuple[tuple[UUID, int], ...] = (),
) -> ParcelCompleted:
    """A completed parcel of one product."""
    shares = payees or ((shop_id, 10_000),)
    line = ParcelLine(
        product_id=uuid4(),
        quantity=1,
        amount_minor=amount_minor,
        payees=tuple(Payee(party_id=party, share_basis_points=share) for party, share in shares),
    )
    return ParcelCompleted(
        order_id=uuid4(),
        parcel_id=uuid4(),
        shop_id=shop_id,
        buyer_id=buyer,
        cooperative_id=cooperative_id,
        lines=(line,),
        goods_minor=amount_minor,
        shipping_minor=9_000,
        currency="IDR",
        region_code="18.01",
        completed_by="buyer",
        completed_at=at,
    )


def refunded(parcel: ParcelCompleted, amount_minor: int, *, by_line: bool = True) -> RefundMade:
    """A refund of goods of a parcel."""
    line = RefundedLine(product_id=parcel.lines[0].product_id, quantity=0, amount_minor=amount_minor)
    part = RefundPart(
        parcel_id=parcel.parcel_id,
        shop_id=parcel.shop_id,
        cooperative_id=parcel.cooperative_id,
        goods_minor=amount_minor,
        shipping_minor=0,
        lines=(line,) if by_line else (),
    )
    return RefundMade(
        order_id=parcel.order_id,
        refund_id=uuid4(),
        buyer_id=parcel.buyer_id,
        parcel_id=parcel.parcel_id,
        shop_id=parcel.shop_id,
        payment_method="qris",
        amount_minor=amount_minor,
        currency="IDR",
        reason="damaged",
        parts=(part,),
        refunded_at=parcel.completed_at + timedelta(days=1),
    )
