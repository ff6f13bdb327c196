-- What cooperatives owe the market for orders paid from savings, and what they paid of it.

-- name: insert_payment
-- A reference that was counted before gives no row.
INSERT INTO savings_claim_payments (payment_id, cooperative_id, amount_minor, reference, recorded_by, paid_at)
VALUES (:payment_id, :cooperative_id, :amount_minor, :reference, :recorded_by, :paid_at)
    ON CONFLICT (reference) DO NOTHING;

-- name: claims
-- By cooperative: what it owes now (below zero the market owes), and what it has paid so far.
SELECT c.cooperative_id, c.owed_minor, coalesce(p.paid_minor, 0)::bigint AS paid_minor, p.last_paid_at
  FROM (SELECT substr(code, 18)::uuid AS cooperative_id, balance_minor AS owed_minor
          FROM ledger_accounts
         WHERE code LIKE 'clearing:savings:%') AS c
  LEFT JOIN LATERAL (SELECT sum(amount_minor) AS paid_minor, max(paid_at) AS last_paid_at
                       FROM savings_claim_payments AS s WHERE s.cooperative_id = c.cooperative_id) AS p ON true
 WHERE (:cooperative_id::uuid IS NULL OR c.cooperative_id = :cooperative_id)
   AND (:after::uuid IS NULL OR c.cooperative_id > :after)
 ORDER BY c.cooperative_id
 LIMIT :most::integer;
