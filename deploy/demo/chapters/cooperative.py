"""A cooperative begins: nine founders, applications, admissions by an officer, savings, a member without e-mail."""

import asyncio
import secrets

from deploy.demo.acts import PASSWORD, on_stage, shops_on_stage
from deploy.demo.world import Club, Person, StoryBroke, World, new_key
from shared import regions
from shared.money import rupiah

FOUNDERS = ("Ketua", "Sekretaris", "Bendahara", "Ratna", "Wayan", "Komang", "Slamet", "Tuti", "Darmo")
APPLICANTS = ("Yuli", "Agus", "Nengah", "Sri", "Parman", "Lastri")
OFFICES = ("ketua", "sekretaris", "bendahara")
MEMBER_SHOPS = 2
# What the articles of this cooperative say; the rest of the story reads it back.
PRINCIPAL_MINOR, MONTHLY_MINOR = 100_000, 20_000
MARKET_LIMIT_MINOR = 100_000_000_000


async def cooperative_is_founded(world: World) -> None:
    """Nine people found a cooperative; each pays the principal savings."""
    first = on_stage(world, 0)
    name = first.rows[0].cooperative_name or "Koperasi Lumbung Bersama"
    founders = [Person(f"{one} Pendiri", f"pendiri-{new_key()[:8]}@contoh.id") for one in FOUNDERS]
    await asyncio.gather(*(world.sign_up_by_email(founder, PASSWORD) for founder in founders))
    club = world.club = Club(name, first.region_code, founders)
    made = await world.call(
        "POST",
        "cooperatives",
        "/v1/cooperatives",
        person=club.chair,
        body={
            "name": name,
            "region_code": club.region_code,
            "principal_savings_minor": PRINCIPAL_MINOR,
            "mandatory_savings_minor": MONTHLY_MINOR,
            "invitation_days": 0,
            "founders": [{"name": one.name, "account_id": one.account_id} for one in founders],
            "officers": [
                {"account_id": one.account_id, "role": role} for one, role in zip(founders, OFFICES, strict=False)
            ],
        },
        key=new_key(),
    )
    club.cooperative_id = made["cooperative_id"]
    for founder, member_id in zip(founders, made["founders"], strict=True):
        club.admitted(founder, member_id)
    world.timeline.say(f"{name} in {regions.full_name_of(club.region_code)} is registered by its chair")
    articles = await world.call("GET", "cooperatives", club.path)
    for founder in founders:
        officer = club.secretary if founder is club.chair else club.chair
        await _pay_principal(world, officer, club.members[founder.contact], articles["principal_savings_minor"])
    await _members_are(world, len(founders), "founders whose principal savings are paid")
    await _admit_to_market(world)


async def _admit_to_market(world: World) -> None:
    """Anybody may found one: an operator says up to what its savings pay at the market. Its officers may not."""
    path, body = f"{world.club.path}/market_limit", {"limit_minor": MARKET_LIMIT_MINOR}
    refusal = await world.call("PUT", "cooperatives", path, person=world.club.chair, body=body, expect=(403,))
    world.timeline.say(f"savings pay at the market when an operator says so; to the chair: {refusal['title']}")
    await world.call("PUT", "cooperatives", path, person=world.operators[1], body=body)
    shown = await world.call("GET", "cooperatives", world.club.path)
    await world.figure(
        "so much may the cooperative owe the market, in rupiah",
        shown["market_limit_minor"],
        "cooperatives",
        "market_limit",
        cooperative_id=world.club.cooperative_id,
    )


async def members_join(world: World) -> None:
    """Sellers, a buyer and others apply; an officer admits them; one has neither account nor e-mail."""
    club = world.club
    home = [shop for shop in shops_on_stage(world) if shop.rows[0].cooperative_name == club.name]
    near = [shop for shop in shops_on_stage(world) if shop.region_code[:2] == club.region_code[:2]]
    chosen = list(dict.fromkeys(id(shop) for shop in [*home, *near, *shops_on_stage(world)]))[:MEMBER_SHOPS]
    for shop in shops_on_stage(world):
        shop.is_of_club = id(shop) in chosen
    sellers = {shop.seller.contact: shop.seller for shop in world.shops if shop.is_of_club}
    buyer = Person("Ibu Sari", f"sari-{new_key()[:8]}@contoh.id")
    others = [Person(f"{name} Anggota", f"anggota-{new_key()[:8]}@contoh.id") for name in APPLICANTS]
    await asyncio.gather(*(world.sign_up_by_email(one, PASSWORD) for one in (buyer, *others)))
    world.buyers = [buyer]
    for person in (*sellers.values(), buyer, *others):
        path = f"{club.path}/applications"
        asked = await world.call("POST", "cooperatives", path, person=person, body={"name": person.name}, key=new_key())
        own = f"{path}/{asked['application_id']}/approve"
        await world.call("POST", "cooperatives", own, person=person, expect=(404,))  # not an officer, so nothing there
        club.admitted(person, await _admit(world, asked["application_id"]))
    elder = Person("Mbah Karto", "tanpa-akun")
    digits = club.region_code.replace(".", "")
    body = {
        "name": elder.name,
        "has_account": False,
        "phone": f"+6281{secrets.randbelow(10**9):09d}",
        "identity_number": f"{digits}01150755{secrets.randbelow(9999) + 1:04d}",
    }
    path = f"{club.path}/applications"
    asked = await world.call("POST", "cooperatives", path, person=club.secretary, body=body, key=new_key())
    club.admitted(elder, await _admit(world, asked["application_id"]))
    world.timeline.say(f"{elder.name} has neither account nor e-mail: the secretary applied, the chair admitted")
    await _members_are(world, len(club.members), "members in the register")
    register = await world.call("GET", "cooperatives", f"{club.path}/register?limit=100", person=club.secretary)
    numbers = [line["register_number"] for line in register["items"]]
    if numbers != list(range(1, len(club.members) + 1)):
        raise StoryBroke(f"the register has gaps: {numbers}")
    world.timeline.say(f"register numbers 1 to {len(numbers)}, without gap; nobody could admit themselves")


async def _admit(world: World, application_id: str) -> str:
    """The chair approves, the secretary takes the principal savings: a member, who is told by an event."""
    club = world.club
    path = f"{club.path}/applications/{application_id}/approve"
    approved = await world.call("POST", "cooperatives", path, person=club.chair)
    articles = await world.call("GET", "cooperatives", club.path)
    await _pay_principal(world, club.secretary, approved["member_id"], articles["principal_savings_minor"])
    return str(approved["member_id"])


async def _pay_principal(world: World, officer: Person, member_id: str, amount_minor: int) -> None:
    paid = await deposit(world, officer, member_id, "principal", amount_minor)
    if paid["register_number"] is None:
        raise StoryBroke(f"{rupiah(amount_minor)} of principal savings made nobody a member")


async def deposit(world: World, officer: Person, member_id: str, kind: str, amount_minor: int) -> dict[str, int]:
    """Cash that an officer takes in."""
    path = f"{world.club.path}/members/{member_id}/deposits"
    body = {"kind": kind, "amount_minor": amount_minor}
    paid: dict[str, int] = await world.call("POST", "cooperatives", path, person=officer, body=body, key=new_key())
    return paid


async def _members_are(world: World, count: int, text: str) -> None:
    club = world.club
    await world.figure(text, count, "cooperatives", "members", cooperative_id=club.cooperative_id)
    principal = (await world.call("GET", "cooperatives", club.path))["principal_savings_minor"] * count
    await world.figure(
        "principal savings in rupiah, as the ledger has them",
        principal,
        "cooperatives",
        "saved",
        cooperative_id=club.cooperative_id,
        code="3101",
    )
