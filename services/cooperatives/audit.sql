-- Checks of the tables of cooperatives: a row is a violation (key, what). Run by `lumbung audit`. The ledger has its own.

-- name: register_positions_have_no_gap
-- The register is numbered line by line, and the cooperative counts them.
SELECT c.cooperative_id::text AS key,
       'the cooperative counts ' || c.register_position || ' lines; the register has ' || coalesce(r.lines, 0)
       || ', the last is ' || coalesce(r.last, 0) AS what
  FROM cooperatives AS c
  LEFT JOIN (SELECT cooperative_id, count(*) AS lines, max(position) AS last
               FROM register_entries GROUP BY cooperative_id) AS r USING (cooperative_id)
 WHERE c.register_position <> coalesce(r.lines, 0) OR c.register_position <> coalesce(r.last, 0)
 LIMIT 100;

-- name: register_numbers_have_no_gap
-- Members are numbered one by one, and each number belongs to a line of admission.
SELECT c.cooperative_id::text AS key,
       'admitted ' || c.admitted || '; members have ' || coalesce(m.numbers, 0) || ' numbers up to ' || coalesce(m.last, 0)
       || '; the register admits ' || coalesce(r.admissions, 0) AS what
  FROM cooperatives AS c
  LEFT JOIN (SELECT cooperative_id, count(register_number) AS numbers, max(register_number) AS last
               FROM members GROUP BY cooperative_id) AS m USING (cooperative_id)
  LEFT JOIN (SELECT cooperative_id, count(*) AS admissions
               FROM register_entries WHERE change = 'admitted' GROUP BY cooperative_id) AS r USING (cooperative_id)
 WHERE (c.admitted, c.admitted, c.admitted)
       IS DISTINCT FROM (coalesce(m.numbers, 0), coalesce(m.last, 0), coalesce(r.admissions, 0))
 LIMIT 100;
