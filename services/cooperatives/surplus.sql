-- Queries of the surplus (SHU): what the books of a year say, what counts of each member, and the division, once.

-- name: movements_of_year
-- What each account of income and expense did in a book year, closing entries left out. Income minus expense is the surplus.
SELECT a.id AS account_id, b.code, a.kind::text,
       sum(CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END)::bigint AS credit_minor
  FROM books AS b
  JOIN ledger_accounts AS a ON a.id = b.ledger_account_id AND a.kind IN ('income', 'expense')
  JOIN ledger_entries AS e ON e.account_id = a.id
  JOIN ledger_transfers AS t ON t.id = e.transfer_id
 WHERE b.cooperative_id = :cooperative_id AND t.event_at >= :begins_at AND t.event_at < :ends_at
   AND t.reason <> 'year_closed'
 GROUP BY a.id, b.code, a.kind
 ORDER BY b.code;

-- name: bases_of_members
-- Of everybody who is in the register when the book year ends: savings that count, as they were then (today's balance less
-- what moved since), and the patronage of the year. One statement, so one moment; sums by hash, so one pass per table.
WITH members_then AS MATERIALIZED (
    SELECT member_id, account_id, admitted_at
      FROM members
     WHERE cooperative_id = :cooperative_id AND admitted_at < :ends_at AND (ended_at IS NULL OR ended_at >= :ends_at)
), parties AS (
    SELECT member_id AS party_id, member_id, admitted_at FROM members_then
    UNION ALL SELECT account_id, member_id, admitted_at FROM members_then WHERE account_id IS NOT NULL
    UNION ALL SELECT s.shop_id, m.member_id, m.admitted_at
                FROM members_then AS m JOIN patronage_shops AS s ON s.owner_id = m.account_id
), dealings AS (
    SELECT p.member_id, sum(e.completed_minor - e.refunded_minor)::bigint AS minor
      FROM patronage_entries AS e JOIN parties AS p ON p.party_id = e.party_id AND e.completed_at >= p.admitted_at
     WHERE e.cooperative_id = :cooperative_id AND e.completed_on BETWEEN :first_day::date AND :last_day::date
     GROUP BY p.member_id
), moved_since AS (
    SELECT e.account_id, sum(CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END) AS minor
      FROM ledger_transfers AS t JOIN ledger_entries AS e ON e.transfer_id = t.id
     WHERE t.event_at >= :ends_at
     GROUP BY e.account_id
), savings AS (
    SELECT b.member_id, sum(a.balance_minor - coalesce(s.minor, 0))::bigint AS minor
      FROM books AS b
      JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
      LEFT JOIN moved_since AS s ON s.account_id = a.id
     WHERE b.cooperative_id = :cooperative_id AND b.code = ANY(:codes::text[]) AND b.member_id IS NOT NULL
     GROUP BY b.member_id
)
SELECT m.member_id, greatest(coalesce(s.minor, 0), 0) AS savings_minor, coalesce(d.minor, 0) AS dealings_minor
  FROM members_then AS m
  LEFT JOIN savings AS s USING (member_id)
  LEFT JOIN dealings AS d USING (member_id)
 ORDER BY m.member_id;

-- name: carried_motions
-- What a closed annual meeting with quorum decided about the year, latest meeting first.
SELECT m.motion_id, m.meeting_id, m.allocation
  FROM motions AS m JOIN meetings AS g USING (meeting_id)
 WHERE g.cooperative_id = :cooperative_id AND g.year = :year AND g.kind = 'annual' AND g.state = 'closed'
   AND g.opened_at IS NOT NULL AND m.is_carried AND m.kind = :kind::motion_kind
 ORDER BY g.closed_at DESC, m.number DESC;

-- name: claim_year
-- The primary key decides who divides a year: a second one waits here, and is then refused.
INSERT INTO surplus_runs (cooperative_id, year, motion_id, surplus_minor, allocation, rounding, capital_base,
                          savings_total_minor, dealings_total_minor, members_minor, members, funds, undistributed_minor,
                          distributed_by, distributed_at)
VALUES (:cooperative_id, :year, :motion_id, :surplus_minor, :allocation::jsonb, :rounding::surplus_rounding,
        :capital_base::capital_base, :savings_total_minor, :dealings_total_minor, :members_minor, :members,
        :funds::jsonb, :undistributed_minor, :distributed_by, :distributed_at);

-- name: lock_year
-- Whoever computes for real has the cooperative's year alone; the lock ends with the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('surplus:' || :cooperative_id::uuid::text, :year::bigint));

-- name: share_year_of_day
-- Whoever books into a year shares what a division has alone, so that each sees what the other did; which year it is.
SELECT y.year, pg_advisory_xact_lock_shared(hashtextextended('surplus:' || c.cooperative_id::text, y.year)) IS NULL AS shared
  FROM cooperatives AS c
 CROSS JOIN LATERAL (
        SELECT extract(year FROM :day::date)::bigint
               + (extract(month FROM :day::date) > c.book_year_end_month)::integer AS year) AS y
 WHERE c.cooperative_id = :cooperative_id;

-- name: allow_time
-- The role's limits are meant for requests that people wait for; a hundred thousand members take longer, also to calculate.
SELECT set_config('transaction_timeout', '5min', true), set_config('idle_in_transaction_session_timeout', '2min', true),
       set_config('statement_timeout', '2min', true);

-- name: insert_shares
-- All members' lines by one statement.
INSERT INTO surplus_shares (cooperative_id, year, member_id, savings_minor, dealings_minor, capital_minor, service_minor)
SELECT :cooperative_id, :year, s.member_id, s.savings_minor, s.dealings_minor, s.capital_minor, s.service_minor
  FROM unnest(:member_ids::uuid[], :savings::bigint[], :dealings::bigint[], :capital::bigint[], :service::bigint[])
       AS s (member_id, savings_minor, dealings_minor, capital_minor, service_minor);

-- name: member_accounts
-- Those members' accounts of one line of the chart that are open already.
SELECT member_id, ledger_account_id
  FROM books
 WHERE cooperative_id = :cooperative_id AND code = :code AND member_id = ANY(:member_ids::uuid[]);

-- name: insert_member_accounts
-- Accounts that the ledger has just opened.
INSERT INTO books (ledger_account_id, cooperative_id, code, member_id)
SELECT o.ledger_account_id, :cooperative_id, :code, o.member_id
  FROM unnest(:ledger_account_ids::uuid[], :member_ids::uuid[]) AS o (ledger_account_id, member_id)
 ORDER BY o.member_id
    ON CONFLICT DO NOTHING;

-- name: run_of_year
-- How a year was divided.
SELECT r.motion_id, m.meeting_id, r.surplus_minor, r.allocation, r.rounding::text, r.capital_base::text,
       r.savings_total_minor, r.dealings_total_minor, r.members_minor, r.members, r.funds, r.undistributed_minor,
       r.distributed_at
  FROM surplus_runs AS r JOIN motions AS m USING (motion_id)
 WHERE r.cooperative_id = :cooperative_id AND r.year = :year;

-- name: standing_of_year
-- What has become of a book year: the annual meeting that was held about it, and whether its surplus is divided.
SELECT (SELECT g.meeting_id FROM meetings AS g
         WHERE g.cooperative_id = :cooperative_id AND g.year = :year AND g.kind = 'annual' AND g.state = 'closed'
           AND g.opened_at IS NOT NULL
         ORDER BY g.closed_at DESC LIMIT 1) AS meeting_id,
       (SELECT r.distributed_at FROM surplus_runs AS r
         WHERE r.cooperative_id = :cooperative_id AND r.year = :year) AS distributed_at;

-- name: shares_of_year
-- Members' lines, in the order of their ids.
SELECT member_id, savings_minor, dealings_minor, capital_minor, service_minor
  FROM surplus_shares
 WHERE cooperative_id = :cooperative_id AND year = :year AND (:after::uuid IS NULL OR member_id > :after::uuid)
 ORDER BY member_id
 LIMIT :limit::integer;

-- name: shares_of_account
-- The caller's own lines, also of a membership that has ended since.
SELECT s.member_id, s.savings_minor, s.dealings_minor, s.capital_minor, s.service_minor
  FROM surplus_shares AS s JOIN members AS m USING (member_id)
 WHERE s.cooperative_id = :cooperative_id AND s.year = :year AND m.account_id = :account_id
 ORDER BY s.member_id;

-- name: member_or_officer
-- A member's own affairs are theirs and the officers'; to anybody else there is no such member.
SELECT m.member_id, m.account_id, c.book_year_end_month
  FROM members AS m JOIN cooperatives AS c USING (cooperative_id)
 WHERE m.member_id = :member_id AND m.cooperative_id = :cooperative_id
   AND (m.account_id = :account_id
        OR EXISTS (SELECT FROM officers AS o WHERE o.cooperative_id = m.cooperative_id AND o.account_id = :account_id
                                               AND o.ended_at IS NULL));
