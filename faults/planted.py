"""The audit: it finds every planted corruption by name, and says zero when nothing is wrong."""

from dataclasses import dataclass

import asyncpg

from bench.stage import say
from deploy.local.stack import SERVICES
from faults.books import Outcome
from faults.catalogue import Run, fault
from faults.copies import Copies, found_in
from faults.story import play_story


@dataclass(frozen=True)
class Planted:
    """A change that nobody may make, and the check that must see it. `first`: what the database itself refuses."""

    name: str
    service: str
    sql: str
    found_by: str
    first: str = "SELECT 1"


CORRUPTIONS = (
    Planted(
        "a lost event",
        "catalog",
        "DELETE FROM inbox WHERE event_id = (SELECT event_id FROM inbox WHERE type = 'orders.order_placed.v1' LIMIT 1)",
        "delivery",
    ),
    Planted(
        "an event that nobody published",
        "financing",
        "UPDATE inbox SET event_id = gen_random_uuid() WHERE event_id = (SELECT event_id FROM inbox LIMIT 1)",
        "delivery",
    ),
    Planted(
        "events out of order",
        "catalog",
        "UPDATE inbox SET recorded_at = recorded_at - interval '1 day' WHERE type = 'orders.order_confirmed.v1'",
        "events_in_order_per_key",
    ),
    Planted(
        "a doubled payout",
        "orders",
        "INSERT INTO payouts SELECT (jsonb_populate_record(p, jsonb_build_object('payout_id', gen_random_uuid()))).*"
        " FROM payouts AS p WHERE p.status = 'paid' LIMIT 1",
        "payouts_are_what_their_payees_lost",
        first="ALTER TABLE payouts DROP CONSTRAINT IF EXISTS payouts_batch_id_payee_id_key",
    ),
    Planted(
        "a payout approved by who made it",
        "orders",
        "UPDATE payout_batches SET approved_by = created_by WHERE approved_by IS NOT NULL",
        "payouts_have_two_people",
        first="ALTER TABLE payout_batches DROP CONSTRAINT payout_batches_need_a_second_person",
    ),
    Planted(
        "an unbalanced entry",
        "orders",
        "UPDATE ledger_entries SET amount_minor = amount_minor + 1"
        " WHERE (transfer_id, leg) = (SELECT transfer_id, leg FROM ledger_entries ORDER BY 1, 2 LIMIT 1)",
        "ledger_transfers_balance",
    ),
    Planted(
        "a balance that nobody posted",
        "cooperatives",
        "UPDATE ledger_accounts SET balance_minor = balance_minor + 1"
        " WHERE id = (SELECT account_id FROM ledger_entries LIMIT 1)",
        "ledger_balances_equal_entries",
    ),
    Planted(
        "an oversold row",
        "catalog",
        "UPDATE stock SET on_hand = -1 WHERE product_id = (SELECT product_id FROM stock LIMIT 1)",
        "stock_within_bounds",
        first="ALTER TABLE stock DROP CONSTRAINT stock_reserved_within_on_hand, DROP CONSTRAINT stock_is_conserved",
    ),
    Planted(
        "an orphan reservation",
        "catalog",
        "INSERT INTO reservation_orders SELECT gen_random_uuid(), 1, 'reserved', '{}', '{}', '{}', now(), now()",
        "reservations_have_a_live_order",
    ),
    Planted(
        "stock reserved for nobody",
        "catalog",
        "UPDATE stock SET reserved = reserved + 1 WHERE product_id = (SELECT product_id FROM stock LIMIT 1)",
        "reserved_is_the_sum_of_reservations",
    ),
    Planted(
        "a stale copy of a price",
        "orders",
        "UPDATE offers SET unit_price_minor = 1"
        " WHERE product_id = (SELECT product_id FROM offers WHERE is_listed LIMIT 1)",
        "products_are_known_to_orders",
    ),
    Planted(
        "a rupiah that vanished from an order",
        "orders",
        "UPDATE orders SET total_minor = total_minor - 1, received_minor = received_minor - 1"
        " WHERE order_id = (SELECT order_id FROM orders WHERE status = 'completed' ORDER BY placed_at DESC LIMIT 1)",
        "orders_have_lines_parcels_and_sums",
    ),
    Planted(
        "a settlement that kept too much",
        "orders",
        "UPDATE settlements SET commission_minor = commission_minor + 1"
        " WHERE parcel_id = (SELECT parcel_id FROM settlements LIMIT 1)",
        "settlements_are_what_was_left",
    ),
    Planted(
        "a refund larger than its parts",
        "orders",
        "UPDATE refund_parts SET amount_minor = amount_minor + 1"
        " WHERE refund_id = (SELECT refund_id FROM refund_parts LIMIT 1)",
        "refunds_are_the_sum_of_their_parts",
    ),
    Planted(
        "an instalment that financing does not know",
        "financing",
        "DELETE FROM instalments WHERE instalment_id = (SELECT instalment_id FROM instalments LIMIT 1)",
        "instalments_are_known_to_financing",
    ),
    Planted(
        "a skipped lender position",
        "financing",
        "DELETE FROM lender_log WHERE (lender_id, position) = (SELECT lender_id, max(position) - 1 FROM lender_log"
        " GROUP BY lender_id HAVING max(position) > 2 LIMIT 1)",
        "lender_logs_have_no_gaps",
    ),
    Planted(
        "a telephone number in a lender's log",
        "financing",
        'UPDATE lender_log SET data = replace(data, \'"currency"\', \'"note": "WA 0812-3456-7890", "currency"\')',
        "lender_logs_hold_no_personal_data",
    ),
    Planted(
        "a lender's log that is no JSON any more",
        "financing",
        "UPDATE lender_log SET data = left(data, 20) WHERE type = 'lending.application_published.v1'",
        "published_applications_reach_their_lenders",
    ),
    Planted(
        "a loan that owes less than its schedule",
        "financing",
        "UPDATE loan_dues SET principal_minor = principal_minor + 1"
        " WHERE (loan_id, number) = (SELECT loan_id, number FROM loan_dues ORDER BY number DESC LIMIT 1)",
        "loans_owe_what_their_dues_say",
    ),
    Planted(
        "a profile read after its consent ended",
        "financing",
        "UPDATE consents SET ended_at = given_at, end_reason = 'revoked'"
        " WHERE consent_id IN (SELECT consent_id FROM consent_reads)",
        "profiles_were_read_under_a_live_consent",
    ),
    Planted(
        "tampered minutes",
        "cooperatives",
        "UPDATE meetings SET minutes = minutes || ' ' WHERE minutes IS NOT NULL",
        "minutes_are_intact",
    ),
    Planted(
        "minutes that are no JSON any more",
        "cooperatives",
        "UPDATE meetings SET minutes = left(minutes, length(minutes) / 2) WHERE minutes IS NOT NULL",
        "minutes_say_what_happened",
    ),
    Planted(
        "minutes without their motions",
        "cooperatives",
        "UPDATE meetings SET minutes = (minutes::jsonb || '{\"motions\": 7}')::text WHERE minutes IS NOT NULL",
        "minutes_say_what_happened",
    ),
    Planted(
        "a vote that was never cast",
        "cooperatives",
        "UPDATE motions SET yes = yes + 1 WHERE is_carried",
        "motions_say_what_was_voted",
    ),
    Planted(
        "patronage of a parcel that was not completed",
        "cooperatives",
        "UPDATE patronage_entries SET completed_minor = completed_minor + 1"
        " WHERE parcel_id = (SELECT parcel_id FROM patronage_entries LIMIT 1)",
        "patronage_is_completed_less_refunded",
    ),
    Planted(
        "a surplus that pays out more than there is",
        "cooperatives",
        "UPDATE surplus_shares SET service_minor = service_minor + 1"
        " WHERE member_id = (SELECT member_id FROM surplus_shares LIMIT 1)",
        "surplus_parts_sum_to_the_pool",
    ),
    Planted(
        "an indicator that was made up",
        "programmes",
        "UPDATE cells SET value = value + 1000000 WHERE (indicator, period, region_code) ="
        " (SELECT indicator, period, region_code FROM cells LIMIT 1)",
        "counters_are_their_contributions",
    ),
    Planted(
        "a certificate that catalog never heard of",
        "programmes",
        "UPDATE certificates SET certificate_id = gen_random_uuid()",
        "certificates_are_known_to_catalog",
    ),
    Planted(
        "a telephone number in an event",
        "catalog",
        'UPDATE outbox SET data = replace(data::text, \'"title":"\', \'"title":"WA 0812-3456-7890 \')::json'
        " WHERE type = 'catalog.product_listed.v1'",
        "events_without_personal_data",
    ),
    Planted(
        "a call that hangs",
        "orders",
        "INSERT INTO calls_out (id, purpose, subject, request, give_up_at, due_at)"
        " VALUES (gen_random_uuid(), 'charge', 'x', '{}', now() - interval '1 hour', now())",
        "calls_out_that_hang",
    ),
)


@fault(
    "audit-finds-what-is-planted",
    "The audit finds each of these corruptions by name, and says zero for the whole played story.",
    spoils=True,
)
async def audit_finds_what_is_planted(run: Run) -> Outcome:
    """Play the demonstration, copy its databases, and spoil one copy after the other."""
    outcome = run.outcome("audit-finds-what-is-planted", f"{len(CORRUPTIONS)} corruptions of the demonstration's data")
    if not run.ground.is_played:
        await play_story(run.ground)
    await plant_all(run, outcome)
    return outcome


async def plant_all(run: Run, outcome: Outcome) -> None:
    """On a stack that the demonstration was played on."""
    await run.ground.stop_services()
    copies = Copies(run.ground)
    await copies.make(*SERVICES)
    clean = found_in(await copies.audit())
    if clean:
        outcome.faults.append(f"the clean copies are not clean: {sorted(clean)}")
    for planted in CORRUPTIONS:
        try:
            done = await copies.corrupt(planted.service, planted.first, planted.sql)
        except asyncpg.PostgresError as error:
            outcome.faults.append(f"{planted.name}: the database refused it: {error}")
            continue
        if done.endswith(" 0"):
            outcome.faults.append(f"{planted.name}: there was nothing to corrupt")
            continue
        found = found_in(await copies.audit()) - clean
        outcome.runs += 1
        say(f"    {planted.name}: {', '.join(sorted(found)) or 'NOT FOUND'}")
        if planted.found_by not in found:
            outcome.faults.append(f"{planted.name} was not found by {planted.found_by}, but by {sorted(found)}")
        await copies.make(planted.service)
    await copies.drop()
    outcome.audit = "clean" if not clean else "not clean"
    outcome.notes.append(f"{outcome.runs} of {len(CORRUPTIONS)} were planted")
