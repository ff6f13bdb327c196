-- name: dead_letter_whole
-- One event as it came, for a person to look at.
SELECT position, handler_group, ordering_key, state::text AS state, reason, attempts, due_at, source, event_id, type,
       occurred_at, traceparent, topic, partition, "offset", record_key, data, first_at, last_at
  FROM dead_letters
 WHERE position = :position;

-- name: dead_letter_actions_of
-- What people did about it.
SELECT action, outcome, actor, note, acted_at FROM dead_letter_actions WHERE position = :position ORDER BY id;
