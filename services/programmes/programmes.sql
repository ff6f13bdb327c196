-- Every query of the programmes service. Locks in one order: person, training, enrolment, certificate or aid, then the counters.
-- An officer's rights are `:is_operator` or the codes of their regions; a province acts for its regencies too.

-- name: insert_training
-- The officer's right to the region is asked before; the constraint keeps the days in order.
INSERT INTO trainings (training_id, title, scheme, region_code, starts_on, ends_on, capacity, provider, skkni_number,
                       validity_months, created_by, created_at)
VALUES (:training_id, :title, :scheme, :region_code, :starts_on, :ends_on, :capacity, :provider, :skkni_number,
        :validity_months, :created_by, :now);

-- name: training
-- What anybody may know of a training.
SELECT training_id, title, scheme, region_code, starts_on, ends_on, capacity, taken, provider, skkni_number,
       validity_months, created_at
  FROM trainings WHERE training_id = :training_id;

-- name: trainings
-- A page, the youngest first; a province finds those of its regencies too. A null filter is no filter.
SELECT training_id, title, scheme, region_code, starts_on, ends_on, capacity, taken, provider, skkni_number,
       validity_months, created_at
  FROM trainings
 WHERE (:region::text IS NULL OR region_code = :region OR left(region_code, 2) = :region)
   AND (:scheme::text IS NULL OR scheme = :scheme)
   AND (starts_on, training_id) < (:after_on::date, :after_id::uuid)
 ORDER BY starts_on DESC, training_id DESC
 LIMIT :limit;

-- name: lock_training
-- For who takes part: seats are given under this lock, so that the last one has one taker.
SELECT training_id, title, scheme, region_code, starts_on, ends_on, capacity, taken, validity_months
  FROM trainings WHERE training_id = :training_id FOR NO KEY UPDATE;

-- name: lock_training_as
-- For officers of the region, and nobody else.
SELECT training_id, title, scheme, region_code, starts_on, ends_on, capacity, taken, validity_months
  FROM trainings
 WHERE training_id = :training_id
   AND (:is_operator::boolean OR region_code = ANY(:codes::text[]) OR left(region_code, 2) = ANY(:codes))
   FOR NO KEY UPDATE;

-- name: lock_trainings
-- For handlers, in id order.
SELECT training_id FROM trainings WHERE training_id = ANY(:training_ids::uuid[]) ORDER BY training_id FOR NO KEY UPDATE;

-- name: set_taken
-- The count of seats moves with the enrolments; the constraint refuses one too many.
UPDATE trainings SET taken = :taken WHERE training_id = :training_id;

-- name: insert_enrolment
-- Twice the same person is refused by the index, which is the only one to know.
INSERT INTO enrolments (enrolment_id, training_id, person_id, name, state, enrolled_at, changed_at)
VALUES (:enrolment_id, :training_id, :person_id, :name, :state::enrolment_state, :now, :now);

-- name: training_of_enrolment
-- What to lock before the enrolment itself, for the person whose it is.
SELECT training_id FROM enrolments WHERE enrolment_id = :enrolment_id AND person_id = :person_id;

-- name: lock_enrolments
-- Those of one training, under its lock.
SELECT enrolment_id, person_id, state, name IS NOT NULL AS has_name
  FROM enrolments
 WHERE training_id = :training_id AND enrolment_id = ANY(:enrolment_ids::uuid[])
 ORDER BY enrolment_id
   FOR NO KEY UPDATE;

-- name: change_enrolments
-- Each to a state of its own.
UPDATE enrolments SET state = given.state::enrolment_state, changed_at = :now
  FROM unnest(:enrolment_ids::uuid[], :states::text[]) AS given (enrolment_id, state)
 WHERE enrolments.enrolment_id = given.enrolment_id;

-- name: next_in_queue
-- Who has waited longest gets the seats that are free.
SELECT enrolment_id FROM enrolments
 WHERE training_id = :training_id AND state = 'waiting'
 ORDER BY enrolled_at, enrolment_id
 LIMIT :seats
   FOR NO KEY UPDATE;

-- name: enrolments_of_training
-- For officers of the region: who comes, with the name for the list of attendance.
SELECT enrolments.enrolment_id, enrolments.person_id, enrolments.name, enrolments.state, enrolments.enrolled_at,
       (SELECT count(*) FROM attendances WHERE attendances.enrolment_id = enrolments.enrolment_id) AS days_attended,
       certificates.number AS certificate_number
  FROM enrolments
  JOIN trainings USING (training_id)
  LEFT JOIN certificates USING (enrolment_id)
 WHERE enrolments.training_id = :training_id
   AND (:is_operator::boolean OR trainings.region_code = ANY(:codes::text[])
        OR left(trainings.region_code, 2) = ANY(:codes))
   AND (enrolments.enrolled_at, enrolments.enrolment_id) > (:after_at::timestamptz, :after_id::uuid)
 ORDER BY enrolments.enrolled_at, enrolments.enrolment_id
 LIMIT :limit;

-- name: has_training
-- Whether there is such a training for this officer: an empty list of others' would say that there is.
SELECT true FROM trainings
 WHERE training_id = :training_id
   AND (:is_operator::boolean OR region_code = ANY(:codes::text[]) OR left(region_code, 2) = ANY(:codes));

-- name: enrolments_of_person
-- A person's own.
SELECT enrolments.enrolment_id, enrolments.training_id, trainings.title, trainings.scheme, trainings.region_code,
       trainings.starts_on, trainings.ends_on, enrolments.state, enrolments.enrolled_at,
       CASE WHEN enrolments.state = 'waiting' THEN
           (SELECT count(*) FROM enrolments AS earlier
             WHERE earlier.training_id = enrolments.training_id AND earlier.state = 'waiting'
               AND (earlier.enrolled_at, earlier.enrolment_id) <= (enrolments.enrolled_at, enrolments.enrolment_id))
       END AS place_in_queue
  FROM enrolments JOIN trainings USING (training_id)
 WHERE enrolments.person_id = :person_id
   AND (enrolments.enrolled_at, enrolments.enrolment_id) < (:after_at::timestamptz, :after_id::uuid)
 ORDER BY enrolments.enrolled_at DESC, enrolments.enrolment_id DESC
 LIMIT :limit;

-- name: insert_attendances
-- A day counts once, whoever writes it down.
INSERT INTO attendances (enrolment_id, day, recorded_by, recorded_at)
SELECT enrolment_id, :day, :recorded_by, :now FROM unnest(:enrolment_ids::uuid[]) AS enrolment_id
ON CONFLICT DO NOTHING;

-- name: days_attended
-- How many days each came, those who never did too.
SELECT enrolment_id, count(attendances.day) AS days
  FROM unnest(:enrolment_ids::uuid[]) AS enrolment_id LEFT JOIN attendances USING (enrolment_id)
 GROUP BY enrolment_id;

-- name: insert_certificates
-- One an enrolment; the number is drawn by the caller and unique here.
INSERT INTO certificates (certificate_id, number, enrolment_id, training_id, person_id, scheme, region_code, issued_by,
                          issued_at, expires_at)
SELECT certificate_id, number, enrolment_id, :training_id, person_id, :scheme, :region_code, :issued_by, :issued_at,
       :expires_at
  FROM unnest(:certificate_ids::uuid[], :numbers::text[], :enrolment_ids::uuid[], :person_ids::uuid[])
       AS given (certificate_id, number, enrolment_id, person_id);

-- name: certificates_of_person
-- A person's own.
SELECT certificate_id, number, training_id, scheme, region_code, issued_at, expires_at, revoked_at
  FROM certificates
 WHERE person_id = :person_id AND (issued_at, certificate_id) < (:after_at::timestamptz, :after_id::uuid)
 ORDER BY issued_at DESC, certificate_id DESC
 LIMIT :limit;

-- name: certificate_for
-- With all that its page of paper shows; for its holder and the officers of its region.
SELECT certificates.certificate_id, certificates.number, certificates.scheme, certificates.region_code,
       certificates.issued_at, certificates.expires_at, certificates.revoked_at, enrolments.name, trainings.title,
       trainings.provider, trainings.skkni_number, trainings.starts_on, trainings.ends_on
  FROM certificates JOIN enrolments USING (enrolment_id)
  JOIN trainings ON trainings.training_id = certificates.training_id
 WHERE certificates.certificate_id = :certificate_id
   AND (certificates.person_id = :person_id OR :is_operator::boolean
        OR certificates.region_code = ANY(:codes::text[]) OR left(certificates.region_code, 2) = ANY(:codes));

-- name: certificate_by_number
-- For whoever holds the paper: the name is masked before it is shown.
SELECT certificates.number, certificates.scheme, certificates.region_code, certificates.issued_at,
       certificates.expires_at, certificates.revoked_at, enrolments.name, trainings.title, trainings.provider
  FROM certificates JOIN enrolments USING (enrolment_id)
  JOIN trainings ON trainings.training_id = certificates.training_id
 WHERE certificates.number = :number;

-- name: revoke_certificate
-- Once, by an officer of its region.
UPDATE certificates SET revoked_at = :now, revoked_by = :revoked_by, revoked_reason = :reason
 WHERE certificate_id = :certificate_id AND revoked_at IS NULL
   AND (:is_operator::boolean OR region_code = ANY(:codes::text[]) OR left(region_code, 2) = ANY(:codes))
RETURNING person_id, scheme;

-- name: certificate_state_for
-- Why nothing was revoked: it is not theirs (no row), or it was before.
SELECT revoked_at FROM certificates
 WHERE certificate_id = :certificate_id
   AND (:is_operator::boolean OR region_code = ANY(:codes::text[]) OR left(region_code, 2) = ANY(:codes));

-- name: lock_people
-- Who takes a seat and who is forgotten take turns, so that no name comes after its person has gone.
SELECT pg_advisory_xact_lock(hashtextextended(id::text, 3))
  FROM (SELECT unnest(:person_ids::uuid[]) AS id ORDER BY 1) AS people;

-- name: remember_erased
-- So that a token that outlives its account brings no name back.
INSERT INTO erased_accounts (account_id, erased_at) VALUES (:person_id, :erased_at) ON CONFLICT DO NOTHING;

-- name: is_erased
-- Under the person's lock.
SELECT true FROM erased_accounts WHERE account_id = :person_id;

-- name: trainings_of_people
-- Where people who leave hold or wait for a seat.
SELECT DISTINCT training_id FROM enrolments WHERE person_id = ANY(:person_ids::uuid[]);

-- name: forget_names
-- The name was for the certificate; who left before the end gives the seat back. Trainings are locked.
UPDATE enrolments
   SET name = NULL,
       state = CASE WHEN state IN ('waiting', 'enrolled') THEN 'withdrawn' ELSE state END,
       changed_at = :now
 WHERE person_id = :person_id
RETURNING training_id, old.state AS state;

-- name: insert_aid
-- A second one of the same programme, person and year is refused by the index.
INSERT INTO aids (aid_id, programme, year, person_id, shop_id, kind, amount_minor, currency, region_code, state,
                  needs_second, proposed_by, proposed_at, decided_by, decided_at)
VALUES (:aid_id, :programme, :year, :person_id, :shop_id, :kind::aid_kind, :amount_minor, :currency, :region_code,
        :state::aid_state, :needs_second, :proposed_by, :now,
        CASE WHEN :state <> 'proposed' THEN :proposed_by::uuid END,
        CASE WHEN :state <> 'proposed' THEN :now::timestamptz END);

-- name: decide_aid
-- Another officer of the region than the one who proposed, and not the person who gets it; once.
UPDATE aids SET state = :state::aid_state, decided_by = :decided_by, decided_at = :now
 WHERE aid_id = :aid_id AND state = 'proposed' AND proposed_by <> :decided_by AND person_id <> :decided_by
   AND (:is_operator::boolean OR region_code = ANY(:codes::text[]) OR left(region_code, 2) = ANY(:codes))
RETURNING aid_id, programme, year, person_id, shop_id, kind, amount_minor, currency, region_code, state, needs_second,
          proposed_by, proposed_at, decided_by, decided_at;

-- name: aid_for
-- For officers of the region.
SELECT aid_id, programme, year, person_id, shop_id, kind, amount_minor, currency, region_code, state, needs_second,
       proposed_by, proposed_at, decided_by, decided_at
  FROM aids
 WHERE aid_id = :aid_id
   AND (:is_operator::boolean OR region_code = ANY(:codes::text[]) OR left(region_code, 2) = ANY(:codes));

-- name: aids_of_person
-- A person's own.
SELECT aid_id, programme, year, person_id, shop_id, kind, amount_minor, currency, region_code, state, needs_second,
       proposed_by, proposed_at, decided_by, decided_at
  FROM aids
 WHERE person_id = :person_id AND (proposed_at, aid_id) < (:after_at::timestamptz, :after_id::uuid)
 ORDER BY proposed_at DESC, aid_id DESC
 LIMIT :limit;

-- name: aids_for
-- The register of the officer's regions, the youngest first.
SELECT aid_id, programme, year, person_id, shop_id, kind, amount_minor, currency, region_code, state, needs_second,
       proposed_by, proposed_at, decided_by, decided_at
  FROM aids
 WHERE (:is_operator::boolean OR region_code = ANY(:codes::text[]) OR left(region_code, 2) = ANY(:codes))
   AND (:region::text IS NULL OR region_code = :region OR left(region_code, 2) = :region)
   AND (proposed_at, aid_id) < (:after_at::timestamptz, :after_id::uuid)
 ORDER BY proposed_at DESC, aid_id DESC
 LIMIT :limit;

-- name: shop_of_person
-- Our copy: whether the shop is known and theirs.
SELECT true FROM shops WHERE shop_id = :shop_id AND owner_id = :person_id;

-- name: insert_shops
-- A shop's region never changes.
INSERT INTO shops (shop_id, owner_id, region_code)
SELECT * FROM unnest(:shop_ids::uuid[], :owner_ids::uuid[], :region_codes::text[]) ON CONFLICT DO NOTHING;

-- name: regions_of_shops
-- Those that are known.
SELECT shop_id, region_code FROM shops WHERE shop_id = ANY(:shop_ids::uuid[]);

-- name: insert_cooperatives
-- A cooperative's region, for its meetings and surplus.
INSERT INTO cooperatives (cooperative_id, region_code)
SELECT * FROM unnest(:cooperative_ids::uuid[], :region_codes::text[]) ON CONFLICT DO NOTHING;

-- name: regions_of_cooperatives
-- Those that are known.
SELECT cooperative_id, region_code FROM cooperatives WHERE cooperative_id = ANY(:cooperative_ids::uuid[]);

-- name: insert_loans
-- A loan begins as current (1).
INSERT INTO loans (loan_id, shop_id, region_code, collectability)
SELECT loan_id, shop_id, region_code, 1
  FROM unnest(:loan_ids::uuid[], :shop_ids::uuid[], :region_codes::text[]) AS given (loan_id, shop_id, region_code)
ON CONFLICT DO NOTHING;

-- name: move_loans
-- To another class; 0: paid back, it counts no more, also when it is graded once more after its last money. What it was
-- comes back with it.
UPDATE loans SET collectability = CASE WHEN loans.collectability = 0 THEN 0 ELSE given.class END
  FROM unnest(:loan_ids::uuid[], :classes::int[]) AS given (loan_id, class)
 WHERE loans.loan_id = given.loan_id
RETURNING loans.loan_id, loans.shop_id, loans.region_code, old.collectability AS before, new.collectability AS after;

-- name: lock_counters
-- One at a time counts, so that what is ready to be shown is judged on what is there. Held to the end of the transaction.
SELECT pg_advisory_xact_lock(hashtext('programmes.counters'));

-- name: add_contributions
-- What each unit adds to each cell, and the cells with it. A unit counts once in a distinct cell.
WITH given AS (
    SELECT indicator, period, region_code, unit_id, is_distinct, sum(value)::bigint AS value, max(month) AS month
      FROM unnest(:indicators::text[], :periods::date[], :region_codes::text[], :unit_ids::uuid[], :values::bigint[],
                  :distincts::boolean[], :months::date[])
           AS given (indicator, period, region_code, unit_id, value, is_distinct, month)
     GROUP BY indicator, period, region_code, unit_id, is_distinct
), summed AS (
    INSERT INTO contributions AS known (indicator, period, region_code, unit_id, value, pending)
    SELECT indicator, period, region_code, unit_id, value, value FROM given WHERE NOT is_distinct
    ON CONFLICT (indicator, period, region_code, unit_id)
    DO UPDATE SET value = known.value + excluded.value, pending = known.pending + excluded.pending
    RETURNING indicator, period, region_code, unit_id, new.value - coalesce(old.value, 0) AS change,
              old.unit_id IS NULL AS is_new
), counted AS (
    INSERT INTO contributions (indicator, period, region_code, unit_id, value, pending)
    SELECT indicator, period, region_code, unit_id, 1, 1 FROM given WHERE is_distinct
    ON CONFLICT DO NOTHING
    RETURNING indicator, period, region_code, unit_id, 1::bigint AS change, true AS is_new
)
INSERT INTO cells AS known (indicator, period, region_code, value, units, latest_month)
SELECT indicator, period, region_code, sum(change), count(*) FILTER (WHERE is_new), max(given.month)
  FROM (SELECT * FROM summed UNION ALL SELECT * FROM counted) AS put
  JOIN given USING (indicator, period, region_code, unit_id)
 GROUP BY indicator, period, region_code
ON CONFLICT (indicator, period, region_code)
DO UPDATE SET value = known.value + excluded.value, units = known.units + excluded.units,
              latest_month = greatest(known.latest_month, excluded.latest_month);

-- name: show_cells
-- Of the cells touched, what is pending of enough units, none of them with nearly all, becomes a block that is seen.
WITH ready AS (
    SELECT touched.indicator, touched.period, touched.region_code, touched.units_min, count(*)::int AS units,
           sum(contributions.pending)::bigint AS value
      FROM unnest(:indicators::text[], :periods::date[], :region_codes::text[], :units_mins::int[],
                  :share_maxs::int[]) AS touched (indicator, period, region_code, units_min, share_max)
      JOIN contributions USING (indicator, period, region_code)
     WHERE contributions.pending <> 0
     GROUP BY touched.indicator, touched.period, touched.region_code, touched.units_min, touched.share_max
    HAVING count(*) >= touched.units_min
       AND max(abs(contributions.pending)) * 100 <= touched.share_max * sum(abs(contributions.pending))
), emptied AS (
    UPDATE contributions SET pending = 0
      FROM ready
     WHERE contributions.indicator = ready.indicator AND contributions.period = ready.period
       AND contributions.region_code = ready.region_code AND contributions.pending <> 0
)
INSERT INTO shown AS known (indicator, period, region_code, is_pool, month, value, blocks, units_least, units_min)
SELECT indicator, period, region_code, false, cells.latest_month, ready.value, 1, ready.units, ready.units_min
  FROM ready JOIN cells USING (indicator, period, region_code)
ON CONFLICT (period, indicator, region_code, is_pool, month)
DO UPDATE SET value = known.value + excluded.value, blocks = known.blocks + 1,
              units_least = least(known.units_least, excluded.units_least),
              units_min = least(known.units_min, excluded.units_min);

-- name: pool_pending
-- What cells of a month cannot show apart, put together: by province (:digits = 2) or for the country (0).
WITH pending AS (
    SELECT indicator, period, unit_id, sum(pending)::bigint AS pending, max(units_min) AS units_min,
           max(share_max) AS share_max, rpad(left(region_code, :digits::int), 2, '0') AS pool
      FROM contributions
      JOIN unnest(:indicators::text[], :units_mins::int[], :share_maxs::int[]) AS rule (indicator, units_min, share_max)
           USING (indicator)
     WHERE pending <> 0 AND period = ANY(:periods::date[])
     GROUP BY indicator, period, unit_id, pool
), ready AS (
    SELECT indicator, period, pool, max(units_min) AS units_min, count(*)::int AS units, sum(pending)::bigint AS value
      FROM pending
     GROUP BY indicator, period, pool
    HAVING count(*) >= max(units_min) AND max(pending) * 100 <= max(share_max) * sum(pending)
), emptied AS (
    UPDATE contributions SET pending = 0
      FROM ready
     WHERE contributions.indicator = ready.indicator AND contributions.period = ready.period
       AND rpad(left(contributions.region_code, :digits), 2, '0') = ready.pool AND contributions.pending <> 0
)
INSERT INTO shown AS known (indicator, period, region_code, is_pool, month, value, blocks, units_least, units_min)
SELECT indicator, period, pool, true, period, value, 1, units, units_min FROM ready
ON CONFLICT (period, indicator, region_code, is_pool, month)
DO UPDATE SET value = known.value + excluded.value, blocks = known.blocks + 1,
              units_least = least(known.units_least, excluded.units_least),
              units_min = least(known.units_min, excluded.units_min);

-- name: months_pending
-- Months that are over and have something that was not shown.
SELECT DISTINCT period FROM contributions
 WHERE pending <> 0 AND period < :before AND indicator = ANY(:indicators::text[]);

-- name: keep_unplaced
-- Facts of shops whose region is not known yet.
INSERT INTO unplaced AS known (shop_id, indicator, period, value, month)
SELECT shop_id, indicator, period, sum(value), max(month)
  FROM unnest(:shop_ids::uuid[], :indicators::text[], :periods::date[], :values::bigint[], :months::date[])
       AS given (shop_id, indicator, period, value, month)
 GROUP BY shop_id, indicator, period
ON CONFLICT (shop_id, indicator, period)
DO UPDATE SET value = known.value + excluded.value, month = greatest(known.month, excluded.month);

-- name: take_unplaced
-- They are known now.
DELETE FROM unplaced WHERE shop_id = ANY(:shop_ids::uuid[]) RETURNING shop_id, indicator, period, value, month;

-- name: figures
-- What may be seen in a month, summed as far as asked: :digits = 0 for the country, 2 for provinces, 5 for regencies.
-- Cells of a month are those of this month; those of a year or for ever, what was shown of them by then.
SELECT indicator, CASE WHEN :digits::int = 0 THEN '00' ELSE left(region_code, :digits) END AS region_code,
       sum(value)::bigint AS value
  FROM shown
 WHERE (period = :month::date AND indicator = ANY(:monthly::text[])
        OR period = :year::date AND month <= :month AND indicator = ANY(:yearly::text[])
        OR period = '1900-01-01' AND month <= :month AND indicator = ANY(:lasting::text[]))
   AND (:digits = 0 OR left(region_code, length(:within::text)) = :within)
   AND length(region_code) >= :digits
 GROUP BY 1, 2;
