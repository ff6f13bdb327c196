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
                      AND CASE WHEN e.data IS JSON OBJECT THEN e.data::jsonb ->> 'application_id' END
                        = o.data ->> 'application_id')
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
 WHERE sealed_password IS NOT NULL AND wanted_at < statement_timestamp() - interval '10 minutes'
 LIMIT 100;

-- name: loans_owe_what_their_dues_say
-- I6: the plan is the loan exactly; a loan is repaid when nothing of its plan is open, and not before.
SELECT l.loan_id::text AS key,
       'is ' || l.state || ' of ' || l.amount_minor || '; its dues have ' || coalesce(d.principal_minor, 0)
       || ' of principal in ' || coalesce(d.dues, 0) || ' of ' || l.tenor_months || ' dues, ' || coalesce(d.open_minor, 0)
       || ' are open' AS what
  FROM loans AS l
  LEFT JOIN (SELECT loan_id, count(*) AS dues, sum(principal_minor) AS principal_minor,
                    sum(principal_minor + cost_minor - principal_paid_minor - cost_paid_minor - cost_waived_minor)
                        AS open_minor
               FROM loan_dues GROUP BY loan_id) AS d USING (loan_id)
 WHERE CASE l.state
       WHEN 'agreed' THEN d.loan_id IS NOT NULL
       ELSE d.principal_minor IS DISTINCT FROM l.amount_minor OR d.dues <> l.tenor_months
            OR (l.state = 'repaid') <> (d.open_minor = 0)
       END
 LIMIT 100;

-- name: dues_are_paid_by_repayments
-- I6: what a due counts as paid is what repayments brought for it, part by part.
SELECT d.loan_id || '/' || d.number AS key,
       'paid ' || d.principal_paid_minor || ' + ' || d.cost_paid_minor || ', waived ' || d.cost_waived_minor
       || '; repayments brought ' || coalesce(p.principal_minor, 0) || ' + ' || coalesce(p.cost_minor, 0)
       || ', waived ' || coalesce(p.waived_minor, 0) AS what
  FROM loan_dues AS d
  LEFT JOIN (SELECT r.loan_id, p.number, sum(p.principal_minor) AS principal_minor, sum(p.cost_minor) AS cost_minor,
                    sum(p.waived_minor) AS waived_minor
               FROM repayment_parts AS p
               JOIN repayments AS r USING (repayment_id)
              GROUP BY r.loan_id, p.number) AS p ON p.loan_id = d.loan_id AND p.number = d.number
 WHERE (d.principal_paid_minor, d.cost_paid_minor, d.cost_waived_minor)
       IS DISTINCT FROM (coalesce(p.principal_minor, 0), coalesce(p.cost_minor, 0), coalesce(p.waived_minor, 0))
 LIMIT 100;

-- name: repayments_are_their_parts
-- I6: no rupiah of a repayment counts for nothing.
SELECT r.repayment_id::text AS key,
       'brought ' || r.principal_minor || ' + ' || r.cost_minor || ', its parts ' || coalesce(p.principal_minor, 0) || ' + '
       || coalesce(p.cost_minor, 0) AS what
  FROM repayments AS r
  LEFT JOIN (SELECT repayment_id, sum(principal_minor) AS principal_minor, sum(cost_minor) AS cost_minor,
                    sum(waived_minor) AS waived_minor
               FROM repayment_parts GROUP BY repayment_id) AS p USING (repayment_id)
 WHERE (r.principal_minor, r.cost_minor, r.waived_minor)
       IS DISTINCT FROM (coalesce(p.principal_minor, 0), coalesce(p.cost_minor, 0), coalesce(p.waived_minor, 0))
 LIMIT 100;

-- name: loans_and_ledger_agree
-- I6: what is open of the dues is what the loan's accounts say, principal and cost apart.
SELECT l.loan_id::text AS key,
       'dues leave ' || d.principal_minor || ' + ' || d.cost_minor || ', the ledger ' || p.balance_minor || ' + '
       || c.balance_minor AS what
  FROM loans AS l
  JOIN (SELECT loan_id, sum(principal_minor - principal_paid_minor) AS principal_minor,
               sum(cost_minor - cost_paid_minor - cost_waived_minor) AS cost_minor
          FROM loan_dues GROUP BY loan_id) AS d USING (loan_id)
  JOIN ledger_accounts AS p ON p.id = l.principal_account_id
  JOIN ledger_accounts AS c ON c.id = l.cost_account_id
 WHERE p.balance_minor <> d.principal_minor OR c.balance_minor <> d.cost_minor
 LIMIT 100;

-- name: lenders_claims_are_their_loans
-- I6: a lender is owed what is open of its loans, and what orders has not passed on yet.
SELECT a.code AS key, a.code || ' has ' || a.balance_minor || ', its loans and what is on its way are ' || s.claim_minor AS what
  FROM ledger_accounts AS a
  JOIN (SELECT l.lender_account_id,
               sum((SELECT sum(principal_minor + cost_minor - principal_paid_minor - cost_paid_minor - cost_waived_minor)
                      FROM loan_dues AS d WHERE d.loan_id = l.loan_id))
               + sum(coalesce((SELECT sum(accepted_minor) FROM instalments AS i
                                WHERE i.loan_id = l.loan_id AND i.passed_on_at IS NULL), 0)) AS claim_minor
          FROM loans AS l
         WHERE l.lender_account_id IS NOT NULL
         GROUP BY l.lender_account_id) AS s ON s.lender_account_id = a.id
 WHERE a.balance_minor <> s.claim_minor
 LIMIT 100;

-- name: clearing_is_what_orders_still_has
-- I11, our half: accepted instalments that were not passed on yet stand in clearing:orders, and nothing else does.
SELECT a.code AS key,
       'has ' || a.balance_minor || ', instalments that are not passed on are ' || s.amount_minor AS what
  FROM ledger_accounts AS a
 CROSS JOIN (SELECT coalesce(sum(accepted_minor), 0) AS amount_minor FROM instalments WHERE passed_on_at IS NULL) AS s
 WHERE a.code = 'clearing:orders' AND a.balance_minor <> s.amount_minor
 LIMIT 100;

-- name: instalments_are_repayments
-- I11: what was accepted of an instalment is exactly one repayment of that amount.
SELECT i.instalment_id::text AS key,
       'accepted ' || i.accepted_minor || ', its repayment is ' || coalesce(r.amount_minor, 0) AS what
  FROM instalments AS i
  LEFT JOIN repayments AS r USING (instalment_id)
 WHERE i.accepted_minor <> coalesce(r.amount_minor, 0)
 LIMIT 100;

-- name: grades_follow_the_dues
-- The days past due are those of the oldest due that is open, as of the day of the grade.
SELECT l.loan_id::text AS key,
       'is ' || l.days_past_due || ' days past due as of ' || l.graded_on || ', its dues say ' || d.days AS what
  FROM loans AS l
 CROSS JOIN LATERAL (
       SELECT coalesce(l.graded_on - min(due_on), 0) AS days FROM loan_dues AS d
        WHERE d.loan_id = l.loan_id AND d.due_on < l.graded_on
          AND d.principal_minor + d.cost_minor > d.principal_paid_minor + d.cost_paid_minor + d.cost_waived_minor) AS d
 WHERE l.state <> 'agreed' AND l.days_past_due <> d.days
 LIMIT 100;

-- name: accepted_applications_are_loans
-- An application is taken once: then it has one accepted offer and one loan, and nothing of it is open.
SELECT a.application_id::text AS key,
       'is ' || a.state || ' with ' || o.accepted || ' accepted and ' || o.open || ' open offers and ' || l.loans || ' loans'
       AS what
  FROM applications AS a
 CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE state = 'accepted') AS accepted,
                            count(*) FILTER (WHERE state = 'open') AS open
                       FROM offers AS o WHERE o.application_id = a.application_id) AS o
 CROSS JOIN LATERAL (SELECT count(*) AS loans FROM loans AS l WHERE l.application_id = a.application_id) AS l
 WHERE (a.state = 'accepted') <> (o.accepted = 1) OR o.accepted <> l.loans OR (a.state <> 'published' AND o.open > 0)
 LIMIT 100;

-- name: profiles_were_read_under_a_live_consent
-- I9: every read that was answered was logged at a moment at which its consent held, by a lender that was told. A read
-- that waited for a lock may end within the minute in which the consent's time is over.
SELECT d.read_id::text AS key,
       'read at ' || d.asked_at || ' by ' || d.lender_id || '; the consent held from ' || c.given_at || ' to '
       || coalesce(c.ended_at, c.until) || CASE WHEN r.lender_id IS NULL THEN ', and the lender was not told' ELSE '' END
       AS what
  FROM consent_reads AS d
  JOIN consents AS c USING (consent_id)
  LEFT JOIN consent_recipients AS r ON r.consent_id = d.consent_id AND r.lender_id = d.lender_id
 WHERE d.outcome = 'read'
   AND (d.asked_at < c.given_at OR d.asked_at > c.until + interval '1 minute' OR d.asked_at > c.ended_at
        OR r.read_at IS NULL)
 LIMIT 100;

-- name: profiles_have_a_live_consent
-- I9: with the consent the profile is gone; one whose time is over gets some minutes for the clock.
SELECT p.application_id::text AS key,
       'there is a profile, its consent ended at ' || coalesce(c.ended_at, c.until) AS what
  FROM profiles AS p
  JOIN consents AS c USING (consent_id)
 WHERE c.ended_at IS NOT NULL OR c.until < statement_timestamp() - interval '5 minutes'
 LIMIT 100;

-- name: ended_consents_leave_nothing_open
-- I9: no application stays open under a consent that has ended.
SELECT a.application_id::text AS key, 'is open, its consent ended at ' || c.ended_at AS what
  FROM applications AS a
  JOIN consents AS c USING (consent_id)
 WHERE a.state = 'published' AND c.ended_at IS NOT NULL
 LIMIT 100;

-- name: revoked_consents_were_said
-- I9: a revocation is a fact that all may hear. As far back as the log goes.
SELECT c.consent_id::text AS key, 'was ' || c.end_reason || ' and consent_revoked was never said' AS what
  FROM consents AS c
 WHERE c.end_reason IN ('revoked', 'erased') AND c.ended_at >= :since
   AND NOT EXISTS (SELECT FROM outbox AS o
                    WHERE o.type = 'financing.consent_revoked.v1' AND o.occurred_at >= :since
                      AND o.data ->> 'consent_id' = c.consent_id::text)
 LIMIT 100;

-- name: nothing_is_told_under_an_ended_consent
-- I9: what lenders were told under a consent was written while it held.
SELECT e.event_id::text AS key, e.type || ' was told at ' || e.written_at || ', the consent ended at ' || c.ended_at AS what
  FROM lender_log AS e
  JOIN consents AS c USING (consent_id)
 WHERE e.written_at >= :since AND e.written_at > c.ended_at
 LIMIT 100;

-- name: forgotten_people_left_nothing
-- I9: of a forgotten person no consent is live, and no membership, certificate or shop is theirs.
SELECT e.account_id || '/' || f.what AS key, 'the person is forgotten, ' || f.what || ' is still here' AS what
  FROM erased_accounts AS e
 CROSS JOIN LATERAL (
       SELECT 'a consent' AS what FROM consents WHERE person_id = e.account_id AND ended_at IS NULL
       UNION SELECT 'a membership' FROM memberships WHERE account_id = e.account_id
       UNION SELECT 'a certificate' FROM certificates WHERE person_id = e.account_id
       UNION SELECT 'a shop' FROM shops WHERE owner_id = e.account_id) AS f
 LIMIT 100;
