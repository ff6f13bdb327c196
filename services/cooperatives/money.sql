-- The members' money and the books: savings, withdrawals, charges of orders, journals. Rows are locked after those of
-- cooperatives.sql: withdrawals, journals and charges, then ledger accounts by id.

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
