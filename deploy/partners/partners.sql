-- name: wanted
-- What is to be made in Kafka and is due; one task at a time works on a row.
SELECT lender_id, slug, sealed_password, failures
  FROM kafka_access
 WHERE state = 'wanted' AND next_attempt_at <= statement_timestamp()
 ORDER BY wanted_at
 LIMIT 10;

-- name: made
-- Kafka has it: the password is nowhere any more but in there, as SCRAM. A newer wish that came meanwhile stays.
UPDATE kafka_access
   SET state = 'ready', sealed_password = NULL, ready_at = clock_timestamp(),
       first_ready_at = coalesce(first_ready_at, clock_timestamp()), failures = 0, last_error = NULL
 WHERE lender_id = :lender_id AND sealed_password = :sealed_password;

-- name: not_made
-- Again later.
UPDATE kafka_access
   SET failures = failures + 1, last_error = :error,
       next_attempt_at = clock_timestamp() + make_interval(secs => :delay_seconds)
 WHERE lender_id = :lender_id;
