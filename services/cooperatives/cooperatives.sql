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
