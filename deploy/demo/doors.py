"""What is open when the story is over: addresses, and who of its people may look where."""

from collections.abc import Callable

from deploy.demo.acts import PASSWORD
from deploy.demo.chapters.lenders import lending
from deploy.demo.chapters.money import member_shop
from deploy.demo.world import World, save

APIS = ("identity", "catalog", "orders", "cooperatives", "financing", "programmes")


def show(world: World, say: Callable[[str], None]) -> None:
    """Print the addresses; what opens them is in a file that only its owner reads."""
    shop, club, bank = member_shop(world, 0), world.club, lending(world).lenders[0]
    front = world.stack.url("storefront")
    for address, purpose in (
        (front, "the shop: sign up with any phone number, the code comes to the notice sandbox"),
        (f"{front}/penjual/{shop.shop_id}/uang", f"{shop.seller.name}'s money, line by line (sign in by phone)"),
        (f"{front}/koperasi/{club.cooperative_id}/kantor", f"office of {club.name} (sign in as its chair)"),
        (f"{front}/mitra", f"lender desk of {bank.name} (sign in with its client)"),
        (f"{front}/indikator?wilayah={club.region_code[:2]}", "what the province sees; /indikator.csv is the table"),
        (world.stack.url("notices"), "the notice sandbox: SMS, WhatsApp and e-mail that would have been sent"),
        (world.stack.url("payments"), "the payment sandbox: pay a QRIS code here"),
        (world.stack.url("bank") + "/sandbox/files", "the bank sandbox: payout files that were handed in"),
    ):
        say(f"  {address}\n      {purpose}")
    say(f"  APIs, each with /docs: {', '.join(f'{name} {world.stack.url(name)}' for name in APIS)}")
    people = [("operator", one) for one in world.operators] + [
        ("chair", club.chair),
        ("secretary", club.secretary),
        ("treasurer", club.treasurer),
        ("member and buyer", world.buyers[0]),
        ("officer of the province", world.officer),
    ]
    lines = [f"{what:<24} {one.contact}  {PASSWORD}" for what, one in people]
    lines.append(f"{'seller':<24} {shop.seller.contact}  by one-time code")
    for lender in lending(world).lenders:
        lines.append(f"{'lender ' + lender.name:<40} {lender.client.contact}  {lender.given['client_secret']}")
    path = save(world.stack.home / "demo", "who.txt", "\n".join(lines) + "\n")
    path.chmod(0o600)
    say(f"  Who may sign in, and how: {path}")
    say("  ./lumbung status, ./lumbung audit, ./lumbung lender health, make down")
