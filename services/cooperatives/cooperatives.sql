-- Every query of registry, members, savings and books. Rows are locked in one order: cooperative, officer, members by id,
-- then applications, withdrawals, journals and charges, then ledger accounts by id.

-- name: insert_cooperative
-- With its first amount of dues, so that a cooperative without any cannot be.
WITH made AS (
    INSERT INTO cooperatives (cooperative_id, name, kind, region_code, legal_number, national_number,
                              book_year_end_month, principal_savings_minor, withdrawal_limit_minor, quorum_numerator,
                              quorum_denominator, quorum_is_more_than, invitation_days, capital_base, registered_by,
                              registered_at)
    VALUES (:cooperative_id, :name, :kind::cooperative_kind, :region_code, :legal_number, :national_number,
            :book_year_end_month, :principal_savings_minor, :withdrawal_limit_minor, :quorum_numerator,
            :quorum_denominator, :quorum_is_more_than, :invitation_days, :capital_base::capital_base, :registered_by,
            :registered_at)
    RETURNING cooperative_id
)
INSERT INTO dues (cooperative_id, from_month, monthly_minor)
SELECT cooperative_id, :from_month::date, :mandatory_savings_minor FROM made;

-- name: insert_officers
-- All offices of a new cooperative, or one that is given later.
INSERT INTO officers (officer_id, cooperative_id, account_id, role, appointed_by, appointed_at)
SELECT o.officer_id, :cooperative_id, o.account_id, o.role::officer_role, :appointed_by, :appointed_at
  FROM unnest(:officer_ids::uuid[], :account_ids::uuid[], :roles::text[]) AS o (officer_id, account_id, role);

-- name: lock_officer
-- The office of whoever asks, and no other's; locked, so that who is dismissed meanwhile decides nothing more.
SELECT cooperative_id, account_id, role::text
  FROM officers
 WHERE cooperative_id = :cooperative_id AND account_id = :account_id AND ended_at IS NULL
   FOR SHARE;

-- name: officer
-- The same for those who only look.
SELECT cooperative_id, account_id, role::text
  FROM officers
 WHERE cooperative_id = :cooperative_id AND account_id = :account_id AND ended_at IS NULL;

-- name: lock_cooperative
-- For who changes the register, the offices or the articles.
SELECT cooperative_id FROM cooperatives WHERE cooperative_id = :cooperative_id FOR NO KEY UPDATE;

-- name: cooperative
-- One cooperative with its articles.
SELECT cooperative_id, name, kind::text, region_code, legal_number, national_number, book_year_end_month,
       principal_savings_minor, withdrawal_limit_minor, quorum_numerator, quorum_denominator, quorum_is_more_than,
       invitation_days, capital_base::text, registered_at
  FROM cooperatives
 WHERE cooperative_id = :cooperative_id;

-- name: cooperatives
-- By id, which is by time; a region includes the regions in it, a name is found by any part of it.
SELECT cooperative_id, name, kind::text, region_code, registered_at
  FROM cooperatives
 WHERE (:region::text IS NULL OR region_code = :region OR region_code LIKE :region || '.%')
   AND (:part::text IS NULL OR lower(name) LIKE '%' || :part || '%')
   AND (:after::uuid IS NULL OR cooperative_id > :after)
 ORDER BY cooperative_id
 LIMIT :most::integer;

-- name: monthly_dues
-- What holds in a month.
SELECT monthly_minor
  FROM dues
 WHERE cooperative_id = :cooperative_id AND from_month <= :month::date
 ORDER BY from_month DESC
 LIMIT 1;

-- name: officers
-- Who holds an office now.
SELECT account_id, role::text, appointed_at
  FROM officers
 WHERE cooperative_id = :cooperative_id AND ended_at IS NULL
 ORDER BY role, appointed_at;

-- name: acting_officer
-- Whether somebody may act for the cooperative.
SELECT account_id
  FROM officers
 WHERE cooperative_id = :cooperative_id AND ended_at IS NULL AND role <> 'pengawas'
 LIMIT 1;

-- name: put_dues
-- Months that have begun are never changed: who owes what for them is settled.
INSERT INTO dues (cooperative_id, from_month, monthly_minor) VALUES (:cooperative_id, :from_month, :monthly_minor)
    ON CONFLICT (cooperative_id, from_month) DO UPDATE SET monthly_minor = excluded.monthly_minor;

-- name: offices_of_account
-- Where somebody holds an office now, for that person alone.
SELECT o.cooperative_id, c.name AS cooperative_name, o.role::text, o.appointed_at
  FROM officers AS o
  JOIN cooperatives AS c ON c.cooperative_id = o.cooperative_id
 WHERE o.account_id = :account_id AND o.ended_at IS NULL
 ORDER BY o.appointed_at;

-- name: end_office
-- The row stays; the last one of those who act cannot be ended.
UPDATE officers AS o
   SET ended_at = :ended_at
 WHERE o.cooperative_id = :cooperative_id AND o.account_id = :account_id AND o.ended_at IS NULL
   AND (o.role = 'pengawas' OR EXISTS (
            SELECT FROM officers AS other
             WHERE other.cooperative_id = o.cooperative_id AND other.ended_at IS NULL AND other.role <> 'pengawas'
               AND other.account_id <> o.account_id));

-- name: erase_account
-- Remembered, so that a token that is still valid opens nothing.
INSERT INTO erased_accounts (account_id, erased_at) VALUES (:account_id, :erased_at) ON CONFLICT DO NOTHING;

-- name: erased_among
-- Those of these accounts that are to be forgotten.
SELECT account_id FROM erased_accounts WHERE account_id = ANY(:account_ids::uuid[]);

-- name: lock_members
-- For handlers: the batch's members in id order, so that two batches take turns.
SELECT member_id FROM members WHERE member_id = ANY(:member_ids::uuid[]) ORDER BY member_id FOR NO KEY UPDATE;

-- name: books
-- The ledger accounts of these places; those that were never used are not there.
SELECT b.cooperative_id, b.code, b.member_id, b.ledger_account_id
  FROM unnest(:cooperative_ids::uuid[], :codes::text[], :member_ids::uuid[]) AS p (cooperative_id, code, member_id)
  JOIN books AS b
    ON b.cooperative_id = p.cooperative_id AND b.code = p.code AND b.member_id IS NOT DISTINCT FROM p.member_id;

-- name: insert_books
-- Two who open the same place agree: the ledger gave both the same account.
INSERT INTO books (ledger_account_id, cooperative_id, code, member_id)
SELECT ledger_account_id, cooperative_id, code, member_id
  FROM unnest(:ledger_account_ids::uuid[], :cooperative_ids::uuid[], :codes::text[], :member_ids::uuid[])
       AS p (ledger_account_id, cooperative_id, code, member_id)
 ORDER BY cooperative_id, code, member_id
    ON CONFLICT DO NOTHING;

-- name: insert_application
-- Who is a member already, or waits already, does not apply again: a row comes back only for a new one.
INSERT INTO applications (application_id, cooperative_id, account_id, name, phone, identity_hash, region_code,
                          entered_by, applied_at)
SELECT :application_id::uuid, :cooperative_id::uuid, :account_id::uuid, :name::text, :phone::text,
       :identity_hash::bytea, :region_code::text, :entered_by::uuid, :applied_at::timestamptz
 WHERE NOT EXISTS (SELECT FROM members
                    WHERE cooperative_id = :cooperative_id AND state <> 'ended'
                      AND (account_id = :account_id OR identity_hash = :identity_hash));

-- name: lock_application
-- For its decision, within the officer's own cooperative.
SELECT application_id, account_id, name, phone, identity_hash, region_code, state::text
  FROM applications
 WHERE application_id = :application_id AND cooperative_id = :cooperative_id
   FOR NO KEY UPDATE;

-- name: decide_application
-- What was written about the person lives on in the member, or not at all.
UPDATE applications
   SET state = CASE WHEN :member_id::uuid IS NULL THEN 'rejected' ELSE 'approved' END::application_state,
       member_id = :member_id, decided_by = :decided_by, decided_at = :decided_at,
       name = NULL, phone = NULL, identity_hash = NULL
 WHERE application_id = :application_id AND state = 'waiting';

-- name: applications
-- By id, which is by time; the name of a decided one is the member's.
SELECT a.application_id, coalesce(a.name, m.name) AS name, coalesce(a.phone, m.phone) AS phone,
       a.account_id IS NOT NULL AS has_account, a.region_code, a.state::text, a.applied_at, a.decided_at, a.member_id
  FROM applications AS a
  LEFT JOIN members AS m USING (member_id)
 WHERE a.cooperative_id = :cooperative_id
   AND (:state::text IS NULL OR a.state = :state::application_state)
   AND (:after::uuid IS NULL OR a.application_id > :after)
 ORDER BY a.application_id
 LIMIT :most::integer;

-- name: insert_members
-- Candidates: founders together, others one by one.
INSERT INTO members (member_id, cooperative_id, account_id, name, phone, identity_hash, region_code, is_founder,
                     approved_by, approved_at)
SELECT m.member_id, :cooperative_id, m.account_id, m.name, m.phone, m.identity_hash, m.region_code, :is_founder,
       :approved_by, :approved_at
  FROM unnest(:member_ids::uuid[], :account_ids::uuid[], :names::text[], :phones::text[], :identity_hashes::bytea[],
              :region_codes::text[]) AS m (member_id, account_id, name, phone, identity_hash, region_code);

-- name: lock_member
-- Whoever changes a member, or moves their money, holds this lock.
SELECT member_id, cooperative_id, state::text, account_id, region_code, register_number
  FROM members
 WHERE member_id = :member_id AND cooperative_id = :cooperative_id
   FOR NO KEY UPDATE;

-- name: next_register_number
-- Under the cooperative's lock, so that numbers and positions have no gap.
UPDATE cooperatives
   SET register_position = register_position + 1, admitted = admitted + :admissions::integer
 WHERE cooperative_id = :cooperative_id
RETURNING register_position, admitted;

-- name: insert_register_entry
-- One more line at the end of the register.
INSERT INTO register_entries (cooperative_id, position, member_id, change, reason, entered_by, entered_at)
VALUES (:cooperative_id, :position, :member_id, :change::register_change, :reason::end_reason, :entered_by, :entered_at);

-- name: admit_member
-- The number was taken in this transaction.
UPDATE members
   SET state = 'active', register_number = :register_number, admitted_at = :admitted_at
 WHERE member_id = :member_id AND state = 'candidate';

-- name: set_member_state
-- Between active and suspended.
UPDATE members SET state = :state::member_state WHERE member_id = :member_id;

-- name: end_member
-- The register keeps number and dates; identity number and phone have served their purpose.
UPDATE members
   SET state = 'ended', ended_at = :ended_at, end_reason = :reason::end_reason, identity_hash = NULL, phone = NULL
 WHERE member_id = :member_id;

-- name: members
-- By id, with what each has saved; for officers.
SELECT m.member_id, m.name, m.phone, m.state::text, m.register_number, m.account_id IS NOT NULL AS has_account,
       m.region_code, m.is_founder, m.admitted_at, m.ended_at, m.end_reason::text, s.principal_minor,
       s.mandatory_minor, s.voluntary_minor, s.payable_minor
  FROM members AS m
 CROSS JOIN LATERAL (
        SELECT coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '3101'), 0)::bigint AS principal_minor,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '3102'), 0)::bigint AS mandatory_minor,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '2101'), 0)::bigint AS voluntary_minor,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '2102'), 0)::bigint AS payable_minor
          FROM books AS b JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
         WHERE b.member_id = m.member_id) AS s
 WHERE m.cooperative_id = :cooperative_id
   AND (:member_id::uuid IS NULL OR m.member_id = :member_id)
   AND (:state::text IS NULL OR m.state = :state::member_state)
   AND (:part::text IS NULL OR lower(m.name) LIKE '%' || :part || '%')
   AND (:after::uuid IS NULL OR m.member_id > :after)
 ORDER BY m.member_id
 LIMIT :most::integer;

-- name: memberships
-- A person's own, everywhere.
SELECT m.member_id, m.cooperative_id, c.name AS cooperative_name, m.name, m.state::text, m.register_number,
       m.admitted_at, m.ended_at, s.principal_minor, s.mandatory_minor, s.voluntary_minor, s.payable_minor,
       c.principal_savings_minor, c.market_limit_minor > 0 AS may_pay_at_market
  FROM members AS m
  JOIN cooperatives AS c USING (cooperative_id)
 CROSS JOIN LATERAL (
        SELECT coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '3101'), 0)::bigint AS principal_minor,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '3102'), 0)::bigint AS mandatory_minor,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '2101'), 0)::bigint AS voluntary_minor,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '2102'), 0)::bigint AS payable_minor
          FROM books AS b JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
         WHERE b.member_id = m.member_id) AS s
 WHERE m.account_id = :account_id
 ORDER BY m.member_id;

-- name: register
-- The lines in their order, with the number they are about.
SELECT r.position, r.member_id, m.register_number, m.name, r.change::text, r.reason::text, r.entered_at
  FROM register_entries AS r
  JOIN members AS m USING (member_id)
 WHERE r.cooperative_id = :cooperative_id AND r.position > :after::bigint
 ORDER BY r.position
 LIMIT :most::integer;

-- name: dues
-- What each member owes of the mandatory savings up to a month, month of admission included, and has paid.
WITH rates AS (
    SELECT extract(year FROM from_month)::integer * 12 + extract(month FROM from_month)::integer AS first,
           coalesce(lead(extract(year FROM from_month)::integer * 12 + extract(month FROM from_month)::integer)
                        OVER (ORDER BY from_month), 1000000) AS next,
           monthly_minor
      FROM dues WHERE cooperative_id = :cooperative_id
), owed AS (
    SELECT m.member_id, m.name, m.register_number,
           (SELECT coalesce(sum(r.monthly_minor * greatest(0, least(r.next, n.last) - greatest(r.first, n.first))), 0)
              FROM rates AS r)::bigint AS owed_minor,
           coalesce((SELECT a.balance_minor FROM books AS b JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
                      WHERE b.cooperative_id = m.cooperative_id AND b.code = '3102' AND b.member_id = m.member_id), 0)
               AS paid_minor
      FROM members AS m
     CROSS JOIN LATERAL (
            SELECT extract(year FROM m.admitted_at AT TIME ZONE 'Asia/Jakarta')::integer * 12
                   + extract(month FROM m.admitted_at AT TIME ZONE 'Asia/Jakarta')::integer AS first,
                   extract(year FROM :month::date)::integer * 12 + extract(month FROM :month)::integer + 1 AS last) AS n
     WHERE m.cooperative_id = :cooperative_id AND m.state IN ('active', 'suspended')
       AND (:member_id::uuid IS NULL OR m.member_id = :member_id)
       AND (:after::bigint IS NULL OR m.register_number > :after)
)
SELECT member_id, name, register_number, owed_minor, paid_minor, owed_minor - paid_minor AS behind_minor
  FROM owed
 WHERE NOT :is_behind::boolean OR owed_minor > paid_minor
 ORDER BY register_number
 LIMIT :most::integer;

-- name: end_link_code
-- A new code ends the one before it.
DELETE FROM link_codes WHERE member_id = :member_id AND used_at IS NULL;

-- name: insert_link_code
-- One at a time, under the member's lock.
INSERT INTO link_codes (code_hash, member_id, made_by, made_at, expires_at)
VALUES (:code_hash, :member_id, :made_by, :made_at, :expires_at);

-- name: member_of_link_code
-- The member is locked before the code, as by those who make codes.
SELECT member_id FROM link_codes WHERE code_hash = :code_hash;

-- name: use_link_code
-- The code is used by the first who types it, in its time, and not by the officer who made it: whoever holds a membership
-- spends its savings, which nobody shall arrange alone.
UPDATE link_codes
   SET used_at = :used_at, used_by = :used_by
 WHERE code_hash = :code_hash AND used_at IS NULL AND expires_at > :used_at AND made_by <> :used_by;

-- name: lock_any_member
-- Found by a link code, which says which cooperative it is of.
SELECT member_id, cooperative_id, state::text, account_id, region_code, register_number
  FROM members
 WHERE member_id = :member_id
   FOR NO KEY UPDATE;

-- name: link_member
-- Once: a membership keeps its account.
UPDATE members
   SET account_id = :account_id, phone = NULL
 WHERE member_id = :member_id AND account_id IS NULL AND state <> 'ended';

-- name: insert_movements
-- What the member reads later; beside the ledger's own entries, and compared with them by the audit.
INSERT INTO savings_movements (movement_id, member_id, kind, cooperative_id, ledger_account_id, amount_minor, reason,
                               made_by, moved_at)
SELECT m.movement_id, m.member_id, m.kind::savings_kind, m.cooperative_id, m.ledger_account_id, m.amount_minor,
       :reason::movement_reason, :made_by, :moved_at
  FROM unnest(:movement_ids::uuid[], :member_ids::uuid[], :kinds::text[], :cooperative_ids::uuid[],
              :ledger_account_ids::uuid[], :amounts::bigint[])
       AS m (movement_id, member_id, kind, cooperative_id, ledger_account_id, amount_minor);

-- name: movements
-- A member's statement, newest first, within the cooperative or the account that asks.
SELECT s.movement_id, s.kind::text, s.amount_minor, s.reason::text, s.moved_at
  FROM savings_movements AS s
 WHERE s.member_id = :member_id
   AND (:before_at::timestamptz IS NULL OR (s.moved_at, s.movement_id, s.kind)
                                           < (:before_at, :before_id::uuid, :before_kind::savings_kind))
 ORDER BY s.moved_at DESC, s.movement_id DESC, s.kind DESC
 LIMIT :most::integer;

-- name: membership_of_account
-- Whether a membership is the account's own.
SELECT member_id FROM members WHERE member_id = :member_id AND account_id = :account_id;

-- name: insert_withdrawal
-- It waits; what needs no second person is paid in the same transaction.
INSERT INTO withdrawals (withdrawal_id, cooperative_id, member_id, kind, amount_minor, needs_second, state, asked_by,
                         asked_at)
VALUES (:withdrawal_id, :cooperative_id, :member_id, :kind::savings_kind, :amount_minor, :needs_second, 'waiting',
        :asked_by, :asked_at);

-- name: member_of_withdrawal
-- The member is locked before the withdrawal.
SELECT member_id FROM withdrawals WHERE withdrawal_id = :withdrawal_id AND cooperative_id = :cooperative_id;

-- name: lock_withdrawal
-- For its decision, within the officer's own cooperative.
SELECT withdrawal_id, cooperative_id, member_id, kind::text, amount_minor, needs_second, state::text, asked_by
  FROM withdrawals
 WHERE withdrawal_id = :withdrawal_id AND cooperative_id = :cooperative_id
   FOR NO KEY UPDATE;

-- name: decide_withdrawal
-- The table refuses a decision by who asked when a second person is needed.
UPDATE withdrawals
   SET state = :state::withdrawal_state, decided_by = :decided_by, decided_at = :decided_at
 WHERE withdrawal_id = :withdrawal_id AND state = 'waiting';

-- name: paid_alone_since
-- What officers have paid a member without a second person; the member is locked, so that two at once are counted.
SELECT coalesce(sum(amount_minor), 0)::bigint
  FROM withdrawals
 WHERE member_id = :member_id AND state = 'paid' AND NOT needs_second AND asked_at >= :since;

-- name: waiting_withdrawal
-- Money that is held for a decision cannot be paid out otherwise.
SELECT withdrawal_id FROM withdrawals WHERE member_id = :member_id AND state = 'waiting' LIMIT 1;

-- name: withdrawals
-- By id, which is by time.
SELECT w.withdrawal_id, w.member_id, m.name, m.register_number, w.kind::text, w.amount_minor, w.needs_second,
       w.state::text, w.asked_by, w.asked_at, w.decided_by, w.decided_at
  FROM withdrawals AS w
  JOIN members AS m USING (member_id)
 WHERE w.cooperative_id = :cooperative_id
   AND (:state::text IS NULL OR w.state = :state::withdrawal_state)
   AND (:after::uuid IS NULL OR w.withdrawal_id > :after)
 ORDER BY w.withdrawal_id
 LIMIT :most::integer;

-- name: erase_paid_out
-- The name of a former member who asked to be forgotten goes with the last rupiah owed to them.
UPDATE members AS m
   SET name = NULL, phone = NULL, identity_hash = NULL
 WHERE m.member_id = :member_id AND m.state = 'ended' AND m.is_to_be_erased
   AND NOT EXISTS (SELECT FROM books AS b JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
                    WHERE b.member_id = m.member_id AND a.balance_minor <> 0);

-- name: insert_journal
-- With its lines; it waits.
WITH journal AS (
    INSERT INTO journals (journal_id, cooperative_id, description, booked_on, entered_by, entered_at)
    VALUES (:journal_id, :cooperative_id, :description, :booked_on, :entered_by, :entered_at)
    RETURNING journal_id
)
INSERT INTO journal_lines (journal_id, line, code, side, amount_minor)
SELECT journal.journal_id, l.line, l.code, l.side::ledger_side, l.amount_minor
  FROM journal, unnest(:codes::text[], :sides::text[], :amounts::bigint[]) WITH ORDINALITY
       AS l (code, side, amount_minor, line);

-- name: lock_journal
-- For its decision, within the officer's own cooperative.
SELECT journal_id, cooperative_id, booked_on, state::text, entered_by
  FROM journals
 WHERE journal_id = :journal_id AND cooperative_id = :cooperative_id
   FOR NO KEY UPDATE;

-- name: journal_lines
-- Of one or several journals, in the order in which they were written.
SELECT journal_id, code, side::text, amount_minor
  FROM journal_lines
 WHERE journal_id = ANY(:journal_ids::uuid[])
 ORDER BY journal_id, line;

-- name: decide_journal
-- The table refuses a decision by who entered it.
UPDATE journals
   SET state = :state::journal_state, decided_by = :decided_by, decided_at = :decided_at
 WHERE journal_id = :journal_id AND state = 'waiting';

-- name: journals
-- By id, which is by time.
SELECT journal_id, description, booked_on, state::text, entered_by, entered_at, decided_by, decided_at
  FROM journals
 WHERE cooperative_id = :cooperative_id
   AND (:state::text IS NULL OR state = :state::journal_state)
   AND (:after::uuid IS NULL OR journal_id > :after)
 ORDER BY journal_id
 LIMIT :most::integer;

-- name: trial_balance
-- Each line of one cooperative's chart at one moment, members' shares together; both columns have one sum.
SELECT b.code,
       greatest(sum(CASE a.normal_side WHEN 'debit' THEN a.balance_minor ELSE -a.balance_minor END), 0)::bigint AS debit_minor,
       greatest(sum(CASE a.normal_side WHEN 'credit' THEN a.balance_minor ELSE -a.balance_minor END), 0)::bigint AS credit_minor
  FROM books AS b
  JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
 WHERE b.cooperative_id = :cooperative_id
 GROUP BY b.code
 ORDER BY b.code;

-- name: trial_balance_before
-- The same out of the entries of everything that happened before a moment.
SELECT b.code,
       greatest(sum(CASE e.side WHEN 'debit' THEN e.amount_minor ELSE -e.amount_minor END), 0)::bigint AS debit_minor,
       greatest(sum(CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END), 0)::bigint AS credit_minor
  FROM books AS b
  JOIN ledger_entries AS e ON e.account_id = b.ledger_account_id
  JOIN ledger_transfers AS t ON t.id = e.transfer_id
 WHERE b.cooperative_id = :cooperative_id AND t.event_at < :before
 GROUP BY b.code
 ORDER BY b.code;

-- name: entries
-- What was booked on a line of the chart, in the order in which it was, members' shares together.
SELECT t.id AS transfer_id, e.leg, e.side::text, e.amount_minor, t.reason, b.member_id, t.event_at, t.created_at
  FROM books AS b
  JOIN ledger_entries AS e ON e.account_id = b.ledger_account_id
  JOIN ledger_transfers AS t ON t.id = e.transfer_id
 WHERE b.cooperative_id = :cooperative_id AND b.code = :code
   AND (:after_at::timestamptz IS NULL OR (t.created_at, t.id, e.leg) > (:after_at, :after_id::uuid, :after_leg::smallint))
 ORDER BY t.created_at, t.id, e.leg
 LIMIT :most::integer;

-- name: members_of_buyers
-- Whom charges are about: their rows are locked before any is decided.
SELECT m.member_id
  FROM unnest(:cooperative_ids::uuid[], :account_ids::uuid[]) AS p (cooperative_id, account_id)
  JOIN members AS m ON m.cooperative_id = p.cooperative_id AND m.account_id = p.account_id
 WHERE m.state <> 'ended';

-- name: buyers
-- The same as they are under their locks, and whether there is such a cooperative at all.
SELECT p.cooperative_id, p.account_id, m.member_id, m.state::text, c.market_limit_minor > 0 AS may_pay_at_market
  FROM unnest(:cooperative_ids::uuid[], :account_ids::uuid[]) AS p (cooperative_id, account_id)
  JOIN cooperatives AS c ON c.cooperative_id = p.cooperative_id
  LEFT JOIN members AS m
    ON m.cooperative_id = p.cooperative_id AND m.account_id = p.account_id AND m.state <> 'ended';

-- name: insert_charges
-- An answer per charge: one that was answered before is not among those that come back.
INSERT INTO savings_charges (charge_id, order_id, cooperative_id, member_id, amount_minor, outcome, refusal, answered_at)
SELECT c.charge_id, c.order_id, c.cooperative_id, c.member_id, c.amount_minor,
       CASE WHEN c.refusal IS NULL THEN 'charged' ELSE 'refused' END::charge_outcome, c.refusal::charge_refusal,
       :answered_at
  FROM unnest(:charge_ids::uuid[], :order_ids::uuid[], :cooperative_ids::uuid[], :member_ids::uuid[],
              :amounts::bigint[], :refusals::text[])
       AS c (charge_id, order_id, cooperative_id, member_id, amount_minor, refusal)
 ORDER BY c.charge_id;

-- name: answered_charges
-- Those of these that have their answer.
SELECT charge_id FROM savings_charges WHERE charge_id = ANY(:charge_ids::uuid[]);

-- name: members_of_orders
-- Who paid these orders from savings: locked before anything is given back.
SELECT DISTINCT member_id FROM savings_charges WHERE order_id = ANY(:order_ids::uuid[]) AND outcome = 'charged';

-- name: charges_of_orders
-- What was taken for these orders, with whom it was taken from as they are now.
SELECT c.charge_id, c.order_id, c.amount_minor - c.refunded_minor AS open_minor,
       m.member_id, m.cooperative_id, m.state::text, m.account_id, m.region_code, m.register_number
  FROM savings_charges AS c
  JOIN members AS m USING (member_id)
 WHERE c.order_id = ANY(:order_ids::uuid[]) AND c.outcome = 'charged'
 ORDER BY c.order_id, c.answered_at
   FOR NO KEY UPDATE OF c;

-- name: refunds_made
-- Those of these that were given back before.
SELECT refund_id FROM savings_refunds WHERE refund_id = ANY(:refund_ids::uuid[]);

-- name: insert_refunds
-- With what is left of their charges, which the table keeps above nothing.
WITH refunds AS (
    INSERT INTO savings_refunds (refund_id, charge_id, amount_minor, paid_to, refunded_at)
    SELECT r.refund_id, r.charge_id, r.amount_minor, r.paid_to::savings_kind, :refunded_at
      FROM unnest(:refund_ids::uuid[], :charge_ids::uuid[], :amounts::bigint[], :paid_to::text[])
           AS r (refund_id, charge_id, amount_minor, paid_to)
    RETURNING charge_id, amount_minor
)
UPDATE savings_charges AS c
   SET refunded_minor = c.refunded_minor + r.amount_minor
  FROM refunds AS r
 WHERE c.charge_id = r.charge_id;

-- name: members_of_account
-- Every membership of a person who is to be forgotten.
SELECT member_id FROM members WHERE account_id = ANY(:account_ids::uuid[]);

-- name: forget_members
-- A living membership keeps its name, as the register must; of an ended one it goes when nothing is owed any more.
UPDATE members
   SET account_id = NULL, phone = NULL, identity_hash = CASE WHEN state = 'ended' THEN NULL ELSE identity_hash END,
       is_to_be_erased = true
 WHERE account_id = :account_id
RETURNING member_id;

-- name: forget_applications
-- What waits is withdrawn by rejecting it: who applied is gone.
UPDATE applications
   SET state = CASE state WHEN 'waiting' THEN 'rejected' ELSE state END,
       decided_at = coalesce(decided_at, :erased_at), account_id = NULL, name = NULL, phone = NULL, identity_hash = NULL
 WHERE account_id = :account_id;

-- name: forget_officers
-- Offices of a person who is gone end, the last one too: an operator gives the cooperative a new one.
UPDATE officers SET ended_at = :erased_at WHERE account_id = :account_id AND ended_at IS NULL;
