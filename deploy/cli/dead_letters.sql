-- name: dead_letter_whole
-- One event as it came, for a person to look at.
SELECT position, handler_group, ordering_key, state::text AS state, reason, attempts, due_at, source, event_id, type,
       occurred_at, traceparent, topic, partition, "offset", record_key, data, first_at, last_at
  FROM dead_letters
 WHERE position = :position;

-- name: dead_letter_actions_of
-- What people did about it.
SELECT action, outcome, actor, note, acted_at FROM dead_letter_actions WHERE position = :position ORDER BY id;

-- name: outbox_ids_since
-- What would be sent again, by topic: everything at or after the given time that was sent already.
SELECT c.topic, min(o.id) AS first_id, count(*) AS events
  FROM outbox_cursor AS c
  JOIN outbox AS o ON o.topic = c.topic AND o.id <= c.last_id
 WHERE o.occurred_at >= :since AND (:topic::text IS NULL OR c.topic = :topic)
 GROUP BY c.topic
 ORDER BY c.topic;

-- name: move_cursor_back
-- The version makes the active relay notice and read its cursor again; holes above the cursor are found anew.
UPDATE outbox_cursor AS c
   SET last_id = :first_id - 1,
       holes = ARRAY(SELECT h.id FROM unnest(c.holes, c.hole_xids) AS h (id, xid) WHERE h.id < :first_id),
       hole_xids = ARRAY(SELECT h.xid FROM unnest(c.holes, c.hole_xids) AS h (id, xid) WHERE h.id < :first_id),
       version = version + 1
 WHERE topic = :topic AND last_id >= :first_id;
