-- name: open_shops
-- shop_opened may come after a staff list; the owner of a newer list stays. A forgotten person owns nothing, also when
-- the fact comes late.
INSERT INTO shops AS s (shop_id, owner_id, region_code, cooperative_id, opened_at, opened_sequence, staff_sequence)
SELECT o.shop_id, CASE WHEN e.account_id IS NULL THEN o.owner_id END, o.region_code, o.cooperative_id, o.opened_at,
       o.sequence, o.sequence
  FROM unnest(:shop_ids::uuid[], :owner_ids::uuid[], :region_codes::text[], :cooperative_ids::uuid[],
              :opened_ats::timestamptz[], :sequences::bigint[])
       AS o (shop_id, owner_id, region_code, cooperative_id, opened_at, sequence)
  LEFT JOIN erased_accounts AS e ON e.account_id = o.owner_id
    ON CONFLICT (shop_id) DO UPDATE
   SET region_code = excluded.region_code, cooperative_id = excluded.cooperative_id, opened_at = excluded.opened_at,
       opened_sequence = excluded.opened_sequence,
       owner_id = CASE WHEN s.staff_sequence < excluded.staff_sequence THEN excluded.owner_id ELSE s.owner_id END,
       staff_sequence = greatest(s.staff_sequence, excluded.staff_sequence)
 WHERE s.opened_sequence < excluded.opened_sequence;

-- name: change_owners
-- Only a staff list that is newer than what we know says who owns the shop now; nobody, when the owner was forgotten.
INSERT INTO shops AS s (shop_id, owner_id, staff_sequence)
SELECT o.shop_id, CASE WHEN e.account_id IS NULL THEN o.owner_id END, o.sequence
  FROM unnest(:shop_ids::uuid[], :owner_ids::uuid[], :sequences::bigint[]) AS o (shop_id, owner_id, sequence)
  LEFT JOIN erased_accounts AS e ON e.account_id = o.owner_id
    ON CONFLICT (shop_id) DO UPDATE
   SET owner_id = excluded.owner_id, staff_sequence = excluded.staff_sequence
 WHERE s.staff_sequence < excluded.staff_sequence;

-- name: count_categories
-- Listed products per shop and category; the inbox sees to it that each is counted once.
INSERT INTO shop_categories AS c (shop_id, category, listed)
SELECT shop_id, category, count(*)
  FROM unnest(:shop_ids::uuid[], :categories::text[]) AS l (shop_id, category)
 GROUP BY shop_id, category
 ORDER BY shop_id, category
    ON CONFLICT (shop_id, category) DO UPDATE SET listed = c.listed + excluded.listed;

-- name: complete_sales
-- A refund may have made the row before.
INSERT INTO sales AS s (parcel_id, shop_id, goods_minor, completed_at)
SELECT * FROM unnest(:parcel_ids::uuid[], :shop_ids::uuid[], :goods::bigint[], :completed_ats::timestamptz[])
 ORDER BY 1
    ON CONFLICT (parcel_id) DO UPDATE SET goods_minor = excluded.goods_minor, completed_at = excluded.completed_at;

-- name: refund_sales
-- Several parts of one batch may be of one parcel, so they are summed first.
INSERT INTO sales AS s (parcel_id, shop_id, refunded_minor)
SELECT parcel_id, shop_id, sum(refunded_minor)
  FROM unnest(:parcel_ids::uuid[], :shop_ids::uuid[], :refunded::bigint[]) AS r (parcel_id, shop_id, refunded_minor)
 GROUP BY parcel_id, shop_id
 ORDER BY parcel_id
    ON CONFLICT (parcel_id) DO UPDATE SET refunded_minor = s.refunded_minor + excluded.refunded_minor;

-- name: record_payouts
-- Paid, or paid and sent back later: the later word holds.
INSERT INTO payouts AS p (payout_id, payee_id, amount_minor, state, happened_at)
SELECT * FROM unnest(:payout_ids::uuid[], :payee_ids::uuid[], :amounts::bigint[], :states::text[],
                     :happened_ats::timestamptz[])
    ON CONFLICT (payout_id) DO UPDATE SET state = excluded.state, happened_at = excluded.happened_at
 WHERE p.happened_at <= excluded.happened_at;

-- name: admit_members
-- People who were forgotten are not remembered again by a late fact.
INSERT INTO memberships (member_id, cooperative_id, account_id, admitted_at)
SELECT m.member_id, m.cooperative_id, m.account_id, m.admitted_at
  FROM unnest(:member_ids::uuid[], :cooperative_ids::uuid[], :account_ids::uuid[], :admitted_ats::timestamptz[])
       AS m (member_id, cooperative_id, account_id, admitted_at)
 WHERE NOT EXISTS (SELECT FROM erased_accounts AS e WHERE e.account_id = m.account_id)
    ON CONFLICT (member_id) DO NOTHING;

-- name: end_memberships
-- Resignations come after their admission: both are ordered by the member.
UPDATE memberships AS m
   SET resigned_at = r.resigned_at
  FROM unnest(:member_ids::uuid[], :resigned_ats::timestamptz[]) AS r (member_id, resigned_at)
 WHERE m.member_id = r.member_id;

-- name: record_certificates
-- As for members: nothing of people who were forgotten.
INSERT INTO certificates (certificate_id, person_id, scheme, issued_at, expires_at)
SELECT c.certificate_id, c.person_id, c.scheme, c.issued_at, c.expires_at
  FROM unnest(:certificate_ids::uuid[], :person_ids::uuid[], :schemes::text[], :issued_ats::timestamptz[],
              :expires_ats::timestamptz[]) AS c (certificate_id, person_id, scheme, issued_at, expires_at)
 WHERE NOT EXISTS (SELECT FROM erased_accounts AS e WHERE e.account_id = c.person_id)
    ON CONFLICT (certificate_id) DO NOTHING;

-- name: revoke_certificates
-- A certificate that we never heard of (its person was forgotten) needs no revoking.
UPDATE certificates AS c
   SET revoked_at = r.revoked_at
  FROM unnest(:certificate_ids::uuid[], :revoked_ats::timestamptz[]) AS r (certificate_id, revoked_at)
 WHERE c.certificate_id = r.certificate_id;

-- name: remember_erased
-- So that nothing of the person is taken over again.
INSERT INTO erased_accounts (account_id, erased_at) VALUES (:account_id, :erased_at)
    ON CONFLICT (account_id) DO NOTHING;

-- name: erase_memberships
-- Personal facts go with the person.
DELETE FROM memberships WHERE account_id = :account_id;

-- name: erase_certificates
-- Personal facts go with the person.
DELETE FROM certificates WHERE person_id = :account_id;

-- name: disown_shops
-- Whose shops they were is nobody's business any more; catalog closes them.
UPDATE shops SET owner_id = NULL WHERE owner_id = :account_id;

-- name: owned_shop
-- The shop for its owner alone. Its sector is what it has listed most of.
SELECT s.shop_id, s.region_code, s.cooperative_id, (s.opened_at AT TIME ZONE 'Asia/Jakarta')::date AS opened_on,
       coalesce((SELECT c.category FROM shop_categories AS c WHERE c.shop_id = s.shop_id
                  ORDER BY c.listed DESC, c.category LIMIT 1), 'lainnya') AS sector
  FROM shops AS s
 WHERE s.shop_id = :shop_id AND s.owner_id = :person_id AND s.region_code IS NOT NULL;

-- name: share_owned_shop
-- Held while its owner gives a consent: who is forgotten meanwhile is forgotten after it, and the consent ends with them.
SELECT shop_id FROM shops WHERE shop_id = :shop_id AND owner_id = :person_id AND region_code IS NOT NULL FOR SHARE;

-- name: lock_owned_shop
-- Who asks for finance does so one at a time per shop, so that applications can be counted.
SELECT shop_id FROM shops WHERE shop_id = :shop_id AND owner_id = :person_id FOR NO KEY UPDATE;

-- name: sales_months
-- Months of the look-back with sales. A refund counts in the month of its sale, so that no month is below zero for
-- what another one sold; a month is one of West Indonesian Time.
SELECT date_trunc('month', completed_at AT TIME ZONE 'Asia/Jakarta')::date AS first_day, count(*) AS completed,
       count(*) FILTER (WHERE refunded_minor > 0) AS refunded, sum(goods_minor)::bigint AS goods_minor,
       sum(least(refunded_minor, goods_minor))::bigint AS refunded_minor
  FROM sales
 WHERE shop_id = :shop_id AND completed_at >= (:since::date)::timestamp AT TIME ZONE 'Asia/Jakarta'
   AND completed_at < (:until::date + 1)::timestamp AT TIME ZONE 'Asia/Jakarta'
 GROUP BY 1
 ORDER BY 1;

-- name: live_memberships
-- Those that hold today.
SELECT cooperative_id, admitted_at
  FROM memberships
 WHERE account_id = :person_id AND resigned_at IS NULL
 ORDER BY admitted_at;

-- name: live_certificates
-- Those that hold at that moment.
SELECT certificate_id, scheme, issued_at, expires_at
  FROM certificates
 WHERE person_id = :person_id AND revoked_at IS NULL AND expires_at > :at
 ORDER BY issued_at, certificate_id;

-- name: borrowing
-- How the shop paid back what it borrowed here.
SELECT count(DISTINCT l.loan_id) AS loans, count(DISTINCT l.loan_id) FILTER (WHERE l.state = 'repaid') AS repaid,
       count(d.number) FILTER (WHERE d.settled_on <= d.due_on) AS dues_on_time,
       count(d.number) FILTER (WHERE d.settled_on > d.due_on) AS dues_late,
       count(d.number) FILTER (WHERE d.settled_on IS NULL AND d.due_on < :as_of::date
                                 AND d.principal_minor + d.cost_minor > 0) AS dues_overdue
  FROM loans AS l
  LEFT JOIN loan_dues AS d USING (loan_id)
 WHERE l.shop_id = :shop_id AND l.state <> 'agreed';

-- name: who_may_know_of_sales
-- Lenders that may hear of a shop's sales and payouts: told under a live consent with the scope sales while the purpose
-- lasts (an application that is open to them, or became their loan), or with a loan that runs (then no consent is named:
-- the contract is the basis). A loan that was only agreed opens nothing without a consent.
SELECT w.place, r.lender_id, c.consent_id
  FROM unnest(:shop_ids::uuid[]) WITH ORDINALITY AS w (shop_id, place)
  JOIN consents AS c ON c.shop_id = w.shop_id AND c.ended_at IS NULL AND c.until > :at AND 'sales' = ANY (c.scopes)
  JOIN consent_recipients AS r USING (consent_id)
 WHERE NOT EXISTS (SELECT FROM loans AS l
                    WHERE l.shop_id = w.shop_id AND l.lender_id = r.lender_id AND l.state = 'running')
   AND EXISTS (SELECT FROM applications AS a
                 JOIN application_lenders AS t USING (application_id)
                 LEFT JOIN loans AS o USING (application_id)
                WHERE a.consent_id = c.consent_id AND t.lender_id = r.lender_id
                  AND (a.state = 'published' AND t.declined_at IS NULL
                       OR o.lender_id = r.lender_id AND o.state = 'agreed'))
UNION
SELECT w.place, l.lender_id, NULL
  FROM unnest(:shop_ids::uuid[]) WITH ORDINALITY AS w (shop_id, place)
  JOIN loans AS l ON l.shop_id = w.shop_id AND l.state = 'running'
 ORDER BY 1, 2, 3;

-- name: who_may_know_of_certificates
-- Lenders told under a live consent with the scope certificates, while the purpose lasts, and the shops of it.
SELECT w.place, r.lender_id, c.consent_id, c.shop_id
  FROM unnest(:person_ids::uuid[]) WITH ORDINALITY AS w (person_id, place)
  JOIN consents AS c ON c.person_id = w.person_id AND c.ended_at IS NULL AND c.until > :at
                    AND 'certificates' = ANY (c.scopes)
  JOIN consent_recipients AS r USING (consent_id)
 WHERE EXISTS (SELECT FROM applications AS a
                 JOIN application_lenders AS t USING (application_id)
                 LEFT JOIN loans AS o USING (application_id)
                WHERE a.consent_id = c.consent_id AND t.lender_id = r.lender_id
                  AND (a.state = 'published' AND t.declined_at IS NULL
                       OR o.lender_id = r.lender_id AND o.state <> 'repaid'))
 ORDER BY 1, 2, 3;
