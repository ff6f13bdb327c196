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
 WHERE status IN ('placed', 'reserved', 'reclaiming') AND deadline_at < clock_timestamp() - interval '5 minutes'
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
 WHERE o.status IN ('completed', 'cancelled') AND e.erased_at < clock_timestamp() - interval '15 minutes'
   AND coalesce(o.completed_at, o.cancelled_at) < clock_timestamp() - interval '15 minutes'
 LIMIT 100;
