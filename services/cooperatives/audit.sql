-- Checks of the tables of cooperatives: a row is a violation (key, what). Run by `lumbung audit`. The ledger has its own.

-- name: register_positions_have_no_gap
-- The register is numbered line by line, and the cooperative counts them.
SELECT c.cooperative_id::text AS key,
       'the cooperative counts ' || c.register_position || ' lines; the register has ' || coalesce(r.lines, 0)
       || ', the last is ' || coalesce(r.last, 0) AS what
  FROM cooperatives AS c
  LEFT JOIN (SELECT cooperative_id, count(*) AS lines, max(position) AS last
               FROM register_entries GROUP BY cooperative_id) AS r USING (cooperative_id)
 WHERE c.register_position <> coalesce(r.lines, 0) OR c.register_position <> coalesce(r.last, 0)
 LIMIT 100;

-- name: register_numbers_have_no_gap
-- Members are numbered one by one, and each number belongs to a line of admission.
SELECT c.cooperative_id::text AS key,
       'admitted ' || c.admitted || '; members have ' || coalesce(m.numbers, 0) || ' numbers up to ' || coalesce(m.last, 0)
       || '; the register admits ' || coalesce(r.admissions, 0) AS what
  FROM cooperatives AS c
  LEFT JOIN (SELECT cooperative_id, count(register_number) AS numbers, max(register_number) AS last
               FROM members GROUP BY cooperative_id) AS m USING (cooperative_id)
  LEFT JOIN (SELECT cooperative_id, count(*) AS admissions
               FROM register_entries WHERE change = 'admitted' GROUP BY cooperative_id) AS r USING (cooperative_id)
 WHERE (c.admitted, c.admitted, c.admitted)
       IS DISTINCT FROM (coalesce(m.numbers, 0), coalesce(m.last, 0), coalesce(r.admissions, 0))
 LIMIT 100;

-- name: members_have_paid_their_principal
-- Nobody is a member who has not paid the principal savings in full, and nobody keeps savings who is none any more.
SELECT m.member_id::text AS key,
       m.state::text || ' with principal ' || s.principal || ', mandatory ' || s.mandatory || ', voluntary ' || s.voluntary
       || '; the articles ask ' || c.principal_savings_minor AS what
  FROM members AS m
  JOIN cooperatives AS c USING (cooperative_id)
  LEFT JOIN LATERAL (
        SELECT coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '3101'), 0) AS principal,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '3102'), 0) AS mandatory,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '2101'), 0) AS voluntary
          FROM books AS b JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
         WHERE b.member_id = m.member_id) AS s ON true
 WHERE (m.state IN ('active', 'suspended') AND s.principal <> c.principal_savings_minor)
    OR (m.state = 'candidate' AND (s.principal >= c.principal_savings_minor OR s.mandatory + s.voluntary <> 0))
    OR (m.state = 'ended' AND s.principal + s.mandatory + s.voluntary <> 0)
 LIMIT 100;

-- name: savings_agree_with_the_ledger
-- I3: what a member reads in their statement sums to what the ledger has, per kind.
SELECT coalesce(b.member_id, s.member_id) || '/' || coalesce(b.kind, s.kind)::text AS key,
       'the statement says ' || coalesce(s.amount, 0) || ', the ledger ' || coalesce(b.balance_minor, 0) AS what
  FROM (SELECT p.member_id, a.balance_minor,
               CASE p.code WHEN '3101' THEN 'principal' WHEN '3102' THEN 'mandatory'
                           WHEN '2101' THEN 'voluntary' ELSE 'payable' END::savings_kind AS kind
          FROM books AS p JOIN ledger_accounts AS a ON a.id = p.ledger_account_id
         WHERE p.code IN ('3101', '3102', '2101', '2102')) AS b
  FULL JOIN (SELECT member_id, kind, sum(amount_minor) AS amount FROM savings_movements GROUP BY member_id, kind) AS s
    ON s.member_id = b.member_id AND s.kind = b.kind
 WHERE coalesce(b.balance_minor, 0) <> coalesce(s.amount, 0)
 LIMIT 100;

-- name: savings_movements_are_entries
-- I3: each line of a statement is one leg of the ledger's transfer of the same id.
SELECT m.movement_id || '/' || m.kind::text AS key,
       'the statement says ' || m.amount_minor || ', the ledger '
       || coalesce((CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END)::text, 'nothing') AS what
  FROM savings_movements AS m
  LEFT JOIN ledger_entries AS e ON e.transfer_id = m.movement_id AND e.account_id = m.ledger_account_id
 WHERE m.amount_minor IS DISTINCT FROM CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END
 LIMIT 100;

-- name: books_of_a_cooperative_balance
-- I3: no transfer takes money from one cooperative to another, so the books of each balance by themselves.
SELECT b.cooperative_id::text AS key, 'debits less credits are ' || sum(CASE a.normal_side WHEN 'debit' THEN a.balance_minor
                                                                            ELSE -a.balance_minor END) AS what
  FROM books AS b
  JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
 GROUP BY b.cooperative_id
HAVING sum(CASE a.normal_side WHEN 'debit' THEN a.balance_minor ELSE -a.balance_minor END) <> 0
 LIMIT 100;

-- name: ledger_accounts_are_in_the_books
-- Every account of the ledger is a place in the books of one cooperative, and is named after it.
SELECT a.code AS key, 'the account is in no books, or in others' AS what
  FROM ledger_accounts AS a
  LEFT JOIN books AS b ON b.ledger_account_id = a.id
 WHERE a.code IS DISTINCT FROM CASE WHEN b.code = '2301' THEN 'clearing:orders:' || b.cooperative_id
                                    ELSE concat_ws(':', 'coop', b.cooperative_id, b.code, b.member_id) END
 LIMIT 100;

-- name: withdrawals_are_paid_once_by_who_may
-- A withdrawal that waits is held, one that is paid was settled for its amount, and a second person decided where one had to.
SELECT w.withdrawal_id::text AS key,
       w.state::text || ', of ' || w.amount_minor || '; its hold is ' || coalesce(h.state::text, 'not there') AS what
  FROM withdrawals AS w
  JOIN members AS m USING (member_id)
  LEFT JOIN ledger_holds AS h ON h.id = w.withdrawal_id
 WHERE (w.state::text, w.amount_minor)
       IS DISTINCT FROM (CASE h.state WHEN 'pending' THEN 'waiting' WHEN 'posted' THEN 'paid' ELSE 'refused' END,
                         coalesce(h.posted_minor, h.amount_minor))
    OR (w.needs_second AND w.decided_by = w.asked_by)
 LIMIT 100;

-- name: journals_are_booked_when_posted
-- A journal is in the ledger if and only if somebody else approved it, with its own sum.
SELECT j.journal_id::text AS key,
       j.state::text || ', lines sum to ' || l.debits || '; booked is ' || coalesce(e.debits::text, 'nothing') AS what
  FROM journals AS j
  JOIN (SELECT journal_id, sum(amount_minor) FILTER (WHERE side = 'debit') AS debits
          FROM journal_lines GROUP BY journal_id) AS l USING (journal_id)
  LEFT JOIN (SELECT transfer_id, sum(amount_minor) FILTER (WHERE side = 'debit') AS debits
               FROM ledger_entries GROUP BY transfer_id) AS e ON e.transfer_id = j.journal_id
 WHERE CASE j.state WHEN 'posted' THEN e.debits IS DISTINCT FROM l.debits OR j.decided_by = j.entered_by
                    ELSE e.debits IS NOT NULL END
 LIMIT 100;

-- name: charges_are_posted_once
-- I2 and I3: what was charged to an order left the savings once, what was refused did not, what came back is counted.
SELECT c.charge_id::text AS key,
       c.outcome::text || ' ' || c.amount_minor || ', taken ' || coalesce(-m.amount_minor, 0) || '; given back '
       || c.refunded_minor || ', refunds say ' || coalesce(r.amount, 0) AS what
  FROM savings_charges AS c
  LEFT JOIN savings_movements AS m ON m.movement_id = c.charge_id AND m.reason = 'charge' AND m.member_id = c.member_id
  LEFT JOIN (SELECT f.charge_id, sum(f.amount_minor) AS amount, sum(b.amount_minor) AS booked
               FROM savings_refunds AS f
               LEFT JOIN savings_movements AS b ON b.movement_id = f.refund_id AND b.kind = f.paid_to AND b.reason = 'refund'
              GROUP BY f.charge_id) AS r USING (charge_id)
 WHERE coalesce(-m.amount_minor, 0) <> CASE c.outcome WHEN 'charged' THEN c.amount_minor ELSE 0 END
    OR c.refunded_minor <> coalesce(r.amount, 0)
    OR r.amount IS DISTINCT FROM r.booked
 LIMIT 100;

-- name: clearing_is_what_orders_took
-- I11, our half: what a cooperative owes the market is what was charged less what was given back.
SELECT b.cooperative_id::text AS key,
       'clearing has ' || a.balance_minor || ', charges less refunds are ' || coalesce(c.amount, 0) AS what
  FROM books AS b
  JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
  LEFT JOIN (SELECT cooperative_id, sum(amount_minor - refunded_minor) AS amount
               FROM savings_charges WHERE outcome = 'charged' GROUP BY cooperative_id) AS c USING (cooperative_id)
 WHERE b.code = '2301' AND a.balance_minor <> coalesce(c.amount, 0)
 LIMIT 100;

-- name: nobody_forgotten_is_named
-- A person who asked to be forgotten has no office, no account here, no waiting application; a name only while the law asks.
SELECT e.account_id::text AS key, 'still known here' AS what
  FROM erased_accounts AS e
 WHERE EXISTS (SELECT FROM members AS m WHERE m.account_id = e.account_id)
    OR EXISTS (SELECT FROM applications AS a WHERE a.account_id = e.account_id)
    OR EXISTS (SELECT FROM officers AS o WHERE o.account_id = e.account_id AND o.ended_at IS NULL)
 LIMIT 100;
