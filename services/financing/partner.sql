-- name: share_live_consents
-- Held until the commit: a revocation waits for what is being told under the consent, or is seen here and nothing is told.
SELECT consent_id
  FROM consents
 WHERE consent_id = ANY(:consent_ids::uuid[]) AND ended_at IS NULL AND until > statement_timestamp()
 ORDER BY consent_id
   FOR SHARE;

-- name: write_lender_log
-- One statement for any number of lenders: the counters are taken in the order of the lenders' ids, so that writers take
-- turns and never wait in a circle; positions follow the order in which the facts were given.
WITH facts AS MATERIALIZED (
    SELECT f.*, row_number() OVER (PARTITION BY f.lender_id ORDER BY f.number) AS nth,
           count(*) OVER (PARTITION BY f.lender_id) AS new
      FROM unnest(:lender_ids::uuid[], :event_ids::uuid[], :types::text[], :subjects::text[], :occurred_ats::timestamptz[],
                  :consent_ids::uuid[], :traceparents::text[], :data::text[])
           WITH ORDINALITY AS f (lender_id, event_id, type, subject, occurred_at, consent_id, traceparent, data, number)
), heads AS (
    INSERT INTO lender_logs AS l (lender_id, head)
    SELECT lender_id, count(*) FROM facts GROUP BY lender_id ORDER BY lender_id
        ON CONFLICT (lender_id) DO UPDATE SET head = l.head + excluded.head
    RETURNING lender_id, head
)
INSERT INTO lender_log (lender_id, position, event_id, type, subject, occurred_at, consent_id, traceparent, data)
SELECT f.lender_id, h.head - f.new + f.nth, f.event_id, f.type, f.subject, f.occurred_at, f.consent_id, f.traceparent,
       f.data
  FROM facts AS f
  JOIN heads AS h USING (lender_id)
RETURNING lender_id, position;

-- name: read_log
-- A page of a lender's own log; types that are not wanted are passed over.
SELECT position, event_id, type, subject, occurred_at, traceparent, data
  FROM lender_log
 WHERE lender_id = :lender_id AND position > :after AND position <= :upto
   AND (cardinality(:types::text[]) = 0 OR type = ANY(:types::text[]))
 ORDER BY position
 LIMIT :most;

-- name: log_bounds
-- How far a log reaches and from where it is kept; no row means that nothing was ever told.
SELECT head, first_kept FROM lender_logs WHERE lender_id = :lender_id;

-- name: heads_of
-- For those who wait for news: all of them ask at once.
SELECT lender_id, head FROM lender_logs WHERE lender_id = ANY(:lender_ids::uuid[]);

-- name: insert_subscription
-- It begins at the given position, or with what is told from now on.
INSERT INTO subscriptions (subscription_id, lender_id, transport, types, url, secret, position, created_at)
SELECT :subscription_id, :lender_id, :transport, :types::text[], :url, :secret,
       coalesce(:position::bigint, (SELECT head FROM lender_logs WHERE lender_id = :lender_id), 0), :created_at
RETURNING position;

-- name: lock_lender
-- Two requests of one lender take turns, so that the number of its subscriptions stays bounded.
SELECT lender_id FROM lenders WHERE lender_id = :lender_id FOR NO KEY UPDATE;

-- name: count_subscriptions
-- Those of one lender.
SELECT count(*) FROM subscriptions WHERE lender_id = :lender_id;

-- name: subscriptions_of
-- A lender's own, with how far the log reaches: what was missed is a subtraction. All lenders' when none is named.
SELECT s.subscription_id, s.lender_id, s.transport, s.state, s.state_reason, s.types, s.url, s.position, s.delivered,
       s.failed_in_a_row, s.next_attempt_at, s.last_attempt_at, s.last_success_at, s.last_error, s.created_at,
       s.old_secret_until, coalesce(l.head, 0) AS head, coalesce(l.first_kept, 1) AS first_kept,
       k.state AS kafka_state, k.slug, k.last_error AS kafka_error
  FROM subscriptions AS s
  LEFT JOIN lender_logs AS l USING (lender_id)
  LEFT JOIN kafka_access AS k ON k.lender_id = s.lender_id AND s.transport = 'kafka'
 WHERE (:lender_id::uuid IS NULL OR s.lender_id = :lender_id)
   AND (:subscription_id::uuid IS NULL OR s.subscription_id = :subscription_id)
   AND (:after::uuid IS NULL OR s.subscription_id > :after)
 ORDER BY s.subscription_id
 LIMIT :most;

-- name: lock_subscription
-- A change and a result of a delivery take turns. Only the lender's own.
SELECT transport
  FROM subscriptions
 WHERE subscription_id = :subscription_id AND lender_id = :lender_id
   FOR NO KEY UPDATE;

-- name: delete_subscription
-- A topic stays as long as the lender: its subscription is paused instead.
DELETE FROM subscriptions
 WHERE subscription_id = :subscription_id AND lender_id = :lender_id AND transport <> 'kafka';

-- name: set_subscription_state
-- A resumed one is tried at once, however long its pause was; a lease that is out does not count any more.
UPDATE subscriptions
   SET state = :state, state_reason = :reason, failed_in_a_row = 0, next_attempt_at = clock_timestamp(), lease = NULL,
       leased_until = NULL
 WHERE subscription_id = :subscription_id;

-- name: set_secret
-- From now on the new secret signs, and until the given time the old one, too.
UPDATE subscriptions
   SET old_secret = secret, old_secret_until = :old_until, secret = :secret
 WHERE subscription_id = :subscription_id;

-- name: set_position
-- Back-fill: all beyond this position is delivered (again). The lease goes, so that no result in flight moves it.
UPDATE subscriptions
   SET position = :position, next_attempt_at = clock_timestamp(), failed_in_a_row = 0, lease = NULL, leased_until = NULL
 WHERE subscription_id = :subscription_id;

-- name: confirm_pulled
-- Whoever asks for what lies beyond a position says that all before it has arrived.
UPDATE subscriptions
   SET delivered = delivered + (:position - position), position = :position, last_success_at = clock_timestamp(),
       last_attempt_at = clock_timestamp()
 WHERE lender_id = :lender_id AND transport = 'pull' AND state = 'active' AND position < :position;

-- name: has_kafka
-- Whether a lender has a Kafka user, or is about to have one.
SELECT true FROM kafka_access WHERE lender_id = :lender_id;

-- name: want_kafka
-- What the provisioning task is to make, or a new password for what is there.
INSERT INTO kafka_access AS k (lender_id, slug, sealed_password, wanted_at)
VALUES (:lender_id, :slug, :sealed_password, :wanted_at)
    ON CONFLICT (lender_id) DO UPDATE
   SET state = 'wanted', sealed_password = excluded.sealed_password, wanted_at = excluded.wanted_at, failures = 0,
       next_attempt_at = clock_timestamp(), last_error = NULL;

-- name: lease_webhooks
-- Endpoints with something to deliver, locked past those that others have; the failing ones have places of their own. With
-- each, the next events of its log: an endpoint that was away catches up by several at a time. Suspended lenders wait.
WITH due AS (
    SELECT s.subscription_id
      FROM subscriptions AS s
      JOIN lender_logs AS l USING (lender_id)
      JOIN lenders AS n ON n.lender_id = s.lender_id AND n.state = 'active'
     WHERE s.transport = 'webhook' AND s.state = 'active' AND l.head > s.position
       AND s.next_attempt_at <= statement_timestamp() AND (s.leased_until IS NULL OR s.leased_until < statement_timestamp())
       AND (s.failed_in_a_row > 0) = :is_failing
     ORDER BY s.next_attempt_at, s.subscription_id
     LIMIT :most
       FOR NO KEY UPDATE OF s SKIP LOCKED
), leased AS (
    UPDATE subscriptions AS s
       SET lease = :lease, leased_until = clock_timestamp() + make_interval(secs => :lease_seconds)
      FROM due
     WHERE s.subscription_id = due.subscription_id
    RETURNING s.subscription_id, s.lender_id, s.types, s.url, s.secret, s.old_secret, s.old_secret_until, s.position,
              s.failed_in_a_row
)
SELECT s.subscription_id, s.types, s.url, s.secret,
       CASE WHEN s.old_secret_until > statement_timestamp() THEN s.old_secret END AS old_secret,
       s.position AS start, s.failed_in_a_row, e.position, e.event_id, e.type, e.subject, e.occurred_at, e.traceparent,
       e.data
  FROM leased AS s
 CROSS JOIN LATERAL (
       SELECT position, event_id, type, subject, occurred_at, traceparent, data
         FROM lender_log
        WHERE lender_id = s.lender_id AND position > s.position
        ORDER BY position
        LIMIT :events
       ) AS e
 ORDER BY s.subscription_id, e.position;

-- name: record_deliveries
-- Results of many endpoints by one statement. A result counts only while its lease is its own; a pause that the lender
-- asked for meanwhile stays.
UPDATE subscriptions AS s
   SET position = r.position, delivered = s.delivered + r.delivered, failed_in_a_row = r.failed,
       next_attempt_at = clock_timestamp() + make_interval(secs => r.delay_seconds),
       last_attempt_at = clock_timestamp(),
       last_success_at = CASE WHEN r.delivered > 0 THEN clock_timestamp() ELSE s.last_success_at END,
       last_error = CASE WHEN r.failed = 0 AND r.disabled IS NULL THEN s.last_error ELSE r.error END,
       state = CASE WHEN r.disabled IS NULL THEN s.state ELSE 'disabled' END,
       state_reason = CASE WHEN r.disabled IS NULL THEN s.state_reason ELSE r.disabled END,
       lease = NULL, leased_until = NULL
  FROM unnest(:subscription_ids::uuid[], :leases::uuid[], :positions::bigint[], :delivered::bigint[], :failed::integer[],
              :delays_seconds::float8[], :disabled::text[], :errors::text[])
       AS r (subscription_id, lease, position, delivered, failed, delay_seconds, disabled, error)
 WHERE s.subscription_id = r.subscription_id AND s.lease = r.lease;

-- name: behind_on_kafka
-- What is told and not yet on a lender's topic; only topics that were made, of lenders that are not suspended. The failing
-- ones are asked for apart.
SELECT s.subscription_id, s.lender_id, k.slug, s.types, s.position AS start, s.failed_in_a_row, e.position, e.event_id,
       e.type, e.subject, e.occurred_at, e.traceparent, e.data
  FROM subscriptions AS s
  JOIN lender_logs AS l USING (lender_id)
  JOIN kafka_access AS k USING (lender_id)
  JOIN lenders AS n ON n.lender_id = s.lender_id AND n.state = 'active'
 CROSS JOIN LATERAL (
       SELECT position, event_id, type, subject, occurred_at, traceparent, data
         FROM lender_log
        WHERE lender_id = s.lender_id AND position > s.position
        ORDER BY position
        LIMIT :events
       ) AS e
 WHERE s.transport = 'kafka' AND s.state = 'active' AND k.first_ready_at IS NOT NULL AND l.head > s.position
   AND s.next_attempt_at <= statement_timestamp() AND (s.failed_in_a_row > 0) = :is_failing
 ORDER BY s.subscription_id, e.position
 LIMIT :most;

-- name: advance_on_kafka
-- By compare-and-set: a back-fill that came meanwhile is not overwritten.
UPDATE subscriptions AS s
   SET position = r.position, delivered = s.delivered + r.delivered, failed_in_a_row = 0,
       last_attempt_at = clock_timestamp(), last_success_at = clock_timestamp()
  FROM unnest(:subscription_ids::uuid[], :starts::bigint[], :positions::bigint[], :delivered::bigint[])
       AS r (subscription_id, start, position, delivered)
 WHERE s.subscription_id = r.subscription_id AND s.position = r.start;

-- name: postpone_on_kafka
-- Kafka did not take it: again later.
UPDATE subscriptions
   SET failed_in_a_row = failed_in_a_row + 1, last_error = :error, last_attempt_at = clock_timestamp(),
       next_attempt_at = clock_timestamp() + make_interval(secs => :delay_seconds)
 WHERE subscription_id = :subscription_id;

-- name: forget_log_until
-- The first position to keep of each lender: younger than so many days, and at most so many rows.
UPDATE lender_logs AS l
   SET first_kept = f.first_kept
  FROM (SELECT lender_id,
               greatest(l.head - :rows_max + 1,
                        coalesce((SELECT max(e.position) + 1 FROM lender_log AS e
                                   WHERE e.lender_id = l.lender_id
                                     AND e.written_at < statement_timestamp() - make_interval(days => :days)), 1)) AS first_kept
          FROM lender_logs AS l) AS f
 WHERE l.lender_id = f.lender_id AND l.first_kept < f.first_kept;

-- name: forget_log
-- A bounded piece of what is no longer kept.
DELETE FROM lender_log AS e
 USING (SELECT e.lender_id, e.position
          FROM lender_logs AS l
         CROSS JOIN LATERAL (SELECT lender_id, position FROM lender_log
                              WHERE lender_id = l.lender_id AND position < l.first_kept
                              ORDER BY position LIMIT :most) AS e
         LIMIT :most) AS old
 WHERE e.lender_id = old.lender_id AND e.position = old.position;

-- name: subscription_figures
-- For metrics: how many there are, and how far the furthest is behind.
SELECT s.transport, s.state, count(*) AS subscriptions, max(coalesce(l.head, 0) - s.position) AS missed_most
  FROM subscriptions AS s
  LEFT JOIN lender_logs AS l USING (lender_id)
 GROUP BY s.transport, s.state;

-- name: try_to_lead
-- One process at a time publishes to lenders' topics; the lock lives as long as its connection.
SELECT pg_try_advisory_lock(:lock);
