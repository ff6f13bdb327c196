-- name: watermarks
-- How far the relay has sent each topic of this service; holes below it were not sent.
SELECT topic, last_id, holes FROM outbox_cursor ORDER BY topic;

-- name: published_by_minute
-- What was sent, counted, with a fingerprint that does not depend on order.
SELECT o.type, date_trunc('minute', o.occurred_at) AS minute, count(*) AS events,
       bit_xor(uuid_hash_extended(o.event_id, 0)) AS fingerprint
  FROM outbox AS o
  JOIN unnest(:topics::text[], :last_ids::bigint[]) AS w (topic, last_id) ON w.topic = o.topic AND o.id <= w.last_id
 WHERE o.occurred_at >= :since
   AND NOT EXISTS (SELECT FROM unnest(:hole_topics::text[], :hole_ids::bigint[]) AS h (topic, id)
                    WHERE h.topic = o.topic AND h.id = o.id)
 GROUP BY o.type, minute;

-- name: recorded_by_minute
-- What a handler group has recorded, with the same fingerprint.
SELECT source, type, date_trunc('minute', occurred_at) AS minute, count(*) AS events,
       bit_xor(uuid_hash_extended(event_id, 0)) AS fingerprint
  FROM inbox
 WHERE handler_group = :handler_group AND occurred_at >= :since
 GROUP BY source, type, minute;

-- name: published_ids
-- The events of one minute one by one, where the figures differ. Also those beyond the watermark.
SELECT topic, id, event_id
  FROM outbox
 WHERE type = :type AND occurred_at >= :minute AND occurred_at < :minute + interval '1 minute';

-- name: recorded_ids
-- The events of one minute that a group has recorded.
SELECT event_id
  FROM inbox
 WHERE handler_group = :handler_group AND source = :source AND type = :type
   AND occurred_at >= :minute AND occurred_at < :minute + interval '1 minute';

-- name: set_aside_by_type
-- What a group has recorded but not handled.
SELECT type, state::text AS state, count(*) AS events
  FROM dead_letters
 WHERE handler_group = :handler_group AND occurred_at >= :since AND state <> 'done'
 GROUP BY type, state;

-- name: latest_published
-- The end of a topic below the watermark, for the check of the order per key.
SELECT id, event_id, type, ordering_key
  FROM outbox
 WHERE topic = :topic AND id <= :last_id AND occurred_at >= :since
 ORDER BY id DESC
 LIMIT :most;

-- name: recorded_at
-- When a group recorded these events.
SELECT event_id, recorded_at
  FROM inbox
 WHERE handler_group = :handler_group AND event_id = ANY(:event_ids::uuid[]);

-- name: has_ledger
-- Only services that hold money keep a ledger; the others have nothing to check.
SELECT to_regclass('ledger_entries') IS NOT NULL;
