-- What a cooperative may owe the market for orders paid from savings, and what it owes.

-- name: lock_market
-- For an operator's decision, which is not for who is inside: the row is locked, so that two changes follow each other.
SELECT c.market_limit_minor,
       EXISTS (SELECT FROM officers AS o
                WHERE o.cooperative_id = c.cooperative_id AND o.account_id = :account_id AND o.ended_at IS NULL) AS is_officer,
       EXISTS (SELECT FROM members AS m
                WHERE m.cooperative_id = c.cooperative_id AND m.account_id = :account_id AND m.state <> 'ended') AS is_member
  FROM cooperatives AS c
 WHERE c.cooperative_id = :cooperative_id
   FOR NO KEY UPDATE OF c;

-- name: put_market_limit
-- With the line that says who changed it: the same amount again changes nothing and leaves no line.
WITH changed AS (
    UPDATE cooperatives SET market_limit_minor = :limit_minor::bigint
     WHERE cooperative_id = :cooperative_id AND market_limit_minor <> :limit_minor::bigint
    RETURNING cooperative_id
)
INSERT INTO market_limits (cooperative_id, number, before_minor, after_minor, changed_by, changed_at)
SELECT cooperative_id, 1 + (SELECT count(*) FROM market_limits WHERE cooperative_id = :cooperative_id)::integer,
       :before_minor::bigint, :limit_minor::bigint, :changed_by, :changed_at
  FROM changed;

-- name: markets
-- What these cooperatives may owe the market, and what they owe by their clearing account (2301), which who decides a
-- charge has locked. Below zero the market owes them.
SELECT c.cooperative_id, c.market_limit_minor, coalesce(a.balance_minor, 0) AS owed_minor
  FROM cooperatives AS c
  LEFT JOIN books AS b ON b.cooperative_id = c.cooperative_id AND b.code = '2301'
  LEFT JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
 WHERE c.cooperative_id = ANY(:cooperative_ids::uuid[]);

-- name: clearing_payment
-- Whether a payment was booked before.
SELECT payment_id FROM clearing_payments WHERE payment_id = :payment_id;

-- name: insert_clearing_payment
-- Once: the primary key refuses a second time.
INSERT INTO clearing_payments (payment_id, cooperative_id, amount_minor, from_bank_minor, paid_at, booked_at)
VALUES (:payment_id, :cooperative_id, :amount_minor, :from_bank_minor, :paid_at, :booked_at);
