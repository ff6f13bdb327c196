"""The main job, told in order: from a cooperative's founding to the figures of a province.

Each chapter is one function of `deploy/demo/chapters`; `CHAPTERS` is the table of contents. Nothing there has a path of
its own into the services: it uses HTTP and the command line as people do, kills a process as an accident would, and
reads the databases only to check.
"""

from collections.abc import Awaitable, Callable

from deploy.demo.chapters import cooperative, government, lenders, market, money, people, training, year_end
from deploy.demo.world import World

Chapter = tuple[str, Callable[[World], Awaitable[None]]]

CHAPTERS: tuple[Chapter, ...] = (
    ("People who run it", people.people_run_it),
    ("Sellers sign up", people.sellers_sign_up),
    ("A cooperative is founded", cooperative.cooperative_is_founded),
    ("Members are admitted", cooperative.members_join),
    ("Shops open", people.sellers_open_shops),
    ("A seller is trained", training.seller_learns),
    ("Spreadsheets become products", market.sellers_import_products),
    ("A buyer looks for something", market.buyer_finds_products),
    ("One basket over two shops", market.buyer_orders_from_two_shops),
    ("Parcels travel", market.parcels_travel),
    ("A second order is cancelled", market.second_order_is_cancelled),
    ("Money that comes too late", market.payments_come_late),
    ("Sixty buyers, ten units", market.sixty_race_for_ten),
    ("Services die", market.services_are_killed),
    ("Savings pay for an order", money.savings_pay),
    ("A refund before the payout", money.refund_before_payout),
    ("Money goes out", money.payouts_go_out),
    ("A refund after the payout", money.refund_after_payout),
    ("Lenders subscribe", lenders.lenders_subscribe),
    ("A shop applies for a loan", lenders.shop_applies),
    ("Lenders read its profile", lenders.lender_reads_the_profile),
    ("Offers side by side", lenders.offers_side_by_side),
    ("A lender's receiver dies", lenders.receiver_dies),
    ("One trace", lenders.one_trace),
    ("An instalment out of a payout", lenders.instalment_out_of_a_payout),
    ("The consent is revoked", lenders.consent_is_revoked),
    ("Patronage", year_end.patronage_counts),
    ("The cooperative's books", year_end.books_are_kept),
    ("The annual meeting", year_end.members_meet),
    ("The surplus is divided", year_end.surplus_is_divided),
    ("The province looks", government.province_looks),
)


async def play(world: World) -> None:
    """All chapters, in order. Raises StoryBroke."""
    for title, chapter in CHAPTERS:
        world.timeline.chapter(title)
        await chapter(world)
