-- Checks of the kernel's tables, the same for every service: a row is a violation (key, what).

-- name: relay_behind
-- The relay sends what was committed within seconds: the oldest event that waits for it must not stay the same.
SELECT c.topic || '/' || o.id AS key, 'event ' || o.event_id || ' of ' || o.type || ' was not sent yet' AS what
  FROM outbox_cursor AS c
 CROSS JOIN LATERAL (SELECT id, event_id, type FROM outbox
                      WHERE outbox.topic = c.topic AND outbox.id > c.last_id ORDER BY outbox.id LIMIT 1) AS o;

-- name: relay_holes
-- A hole is filled or forgotten as soon as the transactions that might own it have ended.
SELECT c.topic || '/' || h.id AS key, 'outbox id ' || h.id || ' of ' || c.topic || ' is still open' AS what
  FROM outbox_cursor AS c, unnest(c.holes) AS h (id)
 LIMIT 100;

-- name: events_published_once
-- An event id names one event.
SELECT event_id::text AS key, 'event id of ' || min(type) || ' was published ' || count(*) || ' times' AS what
  FROM outbox
 WHERE occurred_at >= :since
 GROUP BY event_id
HAVING count(*) > 1
 LIMIT 100;

-- name: events_without_personal_data
-- Telephone numbers, e-mail addresses, identity numbers (I12). Ids, times and numbers that are no text are left out first.
SELECT event_id::text AS key, type || ' holds something like personal data' AS what
  FROM (SELECT event_id, type,
               regexp_replace(data::text, '"[0-9a-f]{8}-[0-9a-f-]{27}"|"\d{4}-\d\d-\d\dT[^"]*"|:\s*-?\d+(\.\d+)?', '', 'g')
                   AS words
          FROM outbox WHERE occurred_at >= :since ORDER BY written_at DESC LIMIT :most) AS events
 WHERE words ~ '[[:alnum:]._%+-]+@[[:alnum:]-]+\.[[:alpha:]]{2,}'
    OR words ~ '(^|[^[:alnum:]])(\+?62|0)[ .-]?8[1-9][0-9 .-]{6,14}'
    OR words ~ '(^|[^[:alnum:]])[0-9]{16}($|[^[:alnum:]])'
 LIMIT 100;

-- name: dead_letters
-- Nothing is set aside for people to look at.
SELECT position::text AS key,
       handler_group || ' could not handle ' || type || ' ' || event_id || ' of ' || ordering_key || ' ('
       || state || '): ' || left(reason, 200) AS what
  FROM dead_letters
 WHERE state = 'dead'
 ORDER BY position
 LIMIT 100;

-- name: events_that_wait
-- What is tried again, or waits behind an earlier event of its key, ends one day: an hour is too long.
SELECT position::text AS key, handler_group || ' keeps ' || type || ' ' || event_id || ' waiting (' || state || ')' AS what
  FROM dead_letters
 WHERE state IN ('retry', 'behind') AND first_at < statement_timestamp() - interval '1 hour'
 ORDER BY position
 LIMIT 100;

-- name: parked_keys_have_their_event
-- A key that waits behind nothing would wait for ever.
SELECT p.handler_group || '/' || p.ordering_key AS key, p.handler_group || ' parks ' || p.ordering_key || ' behind nothing' AS what
  FROM parked_keys AS p
 WHERE NOT EXISTS (SELECT FROM dead_letters AS d
                    WHERE d.handler_group = p.handler_group AND d.ordering_key = p.ordering_key
                      AND d.state IN ('dead', 'retry', 'behind'))
 LIMIT 100;

-- name: waiting_events_park_their_key
-- Where an event waits, later ones of its key must not pass.
SELECT DISTINCT d.handler_group || '/' || d.ordering_key AS key,
       'nothing holds later events of ' || d.ordering_key || ' back in ' || d.handler_group AS what
  FROM dead_letters AS d
 WHERE d.state IN ('dead', 'retry', 'behind')
   AND NOT EXISTS (SELECT FROM parked_keys AS p
                    WHERE p.handler_group = d.handler_group AND p.ordering_key = d.ordering_key)
 LIMIT 100;

-- name: calls_out_that_hang
-- A call to another organisation that nobody makes although it is due, that failed ten times, or that outlived its end.
SELECT id::text AS key,
       purpose || ' for ' || subject || ' was tried ' || attempts || ' times: ' || coalesce(last_error, 'no answer') AS what
  FROM calls_out
 WHERE state = 'waiting'
   AND (due_at < statement_timestamp() - interval '5 minutes'
        OR give_up_at < statement_timestamp() - interval '5 minutes'
        OR (attempts >= 10 AND last_error IS NOT NULL))
 ORDER BY created_at
 LIMIT 100;
