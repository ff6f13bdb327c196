-- name: orders
-- Every order of these buyers.
SELECT order_id::text, buyer_id::text, status::text, total_minor, received_minor, cancel_reason::text
  FROM orders WHERE buyer_id = ANY(:buyers::uuid[]);

-- name: lines
-- What was sold to them.
SELECT l.order_id::text, l.product_id::text, l.parcel_id::text, l.version, l.quantity, l.unit_price_minor
  FROM order_lines AS l JOIN orders AS o ON o.order_id = l.order_id WHERE o.buyer_id = ANY(:buyers::uuid[]);

-- name: parcels
-- What is sent to them.
SELECT p.parcel_id::text, p.order_id::text, p.shop_id::text, p.status::text, p.goods_minor, p.shipping_minor
  FROM parcels AS p JOIN orders AS o ON o.order_id = p.order_id WHERE o.buyer_id = ANY(:buyers::uuid[]);

-- name: charges
-- What the provider was asked for.
SELECT c.order_id::text, c.status::text, c.amount_minor
  FROM charges AS c JOIN orders AS o ON o.order_id = c.order_id WHERE o.buyer_id = ANY(:buyers::uuid[]);

-- name: receipts
-- The money that came in.
SELECT r.order_id::text, r.verdict::text, r.amount_minor
  FROM receipts AS r JOIN orders AS o ON o.order_id = r.order_id WHERE o.buyer_id = ANY(:buyers::uuid[]);

-- name: events
-- The log of these orders, in the order in which it was written for each.
SELECT ordering_key, type, data ->> 'parcel_id' AS parcel_id, data ->> 'buyer_id' AS buyer_id
  FROM outbox
 WHERE topic = 'lumbung.orders' AND data ->> 'buyer_id' = ANY(:buyers::text[])
 ORDER BY id;

-- name: offers
-- The carts' copy of what these shops sell.
SELECT product_id::text, version, unit_price_minor FROM offers WHERE shop_id = ANY(:shops::uuid[]);

-- name: products
-- What these shops sell.
SELECT product_id::text, shop_id::text, version, unit_price_minor FROM products WHERE shop_id = ANY(:shops::uuid[]);

-- name: stock
-- How much of it there is.
SELECT s.product_id::text, s.version, s.on_hand, s.reserved, s.sold, s.returned, s.received
  FROM stock AS s JOIN products AS p ON p.product_id = s.product_id WHERE p.shop_id = ANY(:shops::uuid[]);

-- name: reservations
-- What was set aside, by order and product.
SELECT r.order_id::text, r.product_id::text, r.quantity, r.state::text
  FROM reservations AS r JOIN products AS p ON p.product_id = r.product_id WHERE p.shop_id = ANY(:shops::uuid[]);

-- name: changes
-- Every fact about a product, in the order of its shop.
SELECT ordering_key AS product_id, data ->> 'shop_id' AS shop_id, (data ->> 'sequence')::bigint AS sequence,
       (data ->> 'version')::integer AS version
  FROM outbox
 WHERE topic = 'lumbung.catalog' AND data ->> 'shop_id' = ANY(:shops::text[]) AND data ->> 'version' IS NOT NULL
 ORDER BY 2, 3;

-- name: connectable
-- Which database each service's login may open.
SELECT r.rolname::text AS role, d.datname::text AS database
  FROM pg_roles AS r
 CROSS JOIN pg_database AS d
 WHERE r.rolname = ANY(:services::text[]) AND d.datname = ANY(:services::text[])
   AND has_database_privilege(r.oid, d.oid, 'CONNECT');

-- name: deadlocks
-- How often the server had to break a deadlock, by database.
SELECT datname::text AS database, deadlocks FROM pg_stat_database WHERE datname = ANY(:services::text[]);

-- name: stock_constraints
-- The checks that the table of the stock itself makes.
SELECT conname::text AS name FROM pg_constraint WHERE conrelid = 'stock'::regclass AND contype = 'c' AND convalidated;

-- name: overdrawn
-- At this instant: stock rows with more set aside than there is.
SELECT product_id::text FROM stock WHERE NOT (0 <= reserved AND reserved <= on_hand) LIMIT 10;

-- name: uneven_reservations
-- At this instant: stock rows whose reserved count is not the sum of open reservations.
SELECT s.product_id::text
  FROM stock AS s
  FULL JOIN (SELECT line.product_id, sum(line.quantity) AS quantity
               FROM reservation_orders AS r,
                    unnest(r.product_ids, r.quantities) AS line (product_id, quantity)
              WHERE r.state = 'reserved' GROUP BY line.product_id) AS open ON open.product_id = s.product_id
 WHERE coalesce(s.reserved, 0) <> coalesce(open.quantity, 0)
 LIMIT 10;

-- name: orphaned_stock
-- At this instant: stock rows without their product, or of another version than it.
SELECT s.product_id::text
  FROM stock AS s LEFT JOIN products AS p ON p.product_id = s.product_id
 WHERE p.product_id IS NULL OR p.version <> s.version
 LIMIT 10;

-- name: unfinished_orders
-- Orders of these buyers that still wait for an answer or for money.
SELECT count(*) FROM orders WHERE status IN ('placed', 'reserved', 'reclaiming') AND buyer_id = ANY(:buyers::uuid[]);

-- name: own_tables
-- The tables that hold a service's state and that the audit may read. The kernel's own are not among them, nor sums
-- that the clock adds up anew.
SELECT relname::text FROM pg_class
 WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND NOT relispartition
   AND relname <> ALL (:not_state::text[]) AND has_table_privilege(oid, 'SELECT')
 ORDER BY relname;

-- name: published
-- How much was published.
SELECT md5(string_agg(concat_ws(',', topic, events), '|' ORDER BY topic))
  FROM (SELECT topic, count(*) AS events FROM outbox GROUP BY topic) AS counted;

-- name: moved_offers
-- At this instant: the copies of products that were changed since they were listed.
SELECT product_id::text, version FROM offers WHERE version > 1 AND shop_id = ANY(:shops::uuid[]);
