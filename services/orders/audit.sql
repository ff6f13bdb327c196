-- Checks of orders' own tables: a row is a violation (key, what). Run by `lumbung audit`.

-- name: orders_are_in_one_class
-- I2: an order's times agree with what it has become, and with nothing else.
SELECT order_id::text AS key, 'is ' || status || ' but its times say otherwise' AS what
  FROM orders
 WHERE NOT CASE status
           WHEN 'placed' THEN reserved_at IS NULL AND confirmed_at IS NULL AND completed_at IS NULL
           WHEN 'reserved' THEN reserved_at IS NOT NULL AND confirmed_at IS NULL AND completed_at IS NULL
           WHEN 'reclaiming' THEN confirmed_at IS NULL AND completed_at IS NULL
           WHEN 'confirmed' THEN confirmed_at IS NOT NULL AND completed_at IS NULL
           WHEN 'completed' THEN confirmed_at IS NOT NULL AND completed_at IS NOT NULL
           WHEN 'cancelled' THEN cancelled_at IS NOT NULL AND completed_at IS NULL
           END
 LIMIT 100;

-- name: orders_are_not_stuck
-- The order owns its clock: nothing is left waiting minutes after its deadline.
SELECT order_id::text AS key, 'is still ' || status || ', its deadline was ' || deadline_at AS what
  FROM orders
 WHERE status IN ('placed', 'reserved', 'reclaiming') AND deadline_at < statement_timestamp() - interval '5 minutes'
 LIMIT 100;

-- name: orders_have_lines_parcels_and_sums
-- I2: an order is what its parcels and lines say, to the rupiah.
SELECT o.order_id::text AS key,
       'total ' || o.total_minor || ', parcels sum to ' || coalesce(p.total_minor, 0) || ', their goods to '
       || coalesce(p.goods_minor, 0) || ', lines to ' || coalesce(l.goods_minor, 0) AS what
  FROM orders AS o
  LEFT JOIN (SELECT order_id, sum(goods_minor + shipping_minor) AS total_minor, sum(goods_minor) AS goods_minor
               FROM parcels GROUP BY order_id) AS p USING (order_id)
  LEFT JOIN (SELECT order_id, sum(quantity * unit_price_minor) AS goods_minor
               FROM order_lines GROUP BY order_id) AS l USING (order_id)
 WHERE o.total_minor IS DISTINCT FROM p.total_minor OR p.goods_minor IS DISTINCT FROM l.goods_minor
 LIMIT 100;

-- name: parcels_hold_what_their_lines_say
-- I2: each parcel has lines, and its goods are worth what they sum to.
SELECT p.parcel_id::text AS key, 'goods ' || p.goods_minor || ', lines sum to ' || coalesce(l.goods_minor, 0) AS what
  FROM parcels AS p
  LEFT JOIN (SELECT parcel_id, sum(quantity * unit_price_minor) AS goods_minor
               FROM order_lines GROUP BY parcel_id) AS l USING (parcel_id)
 WHERE p.goods_minor IS DISTINCT FROM l.goods_minor
 LIMIT 100;

-- name: parcels_follow_their_order
-- I2: parcels leave only from confirmed orders, and end when their order has ended.
SELECT p.parcel_id::text AS key, 'is ' || p.status || ' although its order is ' || o.status AS what
  FROM parcels AS p
  JOIN orders AS o USING (order_id)
 WHERE CASE
       WHEN o.status IN ('placed', 'reserved') THEN p.status <> 'pending'
       WHEN o.status = 'reclaiming' THEN p.status NOT IN ('pending', 'cancelled')
       WHEN o.status = 'cancelled' THEN p.status NOT IN ('cancelled', 'returned')
       WHEN o.status = 'completed' THEN p.status NOT IN ('completed', 'cancelled', 'returned')
       ELSE false
       END
 LIMIT 100;

-- name: confirmed_orders_are_under_way
-- I2: an order whose parcels have all ended has ended too.
SELECT o.order_id::text AS key, 'is confirmed although all its parcels have ended' AS what
  FROM orders AS o
 WHERE o.status = 'confirmed'
   AND NOT EXISTS (SELECT FROM parcels AS p
                    WHERE p.order_id = o.order_id AND p.status IN ('pending', 'shipped', 'delivered'))
 LIMIT 100;

-- name: paid_orders_have_the_money
-- I2: what is paid first is confirmed only with all its money; paid means all of it is here. At the door, all is what
-- the parcels cost that were not called off.
SELECT o.order_id::text AS key,
       'is ' || o.status || ' with ' || o.received_minor || ' of ' || d.due_minor || ' received' AS what
  FROM orders AS o
 CROSS JOIN LATERAL (
       SELECT CASE WHEN o.payment_method <> 'cod' THEN o.total_minor
                   ELSE (SELECT coalesce(sum(p.goods_minor + p.shipping_minor), 0) FROM parcels AS p
                          WHERE p.order_id = o.order_id AND p.status NOT IN ('cancelled', 'returned')) END AS due_minor)
       AS d
 WHERE o.received_minor <> d.due_minor
   AND (o.paid_at IS NOT NULL OR (o.status IN ('confirmed', 'completed') AND o.payment_method <> 'cod'))
 LIMIT 100;

-- name: received_is_the_sum_of_receipts
-- I3: every rupiah that counts for an order came in by a receipt, and the other way round.
SELECT o.order_id::text AS key, 'received ' || o.received_minor || ', receipts sum to ' || coalesce(r.amount_minor, 0) AS what
  FROM orders AS o
  LEFT JOIN (SELECT order_id, sum(amount_minor) AS amount_minor
               FROM receipts WHERE verdict IN ('accepted', 'late') GROUP BY order_id) AS r USING (order_id)
 WHERE o.received_minor <> coalesce(r.amount_minor, 0)
 LIMIT 100;

-- name: given_back_is_the_sum_of_refunds
-- I3: what a receipt gives back is written down as refunds, no more and no less. A failed refund is for people to mend.
SELECT r.provider || '/' || r.provider_reference AS key,
       'gives back ' || r.refunded_minor || ', refunds sum to ' || coalesce(f.amount_minor, 0) AS what
  FROM receipts AS r
  LEFT JOIN (SELECT provider, provider_reference, sum(amount_minor) AS amount_minor
               FROM refunds GROUP BY provider, provider_reference) AS f USING (provider, provider_reference)
 WHERE r.refunded_minor <> coalesce(f.amount_minor, 0)
 LIMIT 100;

-- name: money_that_does_not_count_goes_back
-- Late, doubled or wrong money is never kept silently, nor is the money of an order that ended unfulfilled.
SELECT r.provider || '/' || r.provider_reference AS key,
       'of ' || r.amount_minor || ' (' || r.verdict || ', order ' || o.status || ') only ' || r.refunded_minor
       || ' goes back' AS what
  FROM receipts AS r
  JOIN orders AS o USING (order_id)
 WHERE r.refunded_minor < r.amount_minor AND (r.verdict NOT IN ('accepted', 'late') OR o.status = 'cancelled')
 LIMIT 100;

-- name: refunds_have_not_failed
-- A refund that the provider refused is owed to a buyer until somebody has settled it.
SELECT refund_id::text AS key, 'of ' || amount_minor || ' for order ' || order_id || ' failed' AS what
  FROM refunds
 WHERE status = 'failed'
 LIMIT 100;

-- name: returns_are_within_their_parcel
-- Nobody sends back more than was sent.
SELECT b.parcel_id || '/' || b.product_id AS key, 'returned ' || b.quantity || ', sent ' || coalesce(l.quantity, 0) AS what
  FROM (SELECT parcel_id, product_id, sum(quantity) AS quantity FROM returned_lines GROUP BY parcel_id, product_id) AS b
  LEFT JOIN (SELECT parcel_id, product_id, sum(quantity) AS quantity FROM order_lines GROUP BY parcel_id, product_id) AS l
    ON l.parcel_id = b.parcel_id AND l.product_id = b.product_id
 WHERE b.quantity > coalesce(l.quantity, 0)
 LIMIT 100;

-- name: orders_said_what_they_became
-- I2: every state has its event in the log: placed, confirmed, paid, cancelled. As far back as the log goes.
SELECT o.order_id || '/' || w.type AS key, 'order ' || o.order_id || ' is ' || o.status || ' and never said ' || w.type AS what
  FROM orders AS o
 CROSS JOIN LATERAL (VALUES ('orders.order_placed.v1', true),
                            ('orders.order_confirmed.v1', o.confirmed_at IS NOT NULL),
                            ('orders.order_paid.v1', o.paid_at IS NOT NULL),
                            ('orders.order_cancelled.v1', o.status = 'cancelled')) AS w (type, is_wanted)
  LEFT JOIN (SELECT DISTINCT ordering_key, type FROM outbox
              WHERE topic = 'lumbung.orders' AND occurred_at >= :since) AS e
    ON e.ordering_key = o.order_id::text AND e.type = w.type
 WHERE w.is_wanted AND e.type IS NULL AND o.placed_at >= :since
 LIMIT 100;

-- name: parcels_said_what_they_became
-- I2: the same for parcels: shipped, delivered, completed.
SELECT p.parcel_id || '/' || w.type AS key, 'parcel ' || p.parcel_id || ' is ' || p.status || ' and never said ' || w.type AS what
  FROM parcels AS p
  JOIN orders AS o USING (order_id)
 CROSS JOIN LATERAL (VALUES ('orders.parcel_shipped.v1', p.shipped_at IS NOT NULL),
                            ('orders.parcel_delivered.v1', p.delivered_at IS NOT NULL),
                            ('orders.parcel_completed.v1', p.completed_at IS NOT NULL)) AS w (type, is_wanted)
  LEFT JOIN (SELECT data ->> 'parcel_id' AS parcel_id, type FROM outbox
              WHERE topic = 'lumbung.orders' AND type LIKE 'orders.parcel_%' AND occurred_at >= :since) AS e
    ON e.parcel_id = p.parcel_id::text AND e.type = w.type
 WHERE w.is_wanted AND e.type IS NULL AND o.placed_at >= :since
 LIMIT 100;

-- name: forgotten_people_have_no_address
-- A forgotten person's address goes with the end of the order; the sweeper gets some minutes for it.
SELECT o.order_id::text AS key, 'the order has ended, its buyer is forgotten, its address is still here' AS what
  FROM orders AS o
  JOIN erased_accounts AS e ON e.account_id = o.buyer_id
  JOIN addresses AS a USING (order_id)
 WHERE o.status IN ('completed', 'cancelled') AND e.erased_at < statement_timestamp() - interval '15 minutes'
   AND coalesce(o.completed_at, o.cancelled_at) < statement_timestamp() - interval '15 minutes'
 LIMIT 100;

-- name: payouts_have_two_people
-- I4: whoever drafted a batch of payouts did not approve it.
SELECT batch_id::text AS key, 'was drafted and approved by ' || approved_by AS what
  FROM payout_batches
 WHERE approved_by = created_by OR (status IN ('approved', 'closed') AND approved_by IS NULL)
 LIMIT 100;

-- name: payouts_are_what_their_payees_lost
-- I4: what a payee was paid, or is on the way to them, and what was kept for lenders, left their account by exactly that
-- much, once; what came back or was refused is theirs again.
SELECT w.key, 'payouts say ' || w.minor || ', the ledger says ' || coalesce(l.minor, 0) AS what
  FROM (SELECT 'payee:' || payee_id AS key, sum(minor)::bigint AS minor
          FROM (SELECT payee_id, amount_minor AS minor FROM payouts WHERE status IN ('scheduled', 'paid')
                UNION ALL
                SELECT payee_id, amount_minor - refused_minor FROM instalments) AS said
         GROUP BY payee_id) AS w
  FULL JOIN (SELECT a.code AS key, sum(CASE e.side WHEN 'debit' THEN e.amount_minor ELSE -e.amount_minor END)::bigint AS minor
               FROM ledger_transfers AS t
               JOIN ledger_entries AS e ON e.transfer_id = t.id
               JOIN ledger_accounts AS a ON a.id = e.account_id AND a.code LIKE 'payee:%'
              WHERE t.reason IN ('payout', 'payout_returned', 'instalment_withheld', 'instalment_refused')
              GROUP BY a.code) AS l ON l.key = w.key
 WHERE coalesce(w.minor, 0) <> coalesce(l.minor, 0)
 LIMIT 100;

-- name: nobody_is_paid_what_they_do_not_have
-- I4: a payout, or an instalment, never took an account below zero: only a later refund may do that.
SELECT t.id::text AS key, t.reason || ' of ' || e.amount_minor || ' left ' || e.balance_after_minor || ' in ' || a.code AS what
  FROM ledger_transfers AS t
  JOIN ledger_entries AS e ON e.transfer_id = t.id AND e.side = 'debit' AND e.balance_after_minor < 0
  JOIN ledger_accounts AS a ON a.id = e.account_id AND a.code LIKE 'payee:%'
 WHERE t.reason IN ('payout', 'instalment_withheld')
 LIMIT 100;

-- name: in_transit_is_what_the_bank_has_not_answered
-- I4: the money between us and payees is that of the open lines, to the rupiah.
SELECT 'payouts:in_transit' AS key, 'holds ' || l.minor || ', open lines sum to ' || o.minor AS what
  FROM (SELECT coalesce(sum(balance_minor), 0)::bigint AS minor FROM ledger_accounts WHERE code = 'payouts:in_transit') AS l
 CROSS JOIN (SELECT coalesce(sum(amount_minor), 0)::bigint AS minor
               FROM (SELECT amount_minor FROM payouts WHERE status = 'scheduled'
                     UNION ALL
                     SELECT amount_minor FROM remittances WHERE status = 'scheduled') AS lines) AS o
 WHERE l.minor <> o.minor;

-- name: paid_lines_left_by_the_bank_once
-- I4: each line that the bank has paid left our account once, with its own amount; no other did.
SELECT coalesce(w.line_id, l.line_id) AS key,
       'paid ' || coalesce(w.minor, 0) || ', the bank account gave ' || coalesce(l.minor, 0) AS what
  FROM (SELECT payout_id::text AS line_id, amount_minor AS minor FROM payouts WHERE status = 'paid'
        UNION ALL
        SELECT remittance_id::text, amount_minor FROM remittances WHERE status = 'paid') AS w
  FULL JOIN (SELECT coalesce(t.reference ->> 'payout_id', t.reference ->> 'remittance_id') AS line_id,
                    sum(e.amount_minor)::bigint AS minor
               FROM ledger_transfers AS t
               JOIN ledger_entries AS e ON e.transfer_id = t.id AND e.side = 'credit'
               JOIN ledger_accounts AS a ON a.id = e.account_id AND a.code = 'bank'
              WHERE t.reason IN ('payout_paid', 'remittance_paid')
              GROUP BY 1) AS l ON l.line_id = w.line_id
 WHERE coalesce(w.minor, 0) <> coalesce(l.minor, 0)
 LIMIT 100;

-- name: instalments_equal_the_clearing_account
-- I4, I11: what lenders have to get is what was withheld, not refused, and is neither on its way to them nor there.
SELECT 'clearing:financing' AS key, 'holds ' || l.minor || ', instalments sum to ' || i.minor AS what
  FROM (SELECT coalesce(sum(balance_minor), 0)::bigint AS minor FROM ledger_accounts WHERE code = 'clearing:financing') AS l
 CROSS JOIN (SELECT coalesce(sum(amount_minor - refused_minor), 0)::bigint AS minor
               FROM instalments WHERE remittance_id IS NULL) AS i
 WHERE l.minor <> i.minor;

-- name: payouts_keep_what_their_instalments_say
-- I4: what a payout kept for lenders is the sum of its instalments.
SELECT p.payout_id::text AS key,
       'kept ' || p.instalments_minor || ', its instalments sum to ' || coalesce(i.minor, 0) AS what
  FROM payouts AS p
  LEFT JOIN (SELECT payout_id, sum(amount_minor)::bigint AS minor FROM instalments GROUP BY payout_id) AS i USING (payout_id)
 WHERE p.instalments_minor <> coalesce(i.minor, 0)
 LIMIT 100;

-- name: remittances_are_their_instalments
-- I4: what goes to a lender is what was accepted of its instalments.
SELECT r.remittance_id::text AS key,
       'is of ' || r.amount_minor || ', its instalments sum to ' || coalesce(i.minor, 0) AS what
  FROM remittances AS r
  LEFT JOIN (SELECT remittance_id, sum(accepted_minor)::bigint AS minor FROM instalments GROUP BY remittance_id) AS i
      USING (remittance_id)
 WHERE r.status <> 'returned' AND r.amount_minor <> coalesce(i.minor, 0)
 LIMIT 100;

-- name: bank_files_hold_their_batch
-- I4: the bank was told of each payee and lender once, with the amount that was decided; lines of erased people are gone.
SELECT f.line_id::text AS key, 'the file says ' || f.amount_minor || ', decided was ' || coalesce(w.minor, 0) AS what
  FROM bank_file_lines AS f
  LEFT JOIN (SELECT payout_id AS line_id, batch_id, payee_id AS holder_id, amount_minor AS minor
               FROM payouts WHERE status IN ('scheduled', 'paid', 'returned')
             UNION ALL
             SELECT remittance_id, batch_id, lender_id, amount_minor FROM remittances) AS w
    ON w.line_id = f.line_id AND w.batch_id = f.batch_id AND w.holder_id = f.holder_id
 WHERE f.amount_minor <> coalesce(w.minor, 0)
 LIMIT 100;

-- name: batches_end_when_every_line_is_answered
-- I4: a batch is closed when nothing of it is open, and not before.
SELECT b.batch_id::text AS key, 'is ' || b.status || ' with ' || o.lines || ' open lines' AS what
  FROM payout_batches AS b
 CROSS JOIN LATERAL (SELECT (SELECT count(*) FROM payouts AS p WHERE p.batch_id = b.batch_id AND p.status = 'scheduled')
                            + (SELECT count(*) FROM remittances AS r
                                WHERE r.batch_id = b.batch_id AND r.status = 'scheduled') AS lines) AS o
 WHERE b.status <> 'draft' AND (b.status = 'approved') <> (o.lines > 0)
 LIMIT 100;

-- name: the_bank_does_not_contradict_itself
-- An answer of the bank that cannot be was refused: people have to ask the bank. Shown as long as the audit looks back.
SELECT answer_id::text AS key, 'about the batch ' || batch_id || ' was refused: ' || detail AS what
  FROM bank_answers
 WHERE verdict = 'refused' AND received_at >= :since
 LIMIT 100;

-- name: payouts_said_what_they_became
-- I4: every payout that was scheduled, paid or returned said so. As far back as the log goes.
SELECT payout_id || '/' || type AS key, 'payout ' || payout_id || ' never said ' || type AS what
  FROM (SELECT p.payout_id::text, w.type
          FROM payouts AS p
         CROSS JOIN LATERAL (VALUES ('orders.payout_scheduled.v1', true),
                                    ('orders.payout_paid.v1', p.status = 'paid'),
                                    ('orders.payout_returned.v1', p.status = 'returned')) AS w (type, is_wanted)
         WHERE w.is_wanted AND p.scheduled_at >= :since
        EXCEPT
        SELECT data ->> 'payout_id', type
          FROM outbox
         WHERE topic = 'lumbung.payouts' AND type LIKE 'orders.payout_%' AND occurred_at >= :since) AS silent
 LIMIT 100;

-- name: forgotten_people_have_no_bank_account
-- A forgotten person's bank account goes when nothing is due to it; the sweeper gets some minutes for it.
SELECT b.holder_id::text AS key, 'nothing is due to it and its person is forgotten, but it is still here' AS what
  FROM bank_accounts AS b
  JOIN erased_accounts AS e ON e.account_id = b.set_by OR e.account_id = b.holder_id
 WHERE e.erased_at < statement_timestamp() - interval '15 minutes'
   AND NOT EXISTS (SELECT FROM payouts AS p WHERE p.payee_id = b.holder_id AND p.status IN ('draft', 'scheduled'))
   AND NOT EXISTS (SELECT FROM ledger_accounts AS a WHERE a.code = 'payee:' || b.holder_id AND a.balance_minor > 0)
   AND NOT EXISTS (SELECT FROM parcels AS p
                    WHERE p.shop_id = b.holder_id
                      AND (p.status IN ('pending', 'shipped', 'delivered')
                           OR (p.status = 'completed'
                               AND NOT EXISTS (SELECT FROM settlements AS s WHERE s.parcel_id = p.parcel_id))))
 LIMIT 100;

-- name: payees_get_and_lose_by_nothing_else
-- I4: what a payee has is what sales brought, less payouts and instalments: nothing else moves their accounts.
SELECT t.id::text AS key, t.reason || ' moved ' || a.code AS what
  FROM ledger_accounts AS a
  JOIN ledger_entries AS e ON e.account_id = a.id
  JOIN ledger_transfers AS t ON t.id = e.transfer_id
 WHERE a.code LIKE 'payee:%'
   AND t.reason NOT IN ('parcel_settled', 'refund', 'payout', 'payout_returned', 'instalment_withheld', 'instalment_refused')
 LIMIT 100;

-- name: dashboards_equal_their_rows
-- I10: what dashboards add up of the past is what parcels, settlements and refunds themselves say.
SELECT shop_id::text AS key,
       concat_ws(', ', order_status, status, 'parcels ' || sum(parcels), 'settled ' || sum(settled_minor),
                 'commission ' || sum(commission_minor), 'tax ' || sum(tax_minor), 'taken back ' || sum(taken_back_minor))
       || ' more in the figures than in the rows' AS what
  FROM (SELECT shop_id, order_status, status, parcels, settled_minor, commission_minor, tax_minor, taken_back_minor
          FROM shop_figures
        UNION ALL
        SELECT shop_id, order_status, status, -parcels, -settled_minor, -commission_minor, -tax_minor, -taken_back_minor
          FROM shop_figures_anew) AS both_sides
 GROUP BY shop_id, order_status, status
HAVING sum(parcels) <> 0 OR sum(settled_minor) <> 0 OR sum(commission_minor) <> 0 OR sum(tax_minor) <> 0
    OR sum(taken_back_minor) <> 0
 LIMIT 100;

-- name: completed_parcels_are_settled
-- I2, I4: a completed parcel is settled in the same transaction; those from before the ledger within minutes.
SELECT p.parcel_id::text AS key, 'is completed and was never settled' AS what
  FROM parcels AS p
  LEFT JOIN settlements AS s USING (parcel_id)
 WHERE p.status = 'completed' AND s.parcel_id IS NULL
   AND (p.goods_minor + p.shipping_minor > 0) AND p.completed_at < statement_timestamp() - interval '5 minutes'
UNION ALL
SELECT s.parcel_id::text, 'is settled although it is ' || p.status
  FROM settlements AS s
  JOIN parcels AS p USING (parcel_id)
 WHERE p.status <> 'completed'
 LIMIT 100;

-- name: settlements_are_what_was_left
-- I4: a settlement is the price and the shipping less what was refunded before, and its parts sum to it, kind by kind.
SELECT s.parcel_id::text AS key,
       'settled ' || (s.goods_minor + s.shipping_minor) || ' (commission ' || s.commission_minor || ', tax ' || s.tax_minor
       || '), parts sum to ' || coalesce(t.amount_minor, 0) || ' (' || coalesce(t.commission_minor, 0) || ', '
       || coalesce(t.tax_minor, 0) || '), left of the price were '
       || (p.goods_minor + p.shipping_minor - coalesce(r.amount_minor, 0)) AS what
  FROM settlements AS s
  JOIN parcels AS p USING (parcel_id)
  LEFT JOIN (SELECT parcel_id, sum(amount_minor) AS amount_minor,
                    sum(amount_minor) FILTER (WHERE kind = 'commission') AS commission_minor,
                    sum(amount_minor) FILTER (WHERE kind = 'tax') AS tax_minor
               FROM settlement_parts GROUP BY parcel_id) AS t USING (parcel_id)
  LEFT JOIN (SELECT parcel_id, sum(amount_minor) AS amount_minor
               FROM refund_parts WHERE NOT is_of_settled GROUP BY parcel_id) AS r USING (parcel_id)
 WHERE s.goods_minor + s.shipping_minor <> coalesce(t.amount_minor, 0)
    OR s.commission_minor <> coalesce(t.commission_minor, 0) OR s.tax_minor <> coalesce(t.tax_minor, 0)
    OR s.goods_minor + s.shipping_minor <> p.goods_minor + p.shipping_minor - coalesce(r.amount_minor, 0)
 LIMIT 100;

-- name: refunds_are_the_sum_of_their_parts
-- I4: money of an order that goes back is money of its parcels, to the rupiah; money that was never the order's has no parts.
SELECT f.refund_id::text AS key, 'gives back ' || f.amount_minor || ', its parts sum to ' || coalesce(p.amount_minor, 0) AS what
  FROM refunds AS f
  JOIN receipts AS r USING (provider, provider_reference)
  LEFT JOIN (SELECT refund_id, sum(amount_minor) AS amount_minor FROM refund_parts GROUP BY refund_id) AS p USING (refund_id)
 WHERE f.is_booked
   AND coalesce(p.amount_minor, 0) <> CASE WHEN r.verdict IN ('accepted', 'late') THEN f.amount_minor ELSE 0 END
 LIMIT 100;

-- name: refunds_take_back_what_they_give
-- I4: what refunds of settled parcels give back was taken from those who got it.
SELECT coalesce(t.parcel_id, r.parcel_id)::text AS key,
       'taken back ' || coalesce(t.amount_minor, 0) || ', refunded ' || coalesce(r.amount_minor, 0) AS what
  FROM (SELECT parcel_id, sum(returned_minor) AS amount_minor FROM settlement_parts GROUP BY parcel_id) AS t
  FULL JOIN (SELECT parcel_id, sum(amount_minor) AS amount_minor
               FROM refund_parts WHERE is_of_settled GROUP BY parcel_id) AS r USING (parcel_id)
 WHERE coalesce(t.amount_minor, 0) <> coalesce(r.amount_minor, 0)
 LIMIT 100;

-- name: money_is_booked
-- I2, I3: every receipt is in the ledger, order by order, and nothing else came in.
SELECT coalesce(r.order_id, l.order_id)::text AS key,
       'received ' || coalesce(r.amount_minor, 0) || ', booked ' || coalesce(l.amount_minor, 0) AS what
  FROM (SELECT order_id, sum(amount_minor) AS amount_minor
          FROM receipts
         WHERE is_booked OR recorded_at < statement_timestamp() - interval '15 minutes' GROUP BY order_id) AS r
  FULL JOIN (SELECT (t.reference ->> 'order_id')::uuid AS order_id, sum(e.amount_minor) AS amount_minor
               FROM ledger_transfers AS t
               JOIN ledger_entries AS e ON e.transfer_id = t.id AND e.side = 'credit'
              WHERE t.reason = 'money_received'
              GROUP BY 1) AS l USING (order_id)
 WHERE coalesce(r.amount_minor, 0) <> coalesce(l.amount_minor, 0)
 LIMIT 100;

-- name: unsettled_money_is_that_of_open_orders
-- I3, I4: what the ledger holds for an order is what came in less what went back unsettled and what was settled; an order
-- that has ended holds nothing.
SELECT coalesce(l.order_id, m.order_id)::text AS key,
       'the ledger holds ' || coalesce(l.amount_minor, 0) || ', its money says ' || coalesce(m.amount_minor, 0)
       || ', it is ' || o.status AS what
  FROM (SELECT (t.reference ->> 'order_id')::uuid AS order_id,
               sum(CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END) AS amount_minor
          FROM ledger_accounts AS a
          JOIN ledger_entries AS e ON e.account_id = a.id
          JOIN ledger_transfers AS t ON t.id = e.transfer_id
         WHERE a.code LIKE 'orders:unsettled:%'
         GROUP BY 1) AS l
  FULL JOIN (SELECT order_id, sum(amount_minor) AS amount_minor
               FROM (SELECT order_id, amount_minor FROM receipts WHERE is_booked
                     UNION ALL
                     SELECT f.order_id, -(f.amount_minor - coalesce((
                                SELECT sum(p.amount_minor) FROM refund_parts AS p
                                 WHERE p.refund_id = f.refund_id AND p.is_of_settled), 0))
                       FROM refunds AS f
                      WHERE f.is_booked
                     UNION ALL
                     SELECT order_id, -(goods_minor + shipping_minor) FROM settlements) AS moves
              GROUP BY order_id) AS m USING (order_id)
  JOIN orders AS o ON o.order_id = coalesce(l.order_id, m.order_id)
 WHERE coalesce(l.amount_minor, 0) <> coalesce(m.amount_minor, 0)
    OR (o.status IN ('completed', 'cancelled') AND coalesce(l.amount_minor, 0) <> 0)
 LIMIT 100;

-- name: payees_got_what_was_settled
-- I4: what sales brought each payee is the sum of its parts less what was taken back; cash that a shop took at the door is
-- set off, cash that it handed back is not its own loss.
SELECT coalesce(l.party_id, m.party_id)::text AS key,
       'the ledger says ' || coalesce(l.amount_minor, 0) || ', settlements say ' || coalesce(m.amount_minor, 0) AS what
  FROM (SELECT substr(a.code, 7)::uuid AS party_id,
               sum(CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END) AS amount_minor
          FROM ledger_accounts AS a
          JOIN ledger_entries AS e ON e.account_id = a.id
          JOIN ledger_transfers AS t ON t.id = e.transfer_id
         WHERE a.code LIKE 'payee:%' AND t.reason IN ('parcel_settled', 'refund')
         GROUP BY 1) AS l
  FULL JOIN (SELECT party_id, sum(amount_minor) AS amount_minor
               FROM (SELECT party_id, amount_minor - returned_minor AS amount_minor
                       FROM settlement_parts WHERE kind = 'net'
                     UNION ALL
                     SELECT shop_id, -(goods_minor + shipping_minor) FROM settlements WHERE is_cash
                     UNION ALL
                     SELECT s.shop_id, p.amount_minor
                       FROM refund_parts AS p
                       JOIN settlements AS s ON s.parcel_id = p.parcel_id AND s.is_cash
                      WHERE p.is_of_settled) AS moves
              GROUP BY party_id) AS m USING (party_id)
 WHERE coalesce(l.amount_minor, 0) <> coalesce(m.amount_minor, 0)
 LIMIT 100;

-- name: commission_and_tax_are_what_was_settled
-- I4: the market's income and the tax kept for the state are those of the settlements, less what was given back.
SELECT m.code AS key, 'the ledger says ' || coalesce(l.amount_minor, 0) || ', settlements say ' || m.amount_minor AS what
  FROM (SELECT k.code, coalesce(sum(p.amount_minor - p.returned_minor), 0) AS amount_minor
          FROM (VALUES ('income:commission', 'commission'), ('tax:pph22', 'tax')) AS k (code, kind)
          LEFT JOIN settlement_parts AS p ON p.kind = k.kind
         GROUP BY k.code) AS m
  LEFT JOIN (SELECT substring(code FROM '^(.*):[0-9a-f]$') AS code, sum(balance_minor) AS amount_minor
               FROM ledger_accounts
              WHERE code LIKE 'income:commission:%' OR code LIKE 'tax:pph22:%'
              GROUP BY 1) AS l USING (code)
 WHERE coalesce(l.amount_minor, 0) <> m.amount_minor
 LIMIT 100;

-- name: money_is_where_it_came_in
-- I3, I11: what the provider holds, and what cooperatives owe, is what came in there less what was sent back, or paid; what is
-- still owed to buyers is the refunds that are not made.
SELECT m.code AS key, 'the ledger says ' || coalesce(l.amount_minor, 0) || ', receipts and refunds say ' || m.amount_minor AS what
  FROM (SELECT code, sum(amount_minor) AS amount_minor
          FROM (SELECT CASE provider WHEN 'savings' THEN 'clearing:savings' ELSE 'cash:' || provider END AS code, amount_minor
                  FROM receipts WHERE is_booked AND provider <> 'cod'
                UNION ALL
                SELECT CASE provider WHEN 'savings' THEN 'clearing:savings' ELSE 'cash:' || provider END, -amount_minor
                  FROM refunds WHERE is_booked AND status = 'made' AND provider <> 'cod'
                UNION ALL
                SELECT 'clearing:savings', -amount_minor FROM savings_claim_payments
                UNION ALL
                SELECT 'refunds:owed', amount_minor FROM refunds WHERE is_booked AND status <> 'made') AS moves
         GROUP BY code) AS m
  LEFT JOIN (SELECT substring(code FROM '^(.*):[0-9a-f-]+$') AS code, sum(balance_minor) AS amount_minor
               FROM ledger_accounts
              WHERE code LIKE 'cash:%' OR code LIKE 'clearing:savings:%' OR code LIKE 'refunds:owed:%'
              GROUP BY 1) AS l USING (code)
 WHERE coalesce(l.amount_minor, 0) <> m.amount_minor
 LIMIT 100;

-- name: savings_claims_are_paid_into_the_bank
-- I11: each payment of a cooperative came into our bank account once, with its own amount, and left that cooperative's claim.
SELECT coalesce(p.payment_id, l.payment_id)::text AS key,
       'paid ' || coalesce(p.amount_minor, 0) || ', the bank account got ' || coalesce(l.bank_minor, 0)
       || ', the claim lost ' || coalesce(l.claim_minor, 0) AS what
  FROM savings_claim_payments AS p
  FULL JOIN (SELECT t.id AS payment_id, (t.reference ->> 'cooperative_id')::uuid AS cooperative_id,
                    sum(e.amount_minor) FILTER (WHERE a.code = 'bank' AND e.side = 'debit')::bigint AS bank_minor,
                    sum(e.amount_minor) FILTER (WHERE e.side = 'credit' AND a.code = 'clearing:savings:'
                                                      || (t.reference ->> 'cooperative_id'))::bigint AS claim_minor
               FROM ledger_transfers AS t
               JOIN ledger_entries AS e ON e.transfer_id = t.id
               JOIN ledger_accounts AS a ON a.id = e.account_id
              WHERE t.reason = 'savings_claim_paid'
              GROUP BY 1, 2) AS l ON l.payment_id = p.payment_id AND l.cooperative_id = p.cooperative_id
 WHERE p.amount_minor IS DISTINCT FROM l.bank_minor OR p.amount_minor IS DISTINCT FROM l.claim_minor
 LIMIT 100;
