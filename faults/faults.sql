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

-- name: outbox_ends
-- Where each topic of a copy ends: what was said later is what came after the copy.
SELECT c.topic, coalesce((SELECT max(id) FROM outbox AS o WHERE o.topic = c.topic), 0) AS last_id FROM outbox_cursor AS c;

-- name: outbox_after
-- The events beyond these ends, as the relay would send them.
SELECT o.topic, o.id, o.event_id, o.type, o.record_key, o.ordering_key, o.occurred_at, o.data::text AS data
  FROM outbox AS o
  JOIN unnest(:topics::text[], :last_ids::bigint[]) AS e (topic, last_id) ON e.topic = o.topic AND o.id > e.last_id
 ORDER BY o.topic, o.id;

-- name: said
-- What was published, without ids and moments: how often of each type and key.
SELECT jsonb_build_object('type', type, 'key', ordering_key, 'times', count(*))::text
  FROM outbox GROUP BY type, ordering_key;

-- name: set_aside
-- What could not be handled, by type and reason. What waits behind it is a matter of arrival (topics share no order), but
-- nothing may wait behind what is done.
SELECT jsonb_build_object('type', type, 'state', state, 'event', event_id, 'reason', reason)::text
  FROM dead_letters AS d
 WHERE state IN ('dead', 'retry')
    OR state = 'behind'
   AND NOT EXISTS (SELECT FROM dead_letters AS h
                    WHERE h.handler_group = d.handler_group AND h.ordering_key = d.ordering_key
                      AND h.state IN ('dead', 'retry'));

-- name: set_aside_for_room
-- Events that were not handled in their turn because the disk was full, also those that were handled later.
SELECT event_id FROM dead_letters WHERE reason LIKE 'DiskFull%';
