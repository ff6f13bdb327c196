"""What orders does when it hears events. Orders are locked, in id order, before any handler of a batch runs.

Topics come in any order among each other. Catalog's facts are version-compared copies, so order does not matter to
them. Stock answers name the attempt that they answer; one that comes early cannot be (the order is committed before it
is published), one that is stale changes nothing.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from services.orders import store
from services.orders.store import accounts, mandates
from services.orders.use_cases.answer_stock import end_refused, go_on_with_reserved
from services.orders.use_cases.follow_mandates import (
    count_repayment,
    end_mandate,
    follow_mandate,
    give_back_instalment,
)
from services.orders.use_cases.forget_person import forget_person
from services.orders.use_cases.hear_cooperative import end_without_savings, take_savings
from services.orders.use_cases.take_over_facts import (
    take_over_prices,
    take_over_products,
    take_over_shops,
    take_over_staff,
    take_over_withdrawals,
)
from shared import ledger
from shared.clock import utc_now
from shared.contracts.catalog import (
    PriceChanged,
    ProductListed,
    ProductRevised,
    ProductWithdrawn,
    ShopOpened,
    ShopStaffChanged,
    StockRefused,
    StockReserved,
)
from shared.contracts.cooperatives import SavingsCharged, SavingsRefused
from shared.contracts.financing import (
    InstalmentRefused,
    RepaymentMandateEnded,
    RepaymentMandateSet,
    RepaymentReceived,
)
from shared.contracts.identity import AccountErased
from shared.db import Connection
from shared.handlers import Handlers, Lock

handlers = Handlers("orders", lock_order=(Lock("orders", store.take_order_locks),))

# A group of its own: what it locks comes in another order than what orders lock.
payout_handlers = Handlers(
    "orders.payouts",
    lock_order=(
        Lock("mandates", mandates.take_mandate_locks),
        Lock("instalments", mandates.take_instalment_locks),
        Lock("accounts", ledger.lock),
    ),
)


Answers = Sequence[StockReserved | StockRefused | SavingsCharged | SavingsRefused]


def order_ids(_: Connection, events: Answers) -> dict[str, Iterable[UUID]]:
    """The orders that an answer is about."""
    return {"orders": {event.order_id for event in events}}


@handlers.on_batch(ShopOpened)
async def know_shops_that_opened(conn: Connection, events: list[ShopOpened]) -> None:
    """A repeat changes nothing."""
    await take_over_shops(conn, events)


@handlers.on_batch(ShopStaffChanged)
async def know_who_works_in_shops(conn: Connection, events: list[ShopStaffChanged]) -> None:
    """Before its shop_opened, a staff list waits in a shop without a region, from which nothing can be bought."""
    await take_over_staff(conn, events)


@handlers.on_batch(ProductListed)
async def know_listed_products(conn: Connection, events: list[ProductListed]) -> None:
    """Before its shop, a product waits: it cannot be bought until the shop is known."""
    await take_over_products(conn, events)


@handlers.on_batch(ProductRevised)
async def know_revised_products(conn: Connection, events: list[ProductRevised]) -> None:
    """An older version than ours changes nothing."""
    await take_over_products(conn, events)


@handlers.on_batch(ProductWithdrawn)
async def stop_selling_withdrawn_products(conn: Connection, events: list[ProductWithdrawn]) -> None:
    """Before its product, a withdrawal waits, and older details do not list it."""
    await take_over_withdrawals(conn, events)


@handlers.on_batch(PriceChanged)
async def know_new_prices(conn: Connection, events: list[PriceChanged]) -> None:
    """Before its product, a price waits, and older details do not undo it."""
    await take_over_prices(conn, events)


@handlers.on_batch(StockReserved, locks=order_ids)
async def go_on_when_stock_is_reserved(conn: Connection, events: list[StockReserved]) -> None:
    """For an order that has ended nothing happens: its order_cancelled tells catalog to release."""
    await go_on_with_reserved(conn, events, now=utc_now())


@handlers.on_batch(StockRefused, locks=order_ids)
async def end_orders_whose_stock_is_refused(conn: Connection, events: list[StockRefused]) -> None:
    """A stale refusal changes nothing."""
    await end_refused(conn, events, now=utc_now())


@handlers.on_batch(SavingsCharged, locks=order_ids)
async def take_savings_that_were_charged(conn: Connection, events: list[SavingsCharged]) -> None:
    """Early it cannot come: it answers our own event. Late it is late money; twice it is one receipt."""
    await take_savings(conn, events, now=utc_now())


@handlers.on_batch(SavingsRefused, locks=order_ids)
async def end_orders_whose_savings_are_refused(conn: Connection, events: list[SavingsRefused]) -> None:
    """For an order that has ended nothing happens."""
    await end_without_savings(conn, events, now=utc_now())


@handlers.on(AccountErased)
async def forget_erased_people(conn: Connection, event: AccountErased) -> None:
    """Also when we never heard of them: they cannot order with a token that is still valid."""
    await forget_person(conn, event.account_id, erased_at=event.erased_at)


def mandate_ids(
    _: Connection, events: Sequence[RepaymentMandateSet | RepaymentMandateEnded]
) -> dict[str, Iterable[UUID]]:
    """The mandates that are set or end."""
    return {"mandates": {event.mandate_id for event in events}}


def accepted_ids(_: Connection, events: Sequence[RepaymentReceived]) -> dict[str, Iterable[UUID]]:
    """The instalments that are accepted."""
    return {"instalments": {event.instalment_id for event in events if event.instalment_id is not None}}


def refused_ids(_: Connection, events: Sequence[InstalmentRefused]) -> dict[str, Iterable[UUID]]:
    """The instalments that are refused, and the accounts between which their money goes back."""
    payees = {accounts.payee(event.payee_id).id for event in events}
    return {
        "instalments": {event.instalment_id for event in events},
        "accounts": {*payees, accounts.financing_clearing().id},
    }


@payout_handlers.on(RepaymentMandateSet, locks=mandate_ids)
async def withhold_by_a_mandate(conn: Connection, event: RepaymentMandateSet) -> None:
    """Also for a payee we know nothing of yet; an older version than ours changes nothing."""
    await follow_mandate(conn, event)


@payout_handlers.on(RepaymentMandateEnded, locks=mandate_ids)
async def withhold_no_more(conn: Connection, event: RepaymentMandateEnded) -> None:
    """Before its mandate, the end waits, and the older plan does not undo it."""
    await end_mandate(conn, event)


@payout_handlers.on(RepaymentReceived, locks=accepted_ids)
async def count_what_was_repaid(conn: Connection, event: RepaymentReceived) -> None:
    """Before its mandate, a repayment made elsewhere is kept. An instalment cannot come before it was withheld."""
    await count_repayment(conn, event)


@payout_handlers.on(InstalmentRefused, locks=refused_ids)
async def give_back_what_does_not_count(conn: Connection, event: InstalmentRefused) -> None:
    """A second refusal of the same instalment changes nothing."""
    await give_back_instalment(conn, event)
