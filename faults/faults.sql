-- What the fault suite reads, with the audit role.

-- name: offers_known
-- Whether orders may sell what catalog has.
SELECT count(*) FROM offers WHERE product_id = ANY(:product_ids::uuid[]);

-- name: now
-- The clock that events are dated by.
SELECT clock_timestamp();

-- name: orders_by
-- Every order of the suite's buyers: more than were answered are doubled, fewer are lost.
SELECT order_id::text, status::text FROM orders WHERE buyer_id = ANY(:buyer_ids::uuid[]);

-- name: outbox_left
-- How many events no relay has sent yet.
SELECT coalesce(sum(coalesce((SELECT max(id) FROM outbox o WHERE o.topic = c.topic), c.last_id) - c.last_id), 0)::bigint
  FROM outbox_cursor AS c;
