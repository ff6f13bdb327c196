"""What financing does when it hears events. Locks, once per batch: loans, then ledger accounts.

Topics come in any order among each other; what happens to a fact that comes early is said at each handler.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from services.financing.store import loans
from services.financing.use_cases import take_over_facts
from services.financing.use_cases.count_instalments import (
    UnknownInstalment,
    count_instalments,
    pass_on_instalments,
)
from services.financing.use_cases.forget_person import forget_person
from shared.clock import utc_now
from shared.contracts.catalog import ProductListed, ShopOpened, ShopStaffChanged
from shared.contracts.cooperatives import MemberAdmitted, MemberResigned
from shared.contracts.identity import AccountErased
from shared.contracts.orders import ParcelCompleted, RefundMade
from shared.contracts.payouts import InstalmentPassedOn, InstalmentWithheld, PayoutPaid, PayoutReturned
from shared.contracts.programmes import CertificateIssued, CertificateRevoked
from shared.db import Connection
from shared.handlers import Handlers, Lock, Reject

handlers = Handlers(
    "financing", breath_seconds=0.2, lock_order=(Lock("loans", loans.take_locks), Lock("accounts", loans.lock_accounts))
)


async def loans_of_instalments(
    conn: Connection, events: Sequence[InstalmentWithheld | InstalmentPassedOn]
) -> dict[str, Iterable[UUID]]:
    """The loans, and the accounts between which their money moves."""
    loan_ids = {event.loan_id for event in events}
    return {
        "loans": loan_ids,
        "accounts": await loans.accounts_of(conn, loan_ids),
    }


@handlers.on_batch(ShopOpened)
async def know_shops_that_opened(conn: Connection, events: list[ShopOpened]) -> None:
    """A repeat changes nothing."""
    await take_over_facts.take_over_shops(conn, events)


@handlers.on_batch(ShopStaffChanged)
async def know_who_owns_shops(conn: Connection, events: list[ShopStaffChanged]) -> None:
    """Before its shop_opened, an owner waits in a shop without a region, which cannot apply for anything."""
    await take_over_facts.take_over_owners(conn, events)


@handlers.on_batch(ProductListed)
async def know_what_shops_sell(conn: Connection, events: list[ProductListed]) -> None:
    """The categories of a shop say its sector. Before its shop, a category waits."""
    await take_over_facts.take_over_categories(conn, events)


@handlers.on_batch(ParcelCompleted)
async def count_completed_sales(conn: Connection, events: list[ParcelCompleted]) -> None:
    """Counts for the shop's profile; lenders that may know are told. After its refund it takes over the row of that."""
    await take_over_facts.take_over_sales(conn, events, now=utc_now())


@handlers.on_batch(RefundMade)
async def count_refunds_of_sales(conn: Connection, events: list[RefundMade]) -> None:
    """Makes the sale's month smaller. Before the completion it waits in a row that does not count yet."""
    await take_over_facts.take_over_refunds(conn, events)


@handlers.on_batch(PayoutPaid)
async def know_payouts_that_arrived(conn: Connection, events: list[PayoutPaid]) -> None:
    """Payouts to members of joint listings are kept too: their ids name no shop, so nobody is told."""
    await take_over_facts.take_over_payouts(conn, events, now=utc_now())


@handlers.on_batch(PayoutReturned)
async def know_payouts_that_came_back(conn: Connection, events: list[PayoutReturned]) -> None:
    """The later word on a payout holds, whichever comes first."""
    await take_over_facts.take_over_payouts(conn, events, now=utc_now())


@handlers.on_batch(InstalmentWithheld, locks=loans_of_instalments)
async def count_instalments_that_were_withheld(conn: Connection, events: list[InstalmentWithheld]) -> None:
    """Counts for the oldest dues; what the loan does not need, or names no loan of ours, is refused and goes back."""
    await count_instalments(conn, events, now=utc_now())


@handlers.on_batch(InstalmentPassedOn, locks=loans_of_instalments)
async def close_instalments_that_were_passed_on(conn: Connection, events: list[InstalmentPassedOn]) -> None:
    """What orders had is with the lender. It follows our own acceptance; anything else is a dead letter."""
    try:
        await pass_on_instalments(conn, events)
    except UnknownInstalment as error:
        raise Reject(str(error)) from error


@handlers.on_batch(MemberAdmitted)
async def know_members(conn: Connection, events: list[MemberAdmitted]) -> None:
    """Members without an account apply for nothing; forgotten people are left out."""
    await take_over_facts.take_over_members(conn, events)


@handlers.on_batch(MemberResigned)
async def know_who_left(conn: Connection, events: list[MemberResigned]) -> None:
    """Of a membership that we do not keep, nothing happens."""
    await take_over_facts.end_memberships(conn, events)


@handlers.on_batch(CertificateIssued)
async def know_certificates(conn: Connection, events: list[CertificateIssued]) -> None:
    """Forgotten people are left out."""
    await take_over_facts.take_over_certificates(conn, events, now=utc_now())


@handlers.on_batch(CertificateRevoked)
async def know_revoked_certificates(conn: Connection, events: list[CertificateRevoked]) -> None:
    """Of a certificate that we do not keep, nothing happens."""
    await take_over_facts.revoke_certificates(conn, events, now=utc_now())


@handlers.on(AccountErased)
async def forget_erased_people(conn: Connection, event: AccountErased) -> None:
    """Consents end, profiles go. Also when we never heard of them: late facts of them are not taken over."""
    await forget_person(conn, event.account_id, erased_at=event.erased_at, now=utc_now())
