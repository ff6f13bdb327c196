-- Checks of financing's own tables: a row is a violation (key, what). Run by `lumbung audit`.

-- name: lender_logs_have_no_gaps
-- What was missed is a subtraction only while every position up to the head is there, and none beyond it (I7).
SELECT l.lender_id::text AS key,
       'of the last ' || l.expected || ' positions up to ' || l.head || ' there are ' || e.found || ', and beyond it '
       || e.beyond AS what
  FROM (SELECT lender_id, head, greatest(first_kept, head - :most + 1) AS lowest,
               head - greatest(first_kept, head - :most + 1) + 1 AS expected FROM lender_logs) AS l
 CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE position <= l.head) AS found, count(*) FILTER (WHERE position > l.head) AS beyond
         FROM lender_log WHERE lender_id = l.lender_id AND position >= l.lowest
       ) AS e
 WHERE e.found <> l.expected OR e.beyond > 0
 LIMIT 100;

-- name: lender_logs_have_their_counter
-- An entry without its lender's counter would be overtaken by the next one.
SELECT DISTINCT e.lender_id::text AS key, 'has a log and no counter' AS what
  FROM lender_log AS e
 WHERE NOT EXISTS (SELECT FROM lender_logs AS l WHERE l.lender_id = e.lender_id)
 LIMIT 100;

-- name: subscriptions_are_not_beyond_their_log
-- A cursor beyond the head would pass over what is told next.
SELECT s.subscription_id::text AS key, 'is at ' || s.position || ', the log ends at ' || coalesce(l.head, 0) AS what
  FROM subscriptions AS s
  LEFT JOIN lender_logs AS l USING (lender_id)
 WHERE s.position > coalesce(l.head, 0)
 LIMIT 100;

-- name: published_applications_reach_their_lenders
-- Every lender that an application names was told of it in its own log, in the same transaction.
SELECT o.event_id || '/' || n.lender_id AS key,
       'lender ' || n.lender_id || ' was not told of application ' || (o.data ->> 'application_id') AS what
  FROM outbox AS o
 CROSS JOIN LATERAL json_array_elements_text(o.data -> 'lenders') AS n (lender_id)
 WHERE o.type = 'financing.application_published.v1' AND o.occurred_at >= :since
   AND NOT EXISTS (SELECT FROM lender_log AS e
                    WHERE e.lender_id = n.lender_id::uuid AND e.type = 'lending.application_published.v1'
                      AND e.data::jsonb ->> 'application_id' = o.data ->> 'application_id')
   AND NOT EXISTS (SELECT FROM lender_logs AS l
                    JOIN lender_log AS e ON e.lender_id = l.lender_id AND e.position = l.first_kept
                    WHERE l.lender_id = n.lender_id::uuid AND l.first_kept > 1 AND e.written_at > o.occurred_at)
 LIMIT 100;

-- name: lender_logs_hold_no_personal_data
-- Lenders are told references: telephone numbers, e-mail addresses and identity numbers are not in their logs (I12).
SELECT event_id::text AS key, type || ' holds something like personal data' AS what
  FROM (SELECT event_id, type,
               regexp_replace(data, '"[0-9a-f]{8}-[0-9a-f-]{27}"|"\d{4}-\d\d-\d\dT[^"]*"|:\s*-?\d+(\.\d+)?', '', 'g')
                   AS words
          FROM lender_log WHERE written_at >= :since ORDER BY written_at DESC LIMIT :most) AS events
 WHERE words ~ '[[:alnum:]._%+-]+@[[:alnum:]-]+\.[[:alpha:]]{2,}'
    OR words ~ '(^|[^[:alnum:]])(\+?62|0)[ .-]?8[1-9][0-9 .-]{6,14}'
    OR words ~ '(^|[^[:alnum:]])[0-9]{16}($|[^[:alnum:]])'
 LIMIT 100;

-- name: kafka_passwords_are_not_kept
-- A password lies here, sealed, only for the moments until Kafka has it.
SELECT lender_id::text AS key, 'its Kafka password waits since ' || wanted_at AS what
  FROM kafka_access
 WHERE sealed_password IS NOT NULL AND wanted_at < clock_timestamp() - interval '10 minutes'
 LIMIT 100;
