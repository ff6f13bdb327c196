-- Checks of a ledger, the same for every service that keeps one: a row is a violation (key, what).

-- name: ledger_sums_to_zero
-- Debits equal credits over all accounts of a currency (I3).
SELECT currency AS key,
       'the accounts in ' || currency || ' sum to '
       || sum(CASE normal_side WHEN 'debit' THEN balance_minor ELSE -balance_minor END) || ', not zero' AS what
  FROM ledger_accounts
 GROUP BY currency
HAVING sum(CASE normal_side WHEN 'debit' THEN balance_minor ELSE -balance_minor END) <> 0;

-- name: ledger_balances_equal_entries
-- A balance is the sum of the account's entries, its version their number (I3).
SELECT a.code AS key,
       a.code || ' has ' || a.balance_minor || ' at version ' || a.version || ', its entries sum to '
       || coalesce(e.sum_minor, 0) || ' and are ' || coalesce(e.entries, 0) AS what
  FROM ledger_accounts AS a
  LEFT JOIN (SELECT e.account_id, count(*) AS entries,
                    sum(CASE WHEN e.side = b.normal_side THEN e.amount_minor ELSE -e.amount_minor END) AS sum_minor
               FROM ledger_entries AS e
               JOIN ledger_accounts AS b ON b.id = e.account_id
              GROUP BY e.account_id) AS e ON e.account_id = a.id
 WHERE a.balance_minor <> coalesce(e.sum_minor, 0) OR a.version <> coalesce(e.entries, 0)
 LIMIT 100;

-- name: ledger_versions_have_no_gap
-- Each entry follows the one before it in its account: by one version, and by its amount (I3).
SELECT account_id || '/' || account_version AS key,
       'entry ' || account_version || ' of ' || code || ' does not follow from the one before' AS what
  FROM (SELECT e.account_id, e.account_version, a.code, e.balance_after_minor,
               row_number() OVER history AS place,
               sum(CASE WHEN e.side = a.normal_side THEN e.amount_minor ELSE -e.amount_minor END) OVER history AS sum_minor
          FROM ledger_entries AS e
          JOIN ledger_accounts AS a ON a.id = e.account_id
        WINDOW history AS (PARTITION BY e.account_id ORDER BY e.account_version)) AS entries
 WHERE account_version <> place OR balance_after_minor <> sum_minor
 LIMIT 100;

-- name: ledger_transfers_balance
-- The legs of a transfer are all there, in its currency, each account once, and sum to zero (I3).
SELECT t.id::text AS key, 'transfer ' || t.id || ' (' || t.reason || ') does not balance' AS what
  FROM ledger_transfers AS t
  LEFT JOIN ledger_entries AS e ON e.transfer_id = t.id
 GROUP BY t.id
HAVING count(e.leg) <> t.legs OR count(DISTINCT e.account_id) <> t.legs OR bool_or(e.currency <> t.currency)
    OR sum(CASE e.side WHEN 'debit' THEN e.amount_minor ELSE -e.amount_minor END) <> 0
 LIMIT 100;

-- name: ledger_holds_add_up
-- What an account knows as held is the sum of its pending holds.
SELECT a.code AS key,
       a.code || ' has ' || a.held_out_minor || ' out and ' || a.held_in_minor || ' in held, its holds '
       || coalesce(h.out_minor, 0) || ' and ' || coalesce(h.in_minor, 0) AS what
  FROM ledger_accounts AS a
  LEFT JOIN (SELECT b.id, coalesce(sum(h.amount_minor) FILTER (WHERE l.side <> b.normal_side), 0) AS out_minor,
                    coalesce(sum(h.amount_minor) FILTER (WHERE l.side = b.normal_side), 0) AS in_minor
               FROM ledger_holds AS h
              CROSS JOIN LATERAL (VALUES (h.debit_account_id, 'debit'::ledger_side),
                                         (h.credit_account_id, 'credit')) AS l (account_id, side)
               JOIN ledger_accounts AS b ON b.id = l.account_id
              WHERE h.state = 'pending'
              GROUP BY b.id) AS h ON h.id = a.id
 WHERE a.held_out_minor <> coalesce(h.out_minor, 0) OR a.held_in_minor <> coalesce(h.in_minor, 0)
 LIMIT 100;

-- name: ledger_balances_within_bounds
-- No account is outside of its bounds, with what is held counted.
SELECT code AS key,
       code || ' has ' || balance_minor || ' of which ' || held_out_minor || ' are held, and ' || held_in_minor
       || ' to come; bounds ' || coalesce(balance_min_minor::text, 'none') || ' and '
       || coalesce(balance_max_minor::text, 'none') AS what
  FROM ledger_accounts
 WHERE balance_minor - held_out_minor < balance_min_minor OR balance_minor + held_in_minor > balance_max_minor
 LIMIT 100;

-- name: ledger_holds_are_resolved_once
-- A settled hold has one transfer, between its accounts and of at most its amount; any other hold has none.
SELECT h.id::text AS key, 'hold ' || h.id || ' is ' || h.state || ', its transfers say otherwise' AS what
  FROM ledger_holds AS h
  LEFT JOIN ledger_transfers AS t ON t.hold_id = h.id
  LEFT JOIN ledger_entries AS d ON d.transfer_id = t.id AND d.side = 'debit'
  LEFT JOIN ledger_entries AS c ON c.transfer_id = t.id AND c.side = 'credit'
 WHERE (h.state = 'posted') <> (t.id IS NOT NULL)
    OR h.state = 'posted' AND (h.posted_minor > h.amount_minor
        OR (d.account_id, c.account_id, d.amount_minor)
           IS DISTINCT FROM (h.debit_account_id, h.credit_account_id, h.posted_minor))
 LIMIT 100;

-- name: ledger_holds_expire
-- A hold that is over is let go within the hour; until then it keeps money from its owner.
SELECT id::text AS key, 'hold ' || id || ' (' || reason || ') was over at ' || expires_at || ' and is still pending' AS what
  FROM ledger_holds
 WHERE state = 'pending' AND expires_at < statement_timestamp() - interval '1 hour'
 LIMIT 100;
