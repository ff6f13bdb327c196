-- A large cooperative, made at once: written by the owner of everything, without triggers, and consistent all the same.

-- name: without_triggers
-- Only for making the data; what is measured runs with all of them, as the service's own role.
SET session_replication_role = replica;

-- name: make_cooperative
-- With a chair, a secretary, and an annual meeting that has carried the allocation.
WITH cooperative AS (
    INSERT INTO cooperatives (cooperative_id, name, kind, region_code, principal_savings_minor, withdrawal_limit_minor,
                              registered_by, registered_at)
    VALUES (:cooperative_id, 'Koperasi Besar', 'primer', '18.71', 100000, 5000000, :chair, '2024-01-01+07')
), offices AS (
    INSERT INTO officers (officer_id, cooperative_id, account_id, role, appointed_by, appointed_at)
    VALUES (gen_random_uuid(), :cooperative_id, :chair, 'ketua', :chair, '2024-01-01+07')
), meeting AS (
    INSERT INTO meetings (meeting_id, cooperative_id, kind, year, held_at, is_online, invited_on, invitation_days,
                          ballots_are_secret, agenda, due_on, state, called_by, called_at, opened_by, opened_at, members,
                          quorum_numerator, quorum_denominator, quorum_is_more_than, quorum, present_at_opening, minutes,
                          minutes_sha256, counted_at, closed_at)
    VALUES (gen_random_uuid(), :cooperative_id, 'annual', 2025, '2026-03-01+07', false, '2026-02-01', 14, false,
            '["SHU"]', '2026-06-30', 'closed', :chair, '2026-02-01+07', :chair, '2026-03-01+07', 1, 1, 2, true, 1, 1, '{}',
            encode(sha256('{}'), 'hex'), '2026-03-01+07', '2026-03-01+07')
    RETURNING meeting_id
)
INSERT INTO motions (motion_id, meeting_id, number, kind, text, allocation, moved_by, moved_at, yes, no, abstain, is_carried)
SELECT gen_random_uuid(), meeting_id, 1, 'surplus', 'Pembagian SHU', :allocation::jsonb, :chair, '2026-03-01+07', 1, 0, 0,
       true
  FROM meeting;

-- name: make_members
-- Everybody has an account and was admitted in 2024.
INSERT INTO members (member_id, cooperative_id, state, register_number, account_id, name, region_code, approved_by,
                     approved_at, admitted_at)
SELECT gen_random_uuid(), :cooperative_id, 'active', n, gen_random_uuid(), 'Anggota ' || n, '18.71', :chair,
       '2024-01-01+07', '2024-01-01+07'
  FROM generate_series(1, :members::integer) AS n;

-- name: make_places
-- The lines of the chart that are used.
WITH opened AS (
    INSERT INTO ledger_accounts (id, code, kind, normal_side, currency, balance_min_minor)
    SELECT gen_random_uuid(), 'coop:' || :cooperative_id::uuid || ':' || p.code, p.kind::ledger_kind, p.side::ledger_side,
           'IDR', CASE WHEN p.code = '1101' THEN 0 END
      FROM (VALUES ('1101', 'asset', 'debit'), ('4101', 'income', 'credit'), ('5102', 'expense', 'debit')) AS p (code, kind, side)
    RETURNING id, code
)
INSERT INTO books (ledger_account_id, cooperative_id, code) SELECT id, :cooperative_id, right(code, 4) FROM opened;

-- name: make_savings
-- Principal and mandatory savings of different amounts, deposited in 2024 and (a tenth of them again) after the year.
WITH opened AS (
    INSERT INTO ledger_accounts (id, code, kind, normal_side, currency, balance_min_minor)
    SELECT gen_random_uuid(), 'coop:' || m.cooperative_id || ':' || k.code || ':' || m.member_id, 'equity', 'credit', 'IDR', 0
      FROM members AS m CROSS JOIN (VALUES ('3101'), ('3102')) AS k (code)
    RETURNING id, code
)
INSERT INTO books (ledger_account_id, cooperative_id, code, member_id)
SELECT id, :cooperative_id, split_part(code, ':', 3), split_part(code, ':', 4)::uuid FROM opened;

-- name: make_deposits
-- One transfer per deposit, with its two entries; running balances as they would be.
WITH deposits AS MATERIALIZED (
    SELECT gen_random_uuid() AS transfer_id, b.ledger_account_id,
           CASE WHEN b.code = '3101' THEN 100000 ELSE 10000 * (1 + m.register_number % 97) END AS amount,
           d.at, d.number
      FROM books AS b JOIN members AS m USING (member_id)
      JOIN LATERAL (VALUES (1, '2024-06-01+07'::timestamptz), (2, '2026-02-01+07'::timestamptz)) AS d (number, at)
        ON d.number = 1 OR (b.code = '3102' AND m.register_number % 10 = 0)
), transfers AS (
    INSERT INTO ledger_transfers (id, currency, legs, reason, event_at, created_at, fingerprint)
    SELECT transfer_id, 'IDR', 2, 'savings_deposit', at, at, '' FROM deposits
)
INSERT INTO ledger_entries (transfer_id, leg, account_id, currency, side, amount_minor, account_version, balance_after_minor)
SELECT transfer_id, 1, cash.ledger_account_id, 'IDR', 'debit'::ledger_side, amount, row_number() OVER running, sum(amount) OVER running
  FROM deposits, books AS cash
 WHERE cash.code = '1101'
WINDOW running AS (ORDER BY number, transfer_id)
UNION ALL
SELECT transfer_id, 2, ledger_account_id, 'IDR', 'credit'::ledger_side, amount, number, amount * number FROM deposits;

-- name: make_business
-- The surplus of the year: income less expense.
WITH amounts (code, amount, side, other) AS (
    VALUES ('4101', :income::bigint, 'credit', 'debit'), ('5102', :expense::bigint, 'debit', 'credit')
), transfers AS (
    INSERT INTO ledger_transfers (id, currency, legs, reason, event_at, created_at, fingerprint)
    SELECT gen_random_uuid(), 'IDR', 2, 'journal', '2025-06-01+07', now(), decode(code, 'hex') FROM amounts
    RETURNING id, encode(fingerprint, 'hex') AS code
), cash AS (
    SELECT e.account_id, max(e.account_version) AS version, max(e.balance_after_minor) AS balance
      FROM books AS b JOIN ledger_entries AS e ON e.account_id = b.ledger_account_id AND b.code = '1101'
     GROUP BY e.account_id
)
INSERT INTO ledger_entries (transfer_id, leg, account_id, currency, side, amount_minor, account_version, balance_after_minor)
SELECT t.id, 1, b.ledger_account_id, 'IDR', a.side::ledger_side, a.amount, 1, a.amount
  FROM transfers AS t JOIN amounts AS a USING (code) JOIN books AS b USING (code)
UNION ALL
SELECT t.id, 2, cash.account_id, 'IDR', a.other::ledger_side, a.amount, cash.version + row_number() OVER by_code,
       cash.balance + sum(CASE a.other WHEN 'debit' THEN a.amount ELSE -a.amount END) OVER by_code
  FROM transfers AS t JOIN amounts AS a USING (code) CROSS JOIN cash
WINDOW by_code AS (ORDER BY a.code);

-- name: set_balances
-- Accounts have what their last entry says.
UPDATE ledger_accounts AS a
   SET balance_minor = e.balance_after_minor, version = e.account_version
  FROM (SELECT DISTINCT ON (account_id) account_id, balance_after_minor, account_version
          FROM ledger_entries ORDER BY account_id, account_version DESC) AS e
 WHERE a.id = e.account_id;

-- name: make_shops
-- A third of the members sell.
INSERT INTO patronage_shops (shop_id, owner_id, opened_at)
SELECT gen_random_uuid(), account_id, '2024-02-01+07' FROM members WHERE register_number % 3 = 0;

-- name: make_parcels
-- Each parcel is two entries: of the shop that sold and of the member who bought; a fiftieth was refunded.
WITH people AS MATERIALIZED (
    SELECT account_id, row_number() OVER () AS n, count(*) OVER () AS people FROM members
), shops AS MATERIALIZED (
    SELECT shop_id, row_number() OVER () AS n, count(*) OVER () AS shops FROM patronage_shops
), sizes AS (
    SELECT (SELECT count(*) FROM members) AS people, (SELECT count(*) FROM patronage_shops) AS shops
), parcels AS MATERIALIZED (
    SELECT gen_random_uuid() AS parcel_id, 1 + (n * 7919::bigint) % sizes.people AS buyer, 1 + (n * 104729::bigint) % sizes.shops AS shop,
           10000 + (n * 6151::bigint) % 490000 AS amount,
           '2025-01-01 08:00+07'::timestamptz + (n % 365) * interval '1 day' AS at, n
      FROM generate_series(1, :parcels::integer) AS n, sizes
), written AS (
    INSERT INTO patronage_parcels (parcel_id, cooperative_id, buyer_id, goods_minor, lines, completed_at, completed_on)
    SELECT p.parcel_id, :cooperative_id, people.account_id, p.amount,
           jsonb_build_array(jsonb_build_object('product_id', p.parcel_id, 'amount_minor', p.amount,
                                                'payees', jsonb_build_array(jsonb_build_array(shops.shop_id, 10000)))),
           p.at, (p.at AT TIME ZONE 'Asia/Jakarta')::date
      FROM parcels AS p JOIN people ON people.n = p.buyer JOIN shops ON shops.n = p.shop
)
INSERT INTO patronage_entries (parcel_id, role, party_id, cooperative_id, completed_at, completed_on, completed_minor,
                               refunded_minor)
SELECT p.parcel_id, r.role::patronage_role, CASE r.role WHEN 'seller' THEN shops.shop_id ELSE people.account_id END,
       :cooperative_id, p.at, (p.at AT TIME ZONE 'Asia/Jakarta')::date, p.amount, CASE WHEN p.n % 50 = 0 THEN p.amount / 2 ELSE 0 END
  FROM parcels AS p JOIN people ON people.n = p.buyer JOIN shops ON shops.n = p.shop
 CROSS JOIN (VALUES ('seller'), ('buyer')) AS r (role);

-- name: look_at_all
-- As autovacuum has done in a database that is older than a minute.
ANALYZE;
