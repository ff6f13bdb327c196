-- name: open_accounts
-- What is there stays as it is; the answer is read afterwards, so that two who open the same code agree.
SELECT ledger_open(:accounts::jsonb);

-- name: accounts_by_code
-- The ids by which everything else names accounts.
SELECT id, code, kind::text, normal_side::text, currency, balance_min_minor, balance_max_minor
  FROM ledger_accounts
 WHERE code = ANY(:codes::text[]);

-- name: lock_accounts
-- For who must look at balances before it decides, and for who posts more than once in a transaction.
SELECT ledger_lock(:account_ids::uuid[]);

-- name: post
-- The whole batch in one round trip: locked, decided and written by the database.
SELECT number, verdict, account_id FROM ledger_post(:steps::jsonb, :all_or_nothing::boolean) ORDER BY number;

-- name: balance
-- Holds are counted by the account itself, so that this is one row.
SELECT id, code, currency, balance_minor, held_out_minor, held_in_minor, version
  FROM ledger_accounts
 WHERE id = :account_id;

-- name: statement
-- Lines after a version: the version is gap-free, so a page can neither repeat nor pass over a line.
SELECT e.account_version, e.side::text, e.amount_minor, e.balance_after_minor, e.currency, e.transfer_id, t.reason,
       t.reference, t.hold_id, t.event_at, t.created_at
  FROM ledger_entries AS e
  JOIN ledger_transfers AS t ON t.id = e.transfer_id
 WHERE e.account_id = :account_id AND e.account_version > :after::bigint
 ORDER BY e.account_version
 LIMIT :limit::integer;

-- name: trial_balance
-- Every account in the column its balance falls into; one statement is one moment, so both columns have one sum.
SELECT id, code, kind::text, currency,
       CASE WHEN (normal_side = 'debit') = (balance_minor >= 0) THEN abs(balance_minor) ELSE 0 END AS debit_minor,
       CASE WHEN (normal_side = 'credit') = (balance_minor >= 0) THEN abs(balance_minor) ELSE 0 END AS credit_minor
  FROM ledger_accounts
 ORDER BY currency, ledger_accounts.kind, code;

-- name: legs_about
-- What was booked for an order, a parcel, a payout: by the index on references.
SELECT t.id AS transfer_id, t.reason, t.reference, t.event_at, a.code, e.side::text, e.amount_minor, e.currency
  FROM ledger_transfers AS t
  JOIN ledger_entries AS e ON e.transfer_id = t.id
  JOIN ledger_accounts AS a ON a.id = e.account_id
 WHERE t.reference @> :reference::jsonb
 ORDER BY t.created_at, t.id, e.leg
 LIMIT :limit::integer;

-- name: holds_due
-- Holds that nobody resolved in time, the oldest first.
SELECT id
  FROM ledger_holds
 WHERE state = 'pending' AND expires_at <= statement_timestamp()
 ORDER BY expires_at
 LIMIT :limit::integer;
