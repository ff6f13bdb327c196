-- name: sample_event
-- The data of a real order of three lines, so that pgbench writes as many bytes as we do.
SELECT data::text FROM outbox WHERE type = 'orders.order_placed.v1' ORDER BY written_at DESC LIMIT 1;

-- name: placed_since
-- Orders placed in this run, and when the first was.
SELECT count(*) AS orders, min(written_at) AS first_at, max(written_at) AS last_at
  FROM outbox
 WHERE type = 'orders.order_placed.v1' AND written_at >= :since;

-- name: placed_times
-- When each order of this run was durable.
SELECT ordering_key, written_at FROM outbox WHERE type = 'orders.order_placed.v1' AND written_at >= :since;

-- name: committed_times
-- When the stock of each order of this run was committed.
SELECT ordering_key, written_at FROM outbox WHERE type = 'catalog.stock_committed.v1' AND written_at >= :since;

-- name: committed_since
-- Sagas that are whole.
SELECT count(*) FROM outbox WHERE type = 'catalog.stock_committed.v1' AND written_at >= :since;

-- name: now
-- The database's clock.
SELECT clock_timestamp();

-- name: outbox_left
-- Events that the relay has not sent yet.
SELECT coalesce(sum(n), 0)::bigint
  FROM (SELECT (SELECT count(*) FROM outbox AS o WHERE o.topic = c.topic AND o.id > c.last_id) AS n
          FROM outbox_cursor AS c) AS left_per_topic;

-- name: inbox_times
-- When the catalog recorded each order_placed.
SELECT event_id, recorded_at FROM inbox WHERE type = 'orders.order_placed.v1' AND recorded_at >= :since;

-- name: outbox_times
-- When each order_placed was written.
SELECT event_id, written_at FROM outbox WHERE type = 'orders.order_placed.v1' AND written_at >= :since;

-- name: behind_on_webhooks
-- How many of these lenders have something that was not delivered yet.
SELECT count(*)
  FROM subscriptions
  JOIN lender_logs USING (lender_id)
 WHERE head > position AND lender_id = ANY(:lender_ids::uuid[]);

-- name: set_aside
-- Orders for which catalog has set stock aside and waits for what becomes of them.
SELECT count(*) FROM reservation_orders WHERE state = 'reserved';

-- name: unanswered
-- Orders that wait for catalog; what was accepted without an outbox (see ablation.py) waits for ever, and for nobody.
SELECT count(*) FROM orders
 WHERE status = 'placed' AND order_id::text IN (SELECT ordering_key FROM outbox WHERE type = 'orders.order_placed.v1');
