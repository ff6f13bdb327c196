-- name: append_to_outbox
-- One statement for all events of a transaction. The transaction id is taken in the CTE, so before any nextval: a relay
-- that misses an id can wait until every transaction that might own it has ended.
WITH own AS MATERIALIZED (SELECT pg_current_xact_id() AS xid)
INSERT INTO outbox (topic, id, xid, event_id, type, record_key, ordering_key, occurred_at, traceparent, data)
SELECT e.topic, nextval(('"outbox_id_' || e.topic || '"')::regclass), own.xid, e.event_id, e.type, e.record_key,
       e.ordering_key, e.occurred_at, e.traceparent, e.data::json
  FROM own, unnest(:topics::text[], :event_ids::uuid[], :types::text[], :record_keys::text[], :ordering_keys::text[],
              :occurred_ats::timestamptz[], :traceparents::text[], :data::text[])
            WITH ORDINALITY AS e (topic, event_id, type, record_key, ordering_key, occurred_at, traceparent, data, nr)
 ORDER BY e.nr;

-- name: relay_cursors
-- Where the relay stands, for the topics it serves.
SELECT topic, last_id, holes, hole_xids, version FROM outbox_cursor WHERE topic = ANY(:topics::text[]);

-- name: relay_new
-- What lies beyond the cursor of each topic, a bounded number per topic.
SELECT o.*
  FROM unnest(:topics::text[], :last_ids::bigint[]) AS c (topic, last_id)
 CROSS JOIN LATERAL (
       SELECT topic, id, event_id, type, record_key, ordering_key, occurred_at, traceparent, data::text AS data
         FROM outbox
        WHERE outbox.topic = c.topic AND outbox.id > c.last_id
        ORDER BY outbox.id
        LIMIT :most) AS o
 ORDER BY o.topic, o.id;

-- name: relay_holes
-- Which of the holes have been filled. No LIMIT: an unread hole is not an empty one.
SELECT o.topic, o.id, o.event_id, o.type, o.record_key, o.ordering_key, o.occurred_at, o.traceparent,
       o.data::text AS data
  FROM unnest(:topics::text[], :ids::bigint[]) AS h (topic, id)
  JOIN outbox AS o ON o.topic = h.topic AND o.id = h.id
 ORDER BY o.topic, o.id;

-- name: relay_oldest_running
-- Every transaction with an id below this has ended.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint;

-- name: relay_own_xid
-- A transaction id of our own, taken now: whoever owns a hole that we have seen has a smaller one.
SELECT pg_current_xact_id()::text::bigint;

-- name: relay_advance
-- Compare and set: a relay that lost its lock without noticing must not move the cursor. Nobody waits for the disk: a
-- cursor that a crash forgets sends again what was sent, and consumers know the ids.
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE outbox_cursor
   SET last_id = :last_id, holes = :holes::bigint[], hole_xids = :hole_xids::bigint[], version = version + 1
  FROM quick
 WHERE topic = :topic AND version = :version;

-- name: keep_partitions
-- Today's partitions and those of the next days exist; old ones are dropped. Writers queue behind its lock, so it does
-- not wait long for who reads for hours (a backup): it is tried again, and days ahead there is time.
SELECT keep_partitions(:days_ahead, :outbox_days, :inbox_days) FROM set_config('lock_timeout', '2s', true);

-- name: record_in_inbox
-- Which events of the batch this group sees for the first time.
INSERT INTO inbox (handler_group, source, event_id, occurred_at, type)
SELECT :handler_group, e.source, e.event_id, e.occurred_at, e.type
  FROM unnest(:sources::text[], :event_ids::uuid[], :occurred_ats::timestamptz[], :types::text[])
       AS e (source, event_id, occurred_at, type)
    ON CONFLICT DO NOTHING
RETURNING event_id, source;

-- name: parked_keys_of
-- Which keys wait. The lock makes us wait for a redrive of the key, and see the row gone if it emptied the queue.
SELECT ordering_key FROM parked_keys
 WHERE handler_group = :handler_group AND ordering_key = ANY(:ordering_keys::text[])
 ORDER BY ordering_key
   FOR UPDATE;

-- name: park_keys
-- From now on events of these keys wait.
INSERT INTO parked_keys (handler_group, ordering_key)
SELECT :handler_group, k FROM unnest(:ordering_keys::text[]) AS k ORDER BY k
    ON CONFLICT DO NOTHING;

-- name: set_aside
-- Keep deliveries as they came, with the state they wait in.
INSERT INTO dead_letters (handler_group, ordering_key, state, reason, due_at, source, event_id, type, occurred_at,
                          traceparent, topic, partition, "offset", record_key, data)
SELECT :handler_group, e.ordering_key, :state::dead_letter_state, :reason,
       CASE WHEN :state::dead_letter_state = 'retry'
            THEN clock_timestamp() + make_interval(secs => :retry_seconds::double precision) END,
       e.source, e.event_id, e.type, e.occurred_at, e.traceparent, e.topic, e.partition, e.off, e.record_key, e.data
  FROM unnest(:ordering_keys::text[], :sources::text[], :event_ids::uuid[], :types::text[],
              :occurred_ats::timestamptz[], :traceparents::text[], :topics::text[], :partitions::integer[],
              :offsets::bigint[], :record_keys::text[], :data::bytea[])
            WITH ORDINALITY AS e (ordering_key, source, event_id, type, occurred_at, traceparent, topic, partition,
                                  off, record_key, data, nr)
 ORDER BY e.nr;

-- name: due_keys
-- Keys whose first waiting event may be tried again.
SELECT ordering_key
  FROM dead_letters AS d
 WHERE handler_group = :handler_group AND state = 'retry' AND due_at <= statement_timestamp()
 ORDER BY due_at
 LIMIT :most;

-- name: lock_parked_key
-- One redrive per key at a time, and none while the worker looks at the key.
SELECT true FROM parked_keys WHERE handler_group = :handler_group AND ordering_key = :ordering_key FOR UPDATE;

-- name: waiting_of_key
-- What waits under a key, in order.
SELECT position, state, reason, attempts, due_at, source, event_id, type, occurred_at, traceparent, topic, partition,
       "offset", record_key, ordering_key, data, first_at
  FROM dead_letters
 WHERE handler_group = :handler_group AND ordering_key = :ordering_key AND state IN ('dead', 'retry', 'behind')
 ORDER BY position
 LIMIT :most;

-- name: dead_letter_at
-- One by its position.
SELECT position, ordering_key FROM dead_letters WHERE position = :position AND handler_group = :handler_group;

-- name: finish_dead_letter
-- It was handled after all, or given up by a person.
UPDATE dead_letters
   SET state = :state::dead_letter_state, due_at = NULL, last_at = clock_timestamp(), attempts = attempts + 1
 WHERE position = :position AND state IN ('dead', 'retry', 'behind');

-- name: fail_dead_letter
-- It failed again: dead, or to be tried later. Only while it waits: another redrive may have done it meanwhile.
UPDATE dead_letters
   SET state = :state::dead_letter_state, reason = :reason, last_at = clock_timestamp(), attempts = attempts + 1,
       due_at = CASE WHEN :state::dead_letter_state = 'retry'
                     THEN clock_timestamp() + make_interval(secs => :retry_seconds::double precision) END
 WHERE position = :position AND state IN ('dead', 'retry', 'behind');

-- name: unpark_key
-- Nothing waits under the key any more.
DELETE FROM parked_keys
 WHERE handler_group = :handler_group AND ordering_key = :ordering_key
   AND NOT EXISTS (SELECT FROM dead_letters
                    WHERE handler_group = :handler_group AND ordering_key = :ordering_key
                      AND state IN ('dead', 'retry', 'behind'));

-- name: open_dead_letters
-- What waits, for people: dead ones first.
SELECT position, handler_group, ordering_key, state::text AS state, reason, attempts, due_at, event_id, type, topic,
       partition, "offset", traceparent, first_at, last_at
  FROM dead_letters
 WHERE state IN ('dead', 'retry', 'behind')
   AND (:handler_group::text IS NULL OR handler_group = :handler_group)
   AND (:ordering_key::text IS NULL OR ordering_key = :ordering_key)
   AND (:type::text IS NULL OR type = :type)
 ORDER BY dead_letters.state, position
 LIMIT :most;

-- name: record_dead_letter_action
-- The audit record of what a person did.
INSERT INTO dead_letter_actions (position, action, outcome, actor, note)
VALUES (:position, :action, :outcome, :actor, :note);

-- name: idempotency_claim
-- For each key: whether nobody else is working on it right now, and the answer given before. An answer committed between
-- this statement's snapshot and its lock is not seen; then the primary key refuses the second one.
WITH asked AS (
    SELECT * FROM unnest(:principal_ids::uuid[], :routes::text[], :keys::text[])
                  WITH ORDINALITY AS k (principal_id, route, key, nr)
), locked AS MATERIALIZED (
    SELECT nr, pg_try_advisory_xact_lock(hashtextextended(principal_id || ' ' || route || ' ' || key, 0)) AS is_locked
      FROM asked
)
SELECT l.is_locked, i.fingerprint, i.status, i.body
  FROM asked AS a
  JOIN locked AS l ON l.nr = a.nr
  LEFT JOIN idempotency_keys AS i
    ON i.principal_id = a.principal_id AND i.route = a.route AND i.key = a.key
 ORDER BY a.nr;

-- name: idempotency_store
-- The answers, in the transaction of their effects.
INSERT INTO idempotency_keys (principal_id, route, key, fingerprint, status, body)
SELECT * FROM unnest(:principal_ids::uuid[], :routes::text[], :keys::text[], :fingerprints::bytea[],
                     :statuses::smallint[], :bodies::bytea[]);

-- name: idempotency_forget
-- Keys are remembered for a bounded time, published in the documentation.
DELETE FROM idempotency_keys
 WHERE ctid IN (SELECT ctid FROM idempotency_keys
                 WHERE created_at < statement_timestamp() - make_interval(days => :days) LIMIT 10000);

-- name: call_out_request
-- Calls to be made; asking twice for the same purpose and subject is one call.
INSERT INTO calls_out (id, purpose, subject, request, give_up_at, traceparent, due_at)
SELECT c.id, :purpose, c.subject, c.request::jsonb,
       clock_timestamp() + make_interval(secs => :deadline_seconds::double precision), c.traceparent,
       clock_timestamp() + make_interval(secs => :delay_seconds::double precision)
  FROM unnest(:ids::uuid[], :subjects::text[], :requests::text[], :traceparents::text[])
       AS c (id, subject, request, traceparent)
    ON CONFLICT (purpose, subject) DO NOTHING;

-- name: call_out_lease
-- Take due calls for a while; SKIP LOCKED lets several processes share the work. Nobody waits for the disk: a lease that
-- a crash forgets is a call made again under the same id.
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE calls_out
   SET leased_until = clock_timestamp() + make_interval(secs => :lease_seconds::double precision),
       due_at = clock_timestamp() + make_interval(secs => :lease_seconds::double precision),
       attempts = attempts + 1
  FROM quick
 WHERE id IN (SELECT id FROM calls_out
               WHERE state = 'waiting' AND purpose = ANY(:purposes::text[]) AND due_at <= statement_timestamp()
               ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING id, purpose, subject, request, attempts, traceparent, give_up_at <= clock_timestamp() AS is_late;

-- name: call_out_finish
-- Answers are recorded with their effects, once; fewer rows than ids when somebody was faster.
UPDATE calls_out
   SET state = :state::call_state, finished_at = clock_timestamp(), last_error = :error, leased_until = NULL
 WHERE id = ANY(:ids::uuid[]) AND state = 'waiting';

-- name: call_out_postpone
-- It failed for now.
UPDATE calls_out
   SET due_at = clock_timestamp() + make_interval(secs => :delay_seconds::double precision), leased_until = NULL,
       last_error = :error
 WHERE id = :id AND state = 'waiting';

-- name: calls_out_hanging
-- What has been tried and is not done, for people.
SELECT id, purpose, subject, state::text AS state, attempts, due_at, give_up_at, last_error, created_at
  FROM calls_out
 WHERE (state = 'waiting' AND attempts > 0) OR state = 'failed'
 ORDER BY created_at
 LIMIT :most;

-- name: try_connection
-- Whether a connection that has nothing to say is still one.
SELECT true;
