-- The queries of orders' money: ledger accounts, settlements, refunds by part, savings, statements.

-- name: accounts_among
-- Accounts are opened when they are first used; almost always all of them are there.
SELECT id FROM ledger_accounts WHERE id = ANY(:ids::uuid[]);

-- name: balance_of
-- One row: the account knows its balance.
SELECT balance_minor FROM ledger_accounts WHERE id = :id;

-- name: items_of_orders
-- What orders consist of, line by line and with the shipping of each parcel, and what was refunded of each; whether the
-- money of the parcel is here (at the door: once delivered), and whether something of the order waits to be booked.
SELECT i.order_id, i.parcel_id, i.product_id, i.category, i.quantity, i.unit_price_minor, i.amount_minor, i.payees,
       p.shop_id, p.cooperative_id, p.status::text AS parcel_status, o.payment_method::text AS payment_method,
       o.placed_at, coalesce(o.paid_at, p.delivered_at, o.placed_at) AS paid_at,
       CASE o.payment_method WHEN 'cod' THEN p.delivered_at IS NOT NULL ELSE o.received_minor > 0 END AS is_paid,
       EXISTS (SELECT FROM settlements AS s WHERE s.parcel_id = i.parcel_id) AS is_settled,
       coalesce(r.quantity, 0) AS refunded_quantity, coalesce(r.amount_minor, 0) AS refunded_minor,
       EXISTS (SELECT FROM receipts AS b WHERE b.order_id = i.order_id AND NOT b.is_booked)
       OR EXISTS (SELECT FROM refunds AS b WHERE b.order_id = i.order_id AND NOT b.is_booked) AS is_behind
  FROM (SELECT order_id, parcel_id, product_id, category, quantity, unit_price_minor,
               quantity * unit_price_minor AS amount_minor, payees::text AS payees
          FROM order_lines
         WHERE order_id = ANY(:order_ids::uuid[])
        UNION ALL
        SELECT order_id, parcel_id, NULL, '', 0, 0, shipping_minor, NULL
          FROM parcels
         WHERE order_id = ANY(:order_ids::uuid[])) AS i
  JOIN parcels AS p ON p.parcel_id = i.parcel_id
  JOIN orders AS o ON o.order_id = i.order_id
  LEFT JOIN LATERAL (SELECT sum(quantity)::integer AS quantity, sum(amount_minor)::bigint AS amount_minor
                       FROM refund_parts
                      WHERE parcel_id = i.parcel_id AND product_id IS NOT DISTINCT FROM i.product_id) AS r ON true
 ORDER BY i.order_id, i.parcel_id, i.product_id NULLS LAST;

-- name: insert_settlements
-- Each completed parcel once, with every rupiah of it: the primary key refuses a second time.
WITH settled AS (
    INSERT INTO settlements (parcel_id, order_id, shop_id, event_id, goods_minor, shipping_minor, commission_minor,
                             tax_minor, is_cash, settled_at)
    SELECT s.*, :now
      FROM unnest(:parcel_ids::uuid[], :order_ids::uuid[], :shop_ids::uuid[], :event_ids::uuid[],
                  :goods_minor::bigint[], :shipping_minor::bigint[], :commissions_minor::bigint[],
                  :taxes_minor::bigint[], :are_cash::boolean[]) AS s
)
INSERT INTO settlement_parts (parcel_id, number, product_id, party_id, kind, amount_minor)
SELECT * FROM unnest(:part_parcel_ids::uuid[], :numbers::smallint[], :product_ids::uuid[], :party_ids::uuid[],
                     :kinds::text[], :amounts_minor::bigint[]);

-- name: standing_parts
-- What settled parcels have brought to whom, and what of it went back. Their orders are locked.
SELECT parcel_id, number, product_id, party_id, kind, amount_minor, returned_minor
  FROM settlement_parts
 WHERE parcel_id = ANY(:parcel_ids::uuid[])
 ORDER BY parcel_id, number;

-- name: take_back_parts
-- A refund takes them back; the check constraint refuses more than was settled.
UPDATE settlement_parts AS p
   SET returned_minor = p.returned_minor + t.amount_minor
  FROM unnest(:parcel_ids::uuid[], :numbers::smallint[], :amounts_minor::bigint[]) AS t (parcel_id, number, amount_minor)
 WHERE p.parcel_id = t.parcel_id AND p.number = t.number;

-- name: insert_refund_parts
-- Whose money a refund is.
INSERT INTO refund_parts (refund_id, parcel_id, product_id, quantity, amount_minor, is_of_settled)
SELECT * FROM unnest(:refund_ids::uuid[], :parcel_ids::uuid[], :product_ids::uuid[], :quantities::integer[],
                     :amounts_minor::bigint[], :are_of_settled::boolean[]);

-- name: parts_of_refund
-- For the fact that the money is with the buyer.
SELECT r.parcel_id, p.shop_id, p.cooperative_id, r.product_id, r.quantity, r.amount_minor, r.is_of_settled
  FROM refund_parts AS r
  JOIN parcels AS p ON p.parcel_id = r.parcel_id
 WHERE r.refund_id = :refund_id
 ORDER BY r.parcel_id, r.product_id NULLS LAST;

-- name: taxpayers_among
-- What these payees have declared.
SELECT party_id, kind, has_declared_small_turnover, has_exemption_letter, declared_at
  FROM taxpayers
 WHERE party_id = ANY(:party_ids::uuid[]);

-- name: declare_taxpayer
-- For who leads the shop, or is the payee; nobody else writes anything.
INSERT INTO taxpayers (party_id, kind, has_declared_small_turnover, has_exemption_letter, declared_by, declared_at)
SELECT :party_id, :kind, :has_declared_small_turnover, :has_exemption_letter, :account_id, :now
 WHERE :account_id::uuid = :party_id
    OR EXISTS (SELECT FROM shop_staff
                WHERE shop_id = :party_id AND account_id = :account_id AND role IN ('owner', 'manager'))
    ON CONFLICT (party_id) DO UPDATE
   SET kind = excluded.kind, has_declared_small_turnover = excluded.has_declared_small_turnover,
       has_exemption_letter = excluded.has_exemption_letter, declared_by = excluded.declared_by,
       declared_at = excluded.declared_at;

-- name: insert_savings_payments
-- Only orders paid from savings have a row; written with them.
INSERT INTO savings_payments (order_id, charge_id, cooperative_id)
SELECT * FROM unnest(:order_ids::uuid[], :charge_ids::uuid[], :cooperative_ids::uuid[]);

-- name: savings_payments_of
-- From whose savings these orders are paid.
SELECT order_id, charge_id, cooperative_id FROM savings_payments WHERE order_id = ANY(:order_ids::uuid[]);

-- name: orders_to_book
-- Orders from before the ledger whose money is not in it yet.
SELECT order_id FROM receipts WHERE NOT is_booked
 UNION
SELECT order_id FROM refunds WHERE NOT is_booked
 LIMIT :most;

-- name: book_receipts
-- Money from before the ledger, as it is booked now.
UPDATE receipts SET is_booked = true
 WHERE order_id = ANY(:order_ids::uuid[]) AND NOT is_booked
RETURNING order_id, provider, provider_reference, amount_minor, verdict::text AS verdict, received_at;

-- name: book_refunds
-- The same for what went back.
UPDATE refunds AS f SET is_booked = true
  FROM receipts AS r
 WHERE f.order_id = ANY(:order_ids::uuid[]) AND NOT f.is_booked
   AND r.provider = f.provider AND r.provider_reference = f.provider_reference
RETURNING f.order_id, f.refund_id, f.parcel_id, f.provider, f.amount_minor, f.status::text AS status, f.requested_at,
          f.made_at, r.verdict IN ('accepted', 'late') AS is_of_order;

-- name: try_refund_again
-- A failed refund is asked for once more, under its own reference, so that the provider cannot send it twice.
UPDATE refunds SET status = 'requested', tries = tries + 1
 WHERE refund_id = :refund_id AND order_id = :order_id AND status = 'failed'
RETURNING tries;

-- name: may_see_money
-- Who leads the shop, or is the payee, may see what it has to get; everybody else finds nothing.
SELECT :account_id::uuid = :party_id
    OR EXISTS (SELECT FROM shop_staff
                WHERE shop_id = :party_id AND account_id = :account_id AND role IN ('owner', 'manager'));

-- name: statement_bounds
-- The entries of a period, found from the newest back: their versions have no gap, so a page cannot miss one.
SELECT (SELECT e.account_version FROM ledger_entries AS e
          JOIN ledger_transfers AS t ON t.id = e.transfer_id
         WHERE e.account_id = :account_id AND t.created_at < :since::timestamptz
         ORDER BY e.account_version DESC LIMIT 1) AS before_version,
       (SELECT e.account_version FROM ledger_entries AS e
          JOIN ledger_transfers AS t ON t.id = e.transfer_id
         WHERE e.account_id = :account_id AND t.created_at < :until::timestamptz
         ORDER BY e.account_version DESC LIMIT 1) AS last_version;

-- name: balances_at
-- What the account held after these versions.
SELECT account_version, balance_after_minor
  FROM ledger_entries
 WHERE account_id = :account_id AND account_version = ANY(:versions::bigint[]);

-- name: statement_lines
-- Each line with what it came from: of a settlement how it is made up, of a refund the event that told it.
SELECT e.account_version, t.reason AS kind, t.created_at AS booked_at, t.event_at,
       CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END AS amount_minor,
       e.balance_after_minor AS balance_minor, t.id AS transfer_id, t.reference,
       coalesce(t.meta ->> 'event_id', f.event_id::text) AS event_id, f.reason AS refund_reason,
       f.status::text AS refund_status, s.goods_minor, s.shipping_minor, s.commission_minor, s.tax_minor,
       s.cash_kept_minor
  FROM ledger_entries AS e
  JOIN ledger_transfers AS t ON t.id = e.transfer_id
  LEFT JOIN refunds AS f ON f.refund_id = t.id
  LEFT JOIN LATERAL (
       SELECT coalesce(sum(p.amount_minor) FILTER (WHERE p.product_id IS NOT NULL AND p.party_id = :party_id), 0)::bigint
                  AS goods_minor,
              coalesce(sum(p.amount_minor) FILTER (WHERE p.product_id IS NULL AND p.party_id = :party_id), 0)::bigint
                  AS shipping_minor,
              coalesce(sum(p.amount_minor) FILTER (WHERE p.kind = 'commission' AND p.party_id = :party_id), 0)::bigint
                  AS commission_minor,
              coalesce(sum(p.amount_minor) FILTER (WHERE p.kind = 'tax' AND p.party_id = :party_id), 0)::bigint
                  AS tax_minor,
              coalesce(sum(p.amount_minor) FILTER (WHERE x.is_cash AND x.shop_id = :party_id), 0)::bigint
                  AS cash_kept_minor
         FROM settlements AS x
         JOIN settlement_parts AS p ON p.parcel_id = x.parcel_id
        WHERE x.parcel_id = t.id
       HAVING count(*) > 0) AS s ON true
 WHERE e.account_id = :account_id AND e.account_version > :after AND e.account_version <= :last
 ORDER BY e.account_version
 LIMIT :most;

-- name: dashboard
-- Everything in one statement, so from one snapshot: the open parcels themselves, and of what has ended the sums, so that a
-- long past costs nothing. Turnover is what completed parcels brought less what was taken back; unsettled is what buyers
-- paid for parcels that are under way.
WITH parcels_open AS (
    SELECT parcel_id, order_id, status, goods_minor + shipping_minor AS cost_minor, delivered_at
      FROM parcels WHERE shop_id = :shop_id AND status IN ('pending', 'shipped')
    UNION ALL
    SELECT parcel_id, order_id, status, goods_minor + shipping_minor, delivered_at
      FROM parcels WHERE shop_id = :shop_id AND status = 'delivered'
), own AS MATERIALIZED (
    SELECT p.parcel_id, p.order_id, p.status, o.status AS order_status, p.cost_minor,
           CASE o.payment_method WHEN 'cod' THEN p.delivered_at IS NOT NULL ELSE o.received_minor > 0 END AS is_paid
      FROM parcels_open AS p
      JOIN orders AS o ON o.order_id = p.order_id
), past AS MATERIALIZED (
    SELECT order_status, status, parcels, settled_minor, commission_minor, tax_minor, taken_back_minor
      FROM shop_figures
     WHERE shop_id = :shop_id
), counted AS MATERIALIZED (
    SELECT order_status, status, sum(parcels)::bigint AS parcels
      FROM (SELECT order_status, status, 1 AS parcels FROM own
            UNION ALL
            SELECT order_status, status, parcels FROM past WHERE status IS NOT NULL) AS c
     GROUP BY order_status, status
    HAVING sum(parcels) <> 0
), sums AS (
    SELECT coalesce(sum(settled_minor), 0)::bigint AS settled_minor,
           coalesce(sum(taken_back_minor), 0)::bigint AS taken_back_minor,
           coalesce(sum(commission_minor), 0)::bigint AS commission_minor, coalesce(sum(tax_minor), 0)::bigint AS tax_minor
      FROM past
)
SELECT (SELECT coalesce(jsonb_object_agg(order_status, orders), '{}')
          FROM (SELECT order_status, sum(parcels)::bigint AS orders FROM counted GROUP BY order_status) AS c) AS orders,
       (SELECT coalesce(jsonb_object_agg(status, parcels), '{}')
          FROM (SELECT status, sum(parcels)::bigint AS parcels FROM counted GROUP BY status) AS c) AS parcels,
       (SELECT count(*) FROM own WHERE order_status <> 'cancelled') AS open_parcels,
       (SELECT coalesce(sum(cost_minor), 0)::bigint FROM own WHERE order_status <> 'cancelled') AS open_minor,
       sums.settled_minor, sums.taken_back_minor, sums.commission_minor, sums.tax_minor,
       (SELECT coalesce(sum(w.cost_minor - coalesce(r.amount_minor, 0)), 0)::bigint
          FROM own AS w
          LEFT JOIN LATERAL (SELECT sum(amount_minor) AS amount_minor FROM refund_parts WHERE parcel_id = w.parcel_id) AS r
                 ON true
         WHERE w.is_paid AND w.order_status <> 'cancelled') AS unsettled_minor,
       (SELECT balance_minor FROM ledger_accounts WHERE id = :account_id) AS balance_minor,
       CASE WHEN :with_parcels::boolean THEN
           (SELECT coalesce(jsonb_agg(jsonb_build_object('parcel_id', parcel_id, 'order_id', order_id, 'status', status,
                                                         'cost_minor', cost_minor) ORDER BY parcel_id), '[]')
              FROM (SELECT parcel_id, order_id, status, cost_minor FROM own WHERE order_status <> 'cancelled'
                     ORDER BY parcel_id LIMIT 1000) AS oldest)
       END AS open,
       statement_timestamp() AS as_of
  FROM sums;

-- name: add_up_figures
-- Of a bounded number of shops: many addends become their sum. What another process adds up now is left to it.
WITH due AS MATERIALIZED (
    SELECT DISTINCT shop_id FROM shop_figures WHERE NOT is_sum ORDER BY shop_id LIMIT :most
), gone AS (
    DELETE FROM shop_figures
     WHERE ctid = ANY(ARRAY(SELECT f.ctid FROM shop_figures AS f
                             WHERE f.shop_id IN (SELECT shop_id FROM due)
                               FOR UPDATE SKIP LOCKED))
    RETURNING shop_id, order_status, status, parcels, settled_minor, commission_minor, tax_minor, taken_back_minor
), added AS (
    INSERT INTO shop_figures (shop_id, order_status, status, parcels, settled_minor, commission_minor, tax_minor,
                              taken_back_minor, is_sum)
    SELECT shop_id, order_status, status, sum(parcels), sum(settled_minor), sum(commission_minor), sum(tax_minor),
           sum(taken_back_minor), true
      FROM gone
     GROUP BY shop_id, order_status, status
    HAVING sum(parcels) <> 0 OR status IS NULL
)
SELECT count(*) FROM due;

-- name: trial_balance
-- The market's books at one moment: stripes are summed, payees are two lines, what they have to get and what they owe. Both
-- columns have one sum.
SELECT family AS account, kind, currency, sum(debit_minor)::bigint AS debit_minor, sum(credit_minor)::bigint AS credit_minor
  FROM (SELECT CASE WHEN code LIKE 'payee:%' AND balance_minor < 0 THEN 'payees in debt'
                    WHEN code LIKE 'payee:%' THEN 'payees'
                    ELSE regexp_replace(code, ':[0-9a-f]$', '') END AS family,
               kind::text AS kind, currency,
               CASE WHEN (normal_side = 'debit') = (balance_minor >= 0) THEN abs(balance_minor) ELSE 0 END AS debit_minor,
               CASE WHEN (normal_side = 'credit') = (balance_minor >= 0) THEN abs(balance_minor) ELSE 0 END AS credit_minor
          FROM ledger_accounts) AS accounts
 GROUP BY family, kind, currency
 ORDER BY currency, kind, family;

-- name: failed_among
-- A failed call stays listed; once its refund was tried again it is nobody's work any more.
SELECT refund_id FROM refunds WHERE refund_id = ANY(:refund_ids::uuid[]) AND status = 'failed';
