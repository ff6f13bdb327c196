-- name: insert_consent
-- The whole record at once: what was allowed is never changed, only ended.
INSERT INTO consents (consent_id, person_id, shop_id, scopes, purpose, data_items, legal_basis, text_version,
                      text_sha256, language, channel, actor_id, evidence, given_at, until)
VALUES (:consent_id, :person_id, :shop_id, :scopes, :purpose, :data_items, :legal_basis, :text_version, :text_sha256,
        :language, :channel, :actor_id, :evidence, :given_at, :until);

-- name: consent_of_person
-- A consent for who gave it, nobody else.
SELECT consent_id, person_id, shop_id, scopes, purpose, data_items, legal_basis, text_version, text_sha256, language,
       channel, given_at, until, ended_at, end_reason, acknowledge_by
  FROM consents
 WHERE consent_id = :consent_id AND person_id = :person_id;

-- name: consents_of_person
-- A person's consents, newest first.
SELECT consent_id, person_id, shop_id, scopes, purpose, data_items, legal_basis, text_version, text_sha256, language,
       channel, given_at, until, ended_at, end_reason, acknowledge_by
  FROM consents
 WHERE person_id = :person_id
 ORDER BY consent_id DESC
 LIMIT 100;

-- name: lock_consent_of_person
-- Held while it is ended: readers who hold it shared finish first, those who come later see the end.
SELECT consent_id, person_id, shop_id, scopes, purpose, until, ended_at
  FROM consents
 WHERE consent_id = :consent_id AND person_id = :person_id
   FOR UPDATE;

-- name: lock_consents_of_erased
-- All live consents of a person who was forgotten, in id order.
SELECT consent_id, person_id, shop_id, scopes, purpose, until, ended_at
  FROM consents
 WHERE person_id = :person_id AND ended_at IS NULL
 ORDER BY consent_id
   FOR UPDATE;

-- name: lock_consents_over
-- Consents whose time is over; those that others hold are left for the next round.
SELECT consent_id, person_id, shop_id, scopes, purpose, until, ended_at
  FROM consents
 WHERE ended_at IS NULL AND until <= :now
 ORDER BY consent_id
 LIMIT :most
   FOR UPDATE SKIP LOCKED;

-- name: share_consent
-- Held while something is done under the consent: whoever ends it waits until that is done.
SELECT consent_id, person_id, shop_id, scopes, purpose, until, ended_at
  FROM consents
 WHERE consent_id = :consent_id
   FOR SHARE;

-- name: end_consents
-- By the database's clock, read once and after the lock: no read that was logged is later.
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now)
UPDATE consents
   SET ended_at = clock.now, end_reason = :reason, acknowledge_by = clock.now + :answer_time::interval
  FROM clock
 WHERE consent_id = ANY (:consent_ids::uuid[])
RETURNING consent_id, ended_at, acknowledge_by;

-- name: erase_profiles
-- With the consent goes what was kept to be read under it.
DELETE FROM profiles WHERE consent_id = ANY (:consent_ids::uuid[]);

-- name: erase_answers
-- The answer to an application is kept for its Idempotency-Key and says why products do not fit, so also what the
-- profile had: it goes with the profile. Who asks again with the key is told that the consent has ended.
DELETE FROM idempotency_keys AS k
 USING unnest(:person_ids::uuid[], :consent_ids::uuid[]) AS c (person_id, consent_id)
 WHERE k.principal_id = c.person_id AND k.route = 'POST /v1/applications'
   AND convert_from(k.body, 'UTF8')::jsonb ->> 'consent_id' = c.consent_id::text;

-- name: recipients_of_consents
-- Who must know that a consent has ended.
SELECT consent_id, lender_id
  FROM consent_recipients
 WHERE consent_id = ANY (:consent_ids::uuid[])
 ORDER BY lender_id, consent_id;

-- name: add_recipients
-- A lender that was told already stays as it was.
INSERT INTO consent_recipients (consent_id, lender_id, told_at)
SELECT :consent_id, lender_id, :told_at FROM unnest(:lender_ids::uuid[]) AS r (lender_id)
 ORDER BY lender_id
    ON CONFLICT (consent_id, lender_id) DO NOTHING;

-- name: recipients_of_consent
-- Each recipient with its acknowledgement or its lack.
SELECT r.lender_id, l.name AS lender_name, r.told_at, r.read_at, r.acknowledged_at, c.acknowledge_by
  FROM consent_recipients AS r
  JOIN lenders AS l USING (lender_id)
  JOIN consents AS c USING (consent_id)
 WHERE r.consent_id = :consent_id
 ORDER BY r.lender_id;

-- name: reads_of_consent
-- The access log, in order.
SELECT d.read_id, d.application_id, d.lender_id, l.name AS lender_name, d.outcome, d.reason, d.items, d.asked_at
  FROM consent_reads AS d
  JOIN lenders AS l USING (lender_id)
 WHERE d.consent_id = :consent_id AND d.read_id > :after
 ORDER BY d.read_id
 LIMIT :limit;

-- name: log_read
-- Before the answer, in its transaction; the time is the database's, under the consent's lock.
INSERT INTO consent_reads (consent_id, application_id, lender_id, outcome, reason, items, asked_at)
VALUES (:consent_id, :application_id, :lender_id, :outcome, :reason, :items, clock_timestamp())
RETURNING asked_at;

-- name: mark_recipient_read
-- That it has read, and since when.
UPDATE consent_recipients SET read_at = coalesce(read_at, :read_at)
 WHERE consent_id = :consent_id AND lender_id = :lender_id;

-- name: acknowledge
-- Only for a consent that has ended, and once: a repeat keeps the first time.
UPDATE consent_recipients AS r
   SET acknowledged_at = coalesce(r.acknowledged_at, :acknowledged_at)
  FROM consents AS c
 WHERE r.consent_id = :consent_id AND r.lender_id = :lender_id AND c.consent_id = r.consent_id AND c.ended_at IS NOT NULL
RETURNING r.acknowledged_at, c.acknowledge_by;

-- name: is_recipient
-- Whether the lender was told of the consent at all.
SELECT true FROM consent_recipients WHERE consent_id = :consent_id AND lender_id = :lender_id;

-- name: count_newest_applications
-- How many a person has made since then; no more than `most` are looked at.
SELECT count(*)
  FROM (SELECT FROM applications WHERE person_id = :person_id AND published_at > :since LIMIT :most) AS newest;

-- name: insert_application
-- A shop asks for finance.
INSERT INTO applications (application_id, shop_id, person_id, consent_id, amount_minor, currency, tenor_months, purpose,
                          region_code, sector, size_class, traceparent, published_at, expires_at)
VALUES (:application_id, :shop_id, :person_id, :consent_id, :amount_minor, :currency, :tenor_months, :purpose,
        :region_code, :sector, :size_class, :traceparent, :published_at, :expires_at);

-- name: insert_application_lenders
-- Who sees it, and by which products.
INSERT INTO application_lenders (application_id, lender_id, product_ids, for_review)
SELECT :application_id, l.lender_id, ARRAY(SELECT jsonb_array_elements_text(l.product_ids)::uuid), l.for_review
  FROM jsonb_to_recordset(:lenders::jsonb) AS l (lender_id uuid, product_ids jsonb, for_review boolean)
 ORDER BY l.lender_id;

-- name: insert_profile
-- What lenders may read while the consent lives.
INSERT INTO profiles (application_id, consent_id, profile, computed_at)
VALUES (:application_id, :consent_id, :profile, :computed_at);

-- name: profile
-- Read under the consent's lock.
SELECT profile FROM profiles WHERE application_id = :application_id;

-- name: application_of_person
-- For the applicant alone.
SELECT application_id, shop_id, person_id, consent_id, amount_minor, currency, tenor_months, purpose, region_code,
       sector, size_class, state, traceparent, published_at, expires_at, closed_at
  FROM applications
 WHERE application_id = :application_id AND person_id = :person_id;

-- name: application_of_lender
-- For a lender that was told of it.
SELECT a.application_id, a.shop_id, a.person_id, a.consent_id, a.amount_minor, a.currency, a.tenor_months, a.purpose,
       a.region_code, a.sector, a.size_class, a.state, a.traceparent, a.published_at, a.expires_at, a.closed_at,
       t.product_ids, t.for_review, t.declined_at, t.decline_reason
  FROM applications AS a
  JOIN application_lenders AS t USING (application_id)
 WHERE a.application_id = :application_id AND t.lender_id = :lender_id;

-- name: applications_of_person
-- Newest first.
SELECT application_id, shop_id, person_id, consent_id, amount_minor, currency, tenor_months, purpose, region_code,
       sector, size_class, state, traceparent, published_at, expires_at, closed_at
  FROM applications
 WHERE person_id = :person_id AND application_id < :before
 ORDER BY application_id DESC
 LIMIT :limit;

-- name: applications_of_lender
-- What a lender was told of, newest first.
SELECT a.application_id, a.shop_id, a.person_id, a.consent_id, a.amount_minor, a.currency, a.tenor_months, a.purpose,
       a.region_code, a.sector, a.size_class, a.state, a.traceparent, a.published_at, a.expires_at, a.closed_at,
       t.product_ids, t.for_review, t.declined_at, t.decline_reason
  FROM application_lenders AS t
  JOIN applications AS a USING (application_id)
 WHERE t.lender_id = :lender_id AND t.application_id < :before
 ORDER BY t.application_id DESC
 LIMIT :limit;

-- name: lock_application
-- One at a time decides over an application: offers, declines, acceptance, its end.
SELECT application_id, shop_id, person_id, consent_id, amount_minor, currency, tenor_months, purpose, region_code,
       sector, size_class, state, traceparent, published_at, expires_at, closed_at
  FROM applications
 WHERE application_id = :application_id
   FOR UPDATE;

-- name: lock_applications_of_consents
-- What ends with a consent, in id order; the consents are locked before.
SELECT application_id, shop_id, person_id, consent_id, amount_minor, currency, tenor_months, purpose, region_code,
       sector, size_class, state, traceparent, published_at, expires_at, closed_at
  FROM applications
 WHERE consent_id = ANY (:consent_ids::uuid[]) AND state = 'published'
 ORDER BY application_id
   FOR UPDATE;

-- name: lock_applications_over
-- Applications whose time is over; those that others hold are left for the next round.
SELECT application_id, shop_id, person_id, consent_id, amount_minor, currency, tenor_months, purpose, region_code,
       sector, size_class, state, traceparent, published_at, expires_at, closed_at
  FROM applications
 WHERE state = 'published' AND expires_at <= :now
 ORDER BY application_id
 LIMIT :most
   FOR UPDATE SKIP LOCKED;

-- name: close_applications
-- Under their locks.
UPDATE applications SET state = :state, closed_at = :closed_at
 WHERE application_id = ANY (:application_ids::uuid[]) AND state = 'published';

-- name: application_lenders
-- Who sees these applications, and who of them declined.
SELECT application_id, lender_id, product_ids, for_review, declined_at, decline_reason
  FROM application_lenders
 WHERE application_id = ANY (:application_ids::uuid[])
 ORDER BY lender_id, application_id;

-- name: decline
-- Once; the application is locked.
UPDATE application_lenders SET declined_at = :declined_at, decline_reason = :reason
 WHERE application_id = :application_id AND lender_id = :lender_id AND declined_at IS NULL;

-- name: insert_offer
-- One open offer of a lender per application: a unique index decides.
INSERT INTO offers (offer_id, application_id, lender_id, product_id, scheme, annual_rate_pct, margin_minor, amount_minor,
                    currency, tenor_months, instalment_minor, total_minor, cost_minor, effective_rate_pct,
                    share_basis_points_max, first_due_days, valid_until, made_at)
VALUES (:offer_id, :application_id, :lender_id, :product_id, :scheme, :annual_rate_pct, :margin_minor, :amount_minor,
        :currency, :tenor_months, :instalment_minor, :total_minor, :cost_minor, :effective_rate_pct,
        :share_basis_points_max, :first_due_days, :valid_until, :made_at);

-- name: offers_of_application
-- Side by side, the cheapest first. A lender sees only its own (lender_id), the applicant all (NULL).
SELECT o.offer_id, o.application_id, o.lender_id, l.name AS lender_name, o.product_id, o.scheme, o.annual_rate_pct,
       o.margin_minor, o.amount_minor, o.currency, o.tenor_months, o.instalment_minor, o.total_minor, o.cost_minor,
       o.effective_rate_pct, o.share_basis_points_max, o.first_due_days, o.state, o.valid_until, o.made_at
  FROM offers AS o
  JOIN lenders AS l USING (lender_id)
 WHERE o.application_id = :application_id AND (:lender_id::uuid IS NULL OR o.lender_id = :lender_id)
 ORDER BY o.cost_minor, o.total_minor, o.offer_id;

-- name: application_of_offer
-- Which application to lock, for the applicant (person_id) or the lender (lender_id); the other one is NULL.
SELECT a.application_id, a.consent_id
  FROM offers AS o
  JOIN applications AS a USING (application_id)
 WHERE o.offer_id = :offer_id AND (a.person_id = :person_id OR o.lender_id = :lender_id);

-- name: offer
-- Under its application's lock.
SELECT o.offer_id, o.application_id, o.lender_id, l.name AS lender_name, o.product_id, o.scheme, o.annual_rate_pct,
       o.margin_minor, o.amount_minor, o.currency, o.tenor_months, o.instalment_minor, o.total_minor, o.cost_minor,
       o.effective_rate_pct, o.share_basis_points_max, o.first_due_days, o.state, o.valid_until, o.made_at
  FROM offers AS o
  JOIN lenders AS l USING (lender_id)
 WHERE o.offer_id = :offer_id;

-- name: end_offer
-- Under its application's lock; an offer ends once.
UPDATE offers SET state = :state, ended_at = :ended_at WHERE offer_id = :offer_id AND state = 'open';

-- name: end_open_offers
-- What is left open when an application ends, or another offer was taken.
UPDATE offers SET state = :state, ended_at = :ended_at
 WHERE application_id = ANY (:application_ids::uuid[]) AND state = 'open'
RETURNING offer_id, application_id, lender_id;

-- name: expire_offers
-- Their time is over. Rows that somebody decides over are left for the next round.
UPDATE offers SET state = 'expired', ended_at = :now
 WHERE offer_id IN (SELECT offer_id FROM offers WHERE state = 'open' AND valid_until <= :now
                     ORDER BY offer_id LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING offer_id, application_id, lender_id;

-- name: consent_of_application
-- Whatever lender asks: so that a refusal can be logged at the consent that it is about.
SELECT consent_id FROM applications WHERE application_id = :application_id;

-- name: won_application
-- Whether this lender's offer was the one that was taken.
SELECT true FROM offers WHERE application_id = :application_id AND lender_id = :lender_id AND state = 'accepted';
