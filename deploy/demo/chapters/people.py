"""Who runs it and who sells: operators by the command line, an officer of the province, sellers by phone."""

import asyncio
import json
from collections import defaultdict

from deploy.demo.acts import PASSWORD, on_stage, shop_ids
from deploy.demo.world import Person, Shop, World, new_key
from shared import regions

OPERATORS = ("Siti Operator", "Budi Operator")


async def people_run_it(world: World) -> None:
    """Two operators are made at the command line, because only an operator can do what operators do."""
    for name in OPERATORS:
        person = Person(name, f"operator-{new_key()[:8]}@contoh.id")
        arguments = ("user", "add", "--email", person.contact, "--name", name, "--password-stdin", "--json")
        made = json.loads(await world.command(*arguments, stdin=PASSWORD + "\n"))
        person.account_id = made["account_id"]
        await world.sign_in_by_password(person, PASSWORD)
        world.operators.append(person)
    await world.figure(
        "operators, made by ./lumbung user add",
        len(world.operators),
        "identity",
        "with_role",
        account_ids=[person.account_id for person in world.operators],
        role="operator",
    )
    province = world.shops[0].region_code[:2]
    officer = Person(f"Dinas {regions.name_of(province)}", f"dinas-{new_key()[:8]}@contoh.id")
    await world.sign_up_by_email(officer, PASSWORD)
    path = f"/v1/accounts/{officer.account_id}/roles/government:{province}"
    await world.call("PUT", "identity", path, person=world.operators[0])
    await world.sign_in_by_password(officer, PASSWORD)
    world.officer = officer
    world.timeline.say(f"an officer of {regions.name_of(province)} has the role government:{province}")


async def sellers_sign_up(world: World) -> None:
    """Sellers sign up by phone with a one-time code."""
    provinces, regencies = len(regions.provinces()), len(regions.regencies())
    world.timeline.say(f"{provinces} provinces and {regencies} regencies are known (Kepmendagri 300.2.2-2138/2025)")
    sellers = {shop.seller.contact: shop.seller for shop in world.shops}
    for shop in world.shops:
        shop.seller = sellers[shop.seller.contact]
    for seller in sellers.values():
        await world.sign_up_by_phone(seller)
    await world.figure(
        "sellers signed up by phone",
        len(sellers),
        "identity",
        "accounts",
        account_ids=[seller.account_id for seller in sellers.values()],
    )


async def sellers_open_shops(world: World) -> None:
    """Each seller opens a shop: members of the cooperative under it, the others by themselves."""
    await asyncio.gather(*(_open(world, shop) for shop in world.shops))
    await world.figure("shops opened", len(world.shops), "catalog", "shops", shop_ids=shop_ids(world))
    per_province: dict[str, int] = defaultdict(int)
    for shop in world.shops:
        per_province[shop.region_code[:2]] += 1
    for code, count in sorted(per_province.items()):
        world.timeline.detail(f"{regions.name_of(code)}: {count} {'shop' if count == 1 else 'shops'}")
    await world.figure(
        f"of them under {world.club.name}",
        sum(shop.is_of_club for shop in world.shops),
        "catalog",
        "shops_of_cooperative",
        shop_ids=shop_ids(world),
        cooperative_id=world.club.cooperative_id,
    )
    packer = Person("Petugas Kemas", f"kemas-{new_key()[:8]}@contoh.id")
    await world.sign_up_by_email(packer, PASSWORD)
    first = on_stage(world, 0)
    await world.call(
        "PUT",
        "catalog",
        f"/v1/shops/{first.shop_id}/staff/{packer.account_id}",
        person=first.seller,
        body={"role": "packer"},
    )
    world.packer = packer
    world.timeline.say(f"{first.name} has a packer: may ship, may not change prices")


async def _open(world: World, shop: Shop) -> None:
    """The shop of an earlier demonstration, unless it belongs to the cooperative of that one."""
    cooperative_id = world.club.cooperative_id if shop.is_of_club else None
    mine = await world.call("GET", "catalog", "/v1/shops/mine", person=shop.seller)
    known = (item for item in mine["items"] if (item["name"], item["cooperative_id"]) == (shop.name, cooperative_id))
    shop.shop_id = next((item["shop_id"] for item in known), "")
    if not shop.shop_id:
        body = {"name": shop.name, "region_code": shop.region_code, "cooperative_id": cooperative_id}
        answer = await world.call("POST", "catalog", "/v1/shops", person=shop.seller, body=body)
        shop.shop_id = answer["shop_id"]
