-- Checks of programmes' own tables: a row is a violation (key, what). Run by `lumbung audit`.

-- name: seats_are_enrolments
-- A training's count of seats is who has one, and nobody waits while one is free.
SELECT trainings.training_id::text AS key,
       'taken ' || trainings.taken || ' of ' || trainings.capacity || ', seated ' || coalesce(found.seated, 0)
       || ', waiting ' || coalesce(found.waiting, 0) AS what
  FROM trainings
  LEFT JOIN (SELECT training_id, count(*) FILTER (WHERE state IN ('enrolled', 'passed', 'failed')) AS seated,
                    count(*) FILTER (WHERE state = 'waiting') AS waiting
               FROM enrolments GROUP BY training_id) AS found USING (training_id)
 WHERE trainings.taken <> coalesce(found.seated, 0)
    OR (coalesce(found.waiting, 0) > 0 AND trainings.taken < trainings.capacity)
 LIMIT 100;

-- name: certificates_are_of_who_passed
-- Who passed has one certificate, of their own, and nobody else has one.
SELECT enrolments.enrolment_id::text AS key,
       'enrolment ' || enrolments.state || ', certificate ' || coalesce(certificates.number, 'none') AS what
  FROM enrolments LEFT JOIN certificates USING (enrolment_id)
 WHERE (enrolments.state = 'passed') <> (certificates.certificate_id IS NOT NULL)
    OR certificates.person_id <> enrolments.person_id
 LIMIT 100;

-- name: counters_are_their_contributions
-- I10: each counter is what its units add to it.
SELECT indicator || '/' || period || '/' || region_code AS key,
       'counts ' || coalesce(cells.value, 0) || ' of ' || coalesce(cells.units, 0) || ', units add '
       || coalesce(made.value, 0) || ' of ' || coalesce(made.units, 0) AS what
  FROM cells
  FULL JOIN (SELECT indicator, period, region_code, sum(value) AS value, count(*) AS units
               FROM contributions GROUP BY indicator, period, region_code) AS made
       USING (indicator, period, region_code)
 WHERE coalesce(cells.value, 0) <> coalesce(made.value, 0) OR coalesce(cells.units, 0) <> coalesce(made.units, 0)
 LIMIT 100;

-- name: what_is_shown_was_counted
-- I10: of an indicator and period, what is shown and what is held back are together what was counted.
SELECT indicator || '/' || period AS key,
       'counted ' || coalesce(counted.value, 0) || ', shown ' || coalesce(seen.value, 0) || ', held back '
       || coalesce(counted.pending, 0) AS what
  FROM (SELECT indicator, period, sum(value) AS value, sum(pending) AS pending
          FROM contributions GROUP BY indicator, period) AS counted
  FULL JOIN (SELECT indicator, period, sum(value) AS value FROM shown GROUP BY indicator, period) AS seen
       USING (indicator, period)
 WHERE coalesce(counted.value, 0) <> coalesce(seen.value, 0) + coalesce(counted.pending, 0)
 LIMIT 100;

-- name: no_cell_shows_more_than_it_has
-- A region's own blocks come of its own units: in a cell that only grows, no more is shown than was counted.
SELECT indicator || '/' || period || '/' || region_code AS key,
       'shown ' || sum(shown.value) || ', counted ' || max(coalesce(cells.value, 0)) AS what
  FROM shown LEFT JOIN cells USING (indicator, period, region_code)
 WHERE NOT shown.is_pool AND shown.indicator NOT LIKE 'pinjaman-kol-%'
 GROUP BY indicator, period, region_code
HAVING sum(shown.value) > max(coalesce(cells.value, 0))
 LIMIT 100;

-- name: certificates_are_counted
-- I10: the figures of certificates and trainings, made again from the register.
SELECT indicator || '/' || period || '/' || region_code AS key,
       'counted ' || coalesce(cells.value, 0) || ', in the register ' || coalesce(made.value, 0) AS what
  FROM (SELECT * FROM cells WHERE indicator IN ('sertifikat-terbit', 'pelatihan-selesai')) AS cells
  FULL JOIN (SELECT indicator, date_trunc('month', issued_at AT TIME ZONE 'Asia/Jakarta')::date AS period, region_code,
                    count(*) AS value
               FROM certificates CROSS JOIN unnest(ARRAY['sertifikat-terbit', 'pelatihan-selesai']) AS indicator
              GROUP BY 1, 2, 3) AS made USING (indicator, period, region_code)
 WHERE coalesce(cells.value, 0) <> coalesce(made.value, 0)
 LIMIT 100;

-- name: aid_is_counted
-- I10: the figures of aid, made again from the register.
SELECT indicator || '/' || period || '/' || region_code AS key,
       'counted ' || coalesce(cells.value, 0) || ', in the register ' || coalesce(made.value, 0) AS what
  FROM (SELECT * FROM cells WHERE indicator IN ('bantuan-penerima', 'bantuan-nilai')) AS cells
  FULL JOIN (SELECT each.indicator, date_trunc('month', decided_at AT TIME ZONE 'Asia/Jakarta')::date AS period,
                    region_code,
                    CASE each.indicator WHEN 'bantuan-nilai' THEN sum(amount_minor)
                                        ELSE count(DISTINCT person_id) END AS value
               FROM aids CROSS JOIN unnest(ARRAY['bantuan-penerima', 'bantuan-nilai']) AS each (indicator)
              WHERE state = 'granted'
              GROUP BY 1, 2, 3) AS made USING (indicator, period, region_code)
 WHERE coalesce(cells.value, 0) <> coalesce(made.value, 0)
 LIMIT 100;

-- name: loans_are_counted_in_their_class
-- I10: how many loans are in each class, made again from the loans.
SELECT indicator || '/' || region_code AS key,
       'counted ' || coalesce(cells.value, 0) || ', loans ' || coalesce(made.value, 0) AS what
  FROM (SELECT * FROM cells WHERE indicator LIKE 'pinjaman-kol-%') AS cells
  FULL JOIN (SELECT 'pinjaman-kol-' || collectability AS indicator, region_code, count(*) AS value
               FROM loans WHERE collectability > 0 GROUP BY 1, 2) AS made USING (indicator, region_code)
 WHERE coalesce(cells.value, 0) <> coalesce(made.value, 0)
 LIMIT 100;
