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

-- name: members_have_paid_their_principal
-- Nobody is a member who has not paid the principal savings in full, and nobody keeps savings who is none any more.
SELECT m.member_id::text AS key,
       m.state::text || ' with principal ' || s.principal || ', mandatory ' || s.mandatory || ', voluntary ' || s.voluntary
       || '; the articles ask ' || c.principal_savings_minor AS what
  FROM members AS m
  JOIN cooperatives AS c USING (cooperative_id)
  LEFT JOIN LATERAL (
        SELECT coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '3101'), 0) AS principal,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '3102'), 0) AS mandatory,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '2101'), 0) AS voluntary
          FROM books AS b JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
         WHERE b.member_id = m.member_id) AS s ON true
 WHERE (m.state IN ('active', 'suspended') AND s.principal <> c.principal_savings_minor)
    OR (m.state = 'candidate' AND (s.principal >= c.principal_savings_minor OR s.mandatory + s.voluntary <> 0))
    OR (m.state = 'ended' AND s.principal + s.mandatory + s.voluntary <> 0)
 LIMIT 100;

-- name: savings_agree_with_the_ledger
-- I3: what a member reads in their statement sums to what the ledger has, per kind.
SELECT coalesce(b.member_id, s.member_id) || '/' || coalesce(b.kind, s.kind)::text AS key,
       'the statement says ' || coalesce(s.amount, 0) || ', the ledger ' || coalesce(b.balance_minor, 0) AS what
  FROM (SELECT p.member_id, a.balance_minor,
               CASE p.code WHEN '3101' THEN 'principal' WHEN '3102' THEN 'mandatory'
                           WHEN '2101' THEN 'voluntary' ELSE 'payable' END::savings_kind AS kind
          FROM books AS p JOIN ledger_accounts AS a ON a.id = p.ledger_account_id
         WHERE p.code IN ('3101', '3102', '2101', '2102')) AS b
  FULL JOIN (SELECT member_id, kind, sum(amount_minor) AS amount FROM savings_movements GROUP BY member_id, kind) AS s
    ON s.member_id = b.member_id AND s.kind = b.kind
 WHERE coalesce(b.balance_minor, 0) <> coalesce(s.amount, 0)
 LIMIT 100;

-- name: savings_movements_are_entries
-- I3: each line of a statement is one leg of the ledger's transfer of the same id.
SELECT m.movement_id || '/' || m.kind::text AS key,
       'the statement says ' || m.amount_minor || ', the ledger '
       || coalesce((CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END)::text, 'nothing') AS what
  FROM savings_movements AS m
  LEFT JOIN ledger_entries AS e ON e.transfer_id = m.movement_id AND e.account_id = m.ledger_account_id
 WHERE m.amount_minor IS DISTINCT FROM CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END
 LIMIT 100;

-- name: books_of_a_cooperative_balance
-- I3: no transfer takes money from one cooperative to another, so the books of each balance by themselves.
SELECT b.cooperative_id::text AS key, 'debits less credits are ' || sum(CASE a.normal_side WHEN 'debit' THEN a.balance_minor
                                                                            ELSE -a.balance_minor END) AS what
  FROM books AS b
  JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
 GROUP BY b.cooperative_id
HAVING sum(CASE a.normal_side WHEN 'debit' THEN a.balance_minor ELSE -a.balance_minor END) <> 0
 LIMIT 100;

-- name: ledger_accounts_are_in_the_books
-- Every account of the ledger is a place in the books of one cooperative, and is named after it.
SELECT a.code AS key, 'the account is in no books, or in others' AS what
  FROM ledger_accounts AS a
  LEFT JOIN books AS b ON b.ledger_account_id = a.id
 WHERE a.code IS DISTINCT FROM CASE WHEN b.code = '2301' THEN 'clearing:orders:' || b.cooperative_id
                                    ELSE concat_ws(':', 'coop', b.cooperative_id, b.code, b.member_id) END
 LIMIT 100;

-- name: withdrawals_are_paid_once_by_who_may
-- A withdrawal that waits is held, one that is paid was settled for its amount, and a second person decided where one had to.
SELECT w.withdrawal_id::text AS key,
       w.state::text || ', of ' || w.amount_minor || '; its hold is ' || coalesce(h.state::text, 'not there') AS what
  FROM withdrawals AS w
  JOIN members AS m USING (member_id)
  LEFT JOIN ledger_holds AS h ON h.id = w.withdrawal_id
 WHERE (w.state::text, w.amount_minor)
       IS DISTINCT FROM (CASE h.state WHEN 'pending' THEN 'waiting' WHEN 'posted' THEN 'paid' ELSE 'refused' END,
                         coalesce(h.posted_minor, h.amount_minor))
    OR (w.needs_second AND w.decided_by = w.asked_by)
 LIMIT 100;

-- name: journals_are_booked_when_posted
-- A journal is in the ledger if and only if somebody else approved it, with its own sum.
SELECT j.journal_id::text AS key,
       j.state::text || ', lines sum to ' || l.debits || '; booked is ' || coalesce(e.debits::text, 'nothing') AS what
  FROM journals AS j
  JOIN (SELECT journal_id, sum(amount_minor) FILTER (WHERE side = 'debit') AS debits
          FROM journal_lines GROUP BY journal_id) AS l USING (journal_id)
  LEFT JOIN (SELECT transfer_id, sum(amount_minor) FILTER (WHERE side = 'debit') AS debits
               FROM ledger_entries GROUP BY transfer_id) AS e ON e.transfer_id = j.journal_id
 WHERE CASE j.state WHEN 'posted' THEN e.debits IS DISTINCT FROM l.debits OR j.decided_by = j.entered_by
                    ELSE e.debits IS NOT NULL END
 LIMIT 100;

-- name: charges_are_posted_once
-- I2 and I3: what was charged to an order left the savings once, what was refused did not, what came back is counted.
SELECT c.charge_id::text AS key,
       c.outcome::text || ' ' || c.amount_minor || ', taken ' || coalesce(-m.amount_minor, 0) || '; given back '
       || c.refunded_minor || ', refunds say ' || coalesce(r.amount, 0) AS what
  FROM savings_charges AS c
  LEFT JOIN savings_movements AS m ON m.movement_id = c.charge_id AND m.reason = 'charge' AND m.member_id = c.member_id
  LEFT JOIN (SELECT f.charge_id, sum(f.amount_minor) AS amount, sum(b.amount_minor) AS booked
               FROM savings_refunds AS f
               LEFT JOIN savings_movements AS b ON b.movement_id = f.refund_id AND b.kind = f.paid_to AND b.reason = 'refund'
              GROUP BY f.charge_id) AS r USING (charge_id)
 WHERE coalesce(-m.amount_minor, 0) <> CASE c.outcome WHEN 'charged' THEN c.amount_minor ELSE 0 END
    OR c.refunded_minor <> coalesce(r.amount, 0)
    OR r.amount IS DISTINCT FROM r.booked
 LIMIT 100;

-- name: clearing_is_what_orders_took
-- I11, our half: what a cooperative owes the market is what was charged less what was given back and what it paid.
SELECT b.cooperative_id::text AS key,
       'clearing has ' || a.balance_minor || ', charges less refunds are ' || coalesce(c.amount, 0)
       || ', paid was ' || coalesce(p.amount, 0) AS what
  FROM books AS b
  JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
  LEFT JOIN (SELECT cooperative_id, sum(amount_minor - refunded_minor) AS amount
               FROM savings_charges WHERE outcome = 'charged' GROUP BY cooperative_id) AS c USING (cooperative_id)
  LEFT JOIN (SELECT cooperative_id, sum(amount_minor) AS amount
               FROM clearing_payments GROUP BY cooperative_id) AS p USING (cooperative_id)
 WHERE b.code = '2301' AND a.balance_minor <> coalesce(c.amount, 0) - coalesce(p.amount, 0)
 LIMIT 100;

-- name: market_limits_are_what_operators_set
-- What a cooperative may owe the market is what its last change says, and each change begins where the one before ended.
SELECT c.cooperative_id::text AS key,
       'the limit is ' || c.market_limit_minor || ', the changes say ' || coalesce(l.after_minor, 0) AS what
  FROM cooperatives AS c
  LEFT JOIN LATERAL (SELECT after_minor FROM market_limits AS l
                      WHERE l.cooperative_id = c.cooperative_id ORDER BY number DESC LIMIT 1) AS l ON true
 WHERE c.market_limit_minor <> coalesce(l.after_minor, 0)
    OR EXISTS (SELECT FROM (SELECT number, before_minor,
                                   lag(after_minor, 1, 0::bigint) OVER (ORDER BY number) AS was_minor
                              FROM market_limits AS m WHERE m.cooperative_id = c.cooperative_id) AS m
                WHERE m.before_minor <> m.was_minor)
 LIMIT 100;

-- name: nobody_forgotten_is_named
-- A person who asked to be forgotten has no office, no account here, no waiting application; a name only while the law asks.
SELECT e.account_id::text AS key, 'still known here' AS what
  FROM erased_accounts AS e
 WHERE EXISTS (SELECT FROM members AS m WHERE m.account_id = e.account_id)
    OR EXISTS (SELECT FROM applications AS a WHERE a.account_id = e.account_id)
    OR EXISTS (SELECT FROM officers AS o WHERE o.account_id = e.account_id AND o.ended_at IS NULL)
 LIMIT 100;

-- name: patronage_is_completed_less_refunded
-- I5: what a parcel counts for its buyer and for its sellers is what was completed less what was refunded, made anew.
SELECT p.parcel_id || '/' || r.role AS key,
       'entries say ' || coalesce(e.completed, 0) || ' less ' || coalesce(e.refunded, 0) || '; the parcel had ' || r.completed
       || ', refunds ' || r.refunded AS what
  FROM patronage_parcels AS p
 CROSS JOIN LATERAL (
        SELECT coalesce(sum((line ->> 'amount_minor')::bigint), 0)::bigint AS amount FROM jsonb_array_elements(p.lines) AS line) AS l
 CROSS JOIN LATERAL (
        SELECT coalesce(sum(f.goods_minor), 0)::bigint AS goods,
               coalesce(sum(greatest(f.goods_minor, (SELECT coalesce(sum((line ->> 'amount_minor')::bigint), 0)
                                                       FROM jsonb_array_elements(f.lines) AS line))), 0)::bigint AS of_lines
          FROM patronage_refunds AS f WHERE f.parcel_id = p.parcel_id) AS f
 CROSS JOIN LATERAL (VALUES ('buyer', p.goods_minor, least(f.goods, p.goods_minor)),
                            ('seller', l.amount, least(f.of_lines, l.amount))) AS r (role, completed, refunded)
  LEFT JOIN LATERAL (
        SELECT sum(e.completed_minor) AS completed, sum(e.refunded_minor) AS refunded
          FROM patronage_entries AS e WHERE e.parcel_id = p.parcel_id AND e.role::text = r.role) AS e ON true
 WHERE (coalesce(e.completed, 0), coalesce(e.refunded, 0)) IS DISTINCT FROM (r.completed, r.refunded)
 LIMIT 100;

-- name: surplus_parts_sum_to_the_pool
-- I5: members, funds and what nobody could share in are the whole surplus; members' lines sum to the run's figures.
SELECT r.cooperative_id || '/' || r.year AS key,
       'surplus ' || r.surplus_minor || '; members ' || r.members_minor || ' (lines ' || s.paid || '), funds ' || f.amount
       || ', undivided ' || r.undistributed_minor || '; bases ' || r.savings_total_minor || ' and ' || r.dealings_total_minor
       || ' (lines ' || s.savings || ' and ' || s.dealings || ')' AS what
  FROM surplus_runs AS r
 CROSS JOIN LATERAL (SELECT coalesce(sum(value::bigint), 0) AS amount FROM jsonb_each_text(r.funds)) AS f
 CROSS JOIN LATERAL (
        SELECT coalesce(sum(capital_minor + service_minor), 0) AS paid, coalesce(sum(savings_minor), 0) AS savings,
               coalesce(sum(dealings_minor), 0) AS dealings, count(*) AS members
          FROM surplus_shares AS s WHERE s.cooperative_id = r.cooperative_id AND s.year = r.year) AS s
 WHERE greatest(r.surplus_minor, 0) <> r.members_minor + f.amount + r.undistributed_minor
    OR (s.paid, s.savings, s.dealings, s.members)
       IS DISTINCT FROM (r.members_minor, r.savings_total_minor, r.dealings_total_minor, r.members::bigint)
 LIMIT 100;

-- name: surplus_shares_follow_from_their_bases
-- I5: each member's part is the pool by their part of the base, rounded as the run says: never a rupiah more.
SELECT r.cooperative_id || '/' || r.year || '/' || s.member_id AS key,
       'capital ' || s.capital_minor || ' of exactly ' || round(x.capital, 6) || ', service ' || s.service_minor
       || ' of exactly ' || round(x.service, 6) AS what
  FROM surplus_runs AS r
  JOIN surplus_shares AS s USING (cooperative_id, year)
 CROSS JOIN LATERAL (
        SELECT greatest(r.surplus_minor, 0)::numeric * coalesce((r.allocation ->> 'member_capital')::integer, 0) AS capital,
               greatest(r.surplus_minor, 0)::numeric * coalesce((r.allocation ->> 'member_service')::integer, 0) AS service) AS p
 CROSS JOIN LATERAL (
        SELECT CASE r.rounding WHEN 'floor' THEN p.capital ELSE 10000 * div(p.capital, 10000) END AS capital,
               CASE r.rounding WHEN 'floor' THEN p.service ELSE 10000 * div(p.service, 10000) END AS service) AS q
 CROSS JOIN LATERAL (
        SELECT coalesce(q.capital * s.savings_minor / nullif(10000 * r.savings_total_minor::numeric, 0), 0) AS capital,
               coalesce(q.service * s.dealings_minor / nullif(10000 * r.dealings_total_minor::numeric, 0), 0) AS service) AS x
 CROSS JOIN LATERAL (
        SELECT coalesce(div(q.capital * s.savings_minor, nullif(10000 * r.savings_total_minor::numeric, 0)), 0) AS capital,
               coalesce(div(q.service * s.dealings_minor, nullif(10000 * r.dealings_total_minor::numeric, 0)), 0) AS service) AS d
 WHERE s.capital_minor - d.capital NOT BETWEEN 0 AND (r.rounding = 'largest_remainder')::integer
    OR s.service_minor - d.service NOT BETWEEN 0 AND (r.rounding = 'largest_remainder')::integer
 LIMIT 100;

-- name: surplus_is_in_the_ledger
-- I5: what a member was given is what was booked as owed to them (2103), neither more nor to anybody else.
SELECT coalesce(s.member_id, b.member_id) || '/' || coalesce(s.year, b.year) AS key,
       'given ' || coalesce(s.amount, 0) || ', booked ' || coalesce(b.amount, 0) AS what
  FROM (SELECT cooperative_id, year, member_id, capital_minor + service_minor AS amount
          FROM surplus_shares WHERE capital_minor + service_minor > 0) AS s
  FULL JOIN (SELECT b.cooperative_id, (t.reference ->> 'surplus_year')::integer AS year, b.member_id,
                    sum(CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END) AS amount
               FROM ledger_transfers AS t
               JOIN ledger_entries AS e ON e.transfer_id = t.id
               JOIN books AS b ON b.ledger_account_id = e.account_id AND b.code = '2103'
              WHERE t.reason = 'surplus_divided'
              GROUP BY b.cooperative_id, t.reference ->> 'surplus_year', b.member_id) AS b
    ON b.cooperative_id = s.cooperative_id AND b.year = s.year AND b.member_id = s.member_id
 WHERE s.amount IS DISTINCT FROM b.amount
 LIMIT 100;

-- name: surplus_is_booked_to_its_funds
-- I5: each fund got in the ledger what the run says.
SELECT f.cooperative_id || '/' || f.year || '/' || f.code AS key,
       'the fund was given ' || f.amount || ', booked is ' || coalesce(b.amount, 0) AS what
  FROM (SELECT r.cooperative_id, r.year, f.value::bigint AS amount,
               CASE f.key WHEN 'reserve' THEN '3201' WHEN 'education' THEN '2104' WHEN 'social' THEN '2105'
                          WHEN 'management' THEN '2106' WHEN 'staff' THEN '2107' ELSE '2108' END AS code
          FROM surplus_runs AS r, jsonb_each_text(r.funds) AS f) AS f
  LEFT JOIN (SELECT b.cooperative_id, (t.reference ->> 'surplus_year')::integer AS year, b.code,
                    sum(CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END) AS amount
               FROM ledger_transfers AS t
               JOIN ledger_entries AS e ON e.transfer_id = t.id
               JOIN books AS b ON b.ledger_account_id = e.account_id
              WHERE t.reason = 'surplus_divided'
              GROUP BY b.cooperative_id, t.reference ->> 'surplus_year', b.code) AS b
    ON b.cooperative_id = f.cooperative_id AND b.year = f.year AND b.code = f.code
 WHERE f.amount <> coalesce(b.amount, 0)
 LIMIT 100;

-- name: a_divided_year_is_closed
-- I5: nothing was booked into a year after its surplus was divided: income and expense of it are all taken out.
SELECT r.cooperative_id || '/' || r.year || '/' || b.code AS key,
       'the year still has ' || sum(CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END) AS what
  FROM surplus_runs AS r
  JOIN cooperatives AS c USING (cooperative_id)
 CROSS JOIN LATERAL (
        SELECT (make_date(r.year, c.book_year_end_month, 1) + interval '1 month')::timestamp AT TIME ZONE 'Asia/Jakarta' AS ends_at,
               (make_date(r.year - 1, c.book_year_end_month, 1) + interval '1 month')::timestamp AT TIME ZONE 'Asia/Jakarta'
                   AS begins_at) AS y
  JOIN books AS b ON b.cooperative_id = r.cooperative_id AND b.code ~ '^[45]'
  JOIN ledger_entries AS e ON e.account_id = b.ledger_account_id
  JOIN ledger_transfers AS t ON t.id = e.transfer_id AND t.event_at >= y.begins_at AND t.event_at < y.ends_at
 GROUP BY r.cooperative_id, r.year, b.code
HAVING sum(CASE e.side WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END) <> 0
 LIMIT 100;

-- name: surplus_was_decided
-- A surplus is divided as a closed annual meeting of that year, with its quorum, carried it.
SELECT r.cooperative_id || '/' || r.year AS key, 'the meeting decided otherwise, or not at all' AS what
  FROM surplus_runs AS r
  LEFT JOIN motions AS m USING (motion_id)
  LEFT JOIN meetings AS g ON g.meeting_id = m.meeting_id
 WHERE (m.is_carried AND g.state = 'closed' AND g.kind = 'annual' AND g.opened_at IS NOT NULL AND g.year = r.year
        AND g.cooperative_id = r.cooperative_id
        AND (r.surplus_minor < 0 OR m.allocation = r.allocation)) IS NOT TRUE
 LIMIT 100;

-- name: votes_are_of_those_present
-- One member, one vote: a motion has as many ballots as members who voted, and no more than are on the roll.
SELECT m.motion_id::text AS key,
       b.ballots || ' ballots, ' || v.votes || ' voted, of them ' || v.present || ' on a roll of ' || r.roll AS what
  FROM motions AS m
 CROSS JOIN LATERAL (SELECT count(*) AS ballots, count(DISTINCT b.member_id) + count(*) FILTER (WHERE b.member_id IS NULL) AS voters
                       FROM ballots AS b WHERE b.motion_id = m.motion_id) AS b
 CROSS JOIN LATERAL (
        SELECT count(*) AS votes,
               count(*) FILTER (WHERE EXISTS (SELECT FROM meeting_roll AS r
                                               WHERE r.meeting_id = m.meeting_id AND r.member_id = v.member_id)) AS present
          FROM votes_cast AS v WHERE v.motion_id = m.motion_id) AS v
 CROSS JOIN LATERAL (SELECT count(*) AS roll FROM meeting_roll AS r WHERE r.meeting_id = m.meeting_id) AS r
 WHERE b.ballots <> v.votes OR b.voters <> b.ballots OR v.present <> v.votes OR v.votes > r.roll
 LIMIT 100;

-- name: motions_say_what_was_voted
-- The result that a closed motion shows is the count of its ballots.
SELECT m.motion_id::text AS key,
       'says ' || m.yes || '/' || m.no || '/' || m.abstain || ', the ballots ' || b.yes || '/' || b.no || '/' || b.abstain AS what
  FROM motions AS m
 CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE choice = 'yes') AS yes, count(*) FILTER (WHERE choice = 'no') AS no,
                            count(*) FILTER (WHERE choice = 'abstain') AS abstain
                       FROM ballots WHERE motion_id = m.motion_id) AS b
 WHERE m.is_carried IS NOT NULL AND (m.yes, m.no, m.abstain) IS DISTINCT FROM (b.yes, b.no, b.abstain)
 LIMIT 100;

-- name: minutes_are_intact
-- The minutes are those that were signed and announced: same text, same hash, in the signatures and in the event too.
SELECT m.meeting_id::text AS key, 'the minutes, their hash, a signature or the announcement differ' AS what
  FROM meetings AS m
  LEFT JOIN outbox AS o ON o.type = 'cooperatives.meeting_closed.v1' AND o.data ->> 'meeting_id' = m.meeting_id::text
 WHERE m.minutes IS NOT NULL
   AND (encode(sha256(convert_to(m.minutes, 'UTF8')), 'hex') <> m.minutes_sha256
        OR EXISTS (SELECT FROM minutes_signatures AS s
                    WHERE s.meeting_id = m.meeting_id AND s.minutes_sha256 <> m.minutes_sha256)
        OR o.data ->> 'minutes_sha256' <> m.minutes_sha256
        OR (m.state = 'closed'
            AND (SELECT count(DISTINCT s.account_id) FROM minutes_signatures AS s WHERE s.meeting_id = m.meeting_id) <> 2))
 LIMIT 100;

-- name: minutes_say_what_happened
-- Who was there and how they voted is in the minutes as it is in the tables. Minutes that are no JSON say none of it.
SELECT m.meeting_id || '/' || coalesce(q.motion_id::text, 'roll') AS key,
       'the minutes say otherwise than the ' || CASE WHEN q.motion_id IS NULL THEN 'roll' ELSE 'ballots' END AS what
  FROM meetings AS m
 CROSS JOIN LATERAL (SELECT CASE WHEN m.minutes IS JSON OBJECT THEN m.minutes::jsonb END AS document) AS t
 CROSS JOIN LATERAL (
        SELECT NULL::uuid AS motion_id, jsonb_build_object('present', count(*)) AS counted,
               jsonb_build_object('present', t.document -> 'present') AS said
          FROM meeting_roll AS r WHERE r.meeting_id = m.meeting_id
        UNION ALL
        SELECT n.motion_id,
               jsonb_build_object('yes', count(b.ballot_id) FILTER (WHERE b.choice = 'yes'),
                                  'no', count(b.ballot_id) FILTER (WHERE b.choice = 'no'),
                                  'abstain', count(b.ballot_id) FILTER (WHERE b.choice = 'abstain'),
                                  'is_carried', n.is_carried, 'allocation', n.allocation),
               (SELECT jsonb_build_object('yes', s -> 'yes', 'no', s -> 'no', 'abstain', s -> 'abstain',
                                          'is_carried', s -> 'is_carried', 'allocation', nullif(s -> 'allocation', 'null'))
                  FROM jsonb_array_elements(CASE jsonb_typeof(t.document -> 'motions') WHEN 'array'
                                            THEN t.document -> 'motions' ELSE '[]' END) AS s
                 WHERE s ->> 'motion_id' = n.motion_id::text)
          FROM motions AS n LEFT JOIN ballots AS b ON b.motion_id = n.motion_id
         WHERE n.meeting_id = m.meeting_id
         GROUP BY n.motion_id) AS q
 WHERE m.minutes IS NOT NULL AND q.counted IS DISTINCT FROM q.said
 LIMIT 100;
