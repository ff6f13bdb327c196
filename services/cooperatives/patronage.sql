-- Queries of patronage: what members' dealings of a year count. A day is one of western Indonesia (WIB).

-- name: record_shops
-- A shop opens once; its owner stays.
INSERT INTO patronage_shops (shop_id, owner_id, opened_at)
SELECT shop_id, owner_id, opened_at
  FROM unnest(:shop_ids::uuid[], :owner_ids::uuid[], :opened_ats::timestamptz[]) AS s (shop_id, owner_id, opened_at)
ON CONFLICT (shop_id) DO NOTHING;

-- name: record_parcels
-- A parcel is completed once.
INSERT INTO patronage_parcels (parcel_id, cooperative_id, buyer_id, goods_minor, lines, completed_at, completed_on)
SELECT parcel_id, cooperative_id, buyer_id, goods_minor, lines, completed_at,
       (completed_at AT TIME ZONE 'Asia/Jakarta')::date
  FROM jsonb_to_recordset(:parcels::jsonb) AS p (parcel_id uuid, cooperative_id uuid, buyer_id uuid, goods_minor bigint,
                                                 lines jsonb, completed_at timestamptz)
ON CONFLICT (parcel_id) DO NOTHING;

-- name: record_refunds
-- Also of parcels that are not completed: those may be so later, or never.
INSERT INTO patronage_refunds (parcel_id, refund_id, goods_minor, lines, refunded_at)
SELECT parcel_id, refund_id, goods_minor, lines, refunded_at
  FROM jsonb_to_recordset(:refunds::jsonb) AS r (parcel_id uuid, refund_id uuid, goods_minor bigint, lines jsonb,
                                                 refunded_at timestamptz)
ON CONFLICT (parcel_id, refund_id) DO NOTHING;

-- name: parcels_with_refunds
-- All that is known of these parcels, of those that are completed; entries are made from it.
SELECT p.parcel_id, p.buyer_id, p.goods_minor, p.lines,
       coalesce((SELECT jsonb_agg(jsonb_build_object('goods_minor', r.goods_minor, 'lines', r.lines) ORDER BY r.refund_id)
                   FROM patronage_refunds AS r WHERE r.parcel_id = p.parcel_id), '[]') AS refunds
  FROM patronage_parcels AS p
 WHERE p.parcel_id = ANY(:parcel_ids::uuid[]);

-- name: save_entries
-- What was completed never changes; what was refunded does.
INSERT INTO patronage_entries (parcel_id, role, party_id, cooperative_id, completed_at, completed_on, completed_minor,
                               refunded_minor)
SELECT e.parcel_id, e.role::patronage_role, e.party_id, p.cooperative_id, p.completed_at, p.completed_on,
       e.completed_minor, e.refunded_minor
  FROM unnest(:parcel_ids::uuid[], :roles::text[], :party_ids::uuid[], :completed::bigint[], :refunded::bigint[])
       AS e (parcel_id, role, party_id, completed_minor, refunded_minor)
  JOIN patronage_parcels AS p USING (parcel_id)
ON CONFLICT (parcel_id, role, party_id) DO UPDATE SET refunded_minor = excluded.refunded_minor
 WHERE patronage_entries.refunded_minor <> excluded.refunded_minor;

-- name: patronage_totals
-- By role, for one member: as a member of a joint listing, by the account, and by the shops of the account.
WITH member AS (
    SELECT member_id, cooperative_id, account_id, admitted_at, ended_at
      FROM members WHERE member_id = :member_id AND cooperative_id = :cooperative_id
), parties AS (
    SELECT member_id AS party_id FROM member
    UNION SELECT account_id FROM member WHERE account_id IS NOT NULL
    UNION SELECT s.shop_id FROM member JOIN patronage_shops AS s ON s.owner_id = member.account_id
)
SELECT e.role::text, count(*) AS parcels, sum(e.completed_minor)::bigint AS completed_minor,
       sum(e.refunded_minor)::bigint AS refunded_minor
  FROM member
 CROSS JOIN parties
  JOIN patronage_entries AS e ON e.party_id = parties.party_id AND e.cooperative_id = member.cooperative_id
 WHERE e.completed_on BETWEEN :first_day::date AND :last_day::date
   AND e.completed_at >= member.admitted_at AND (member.ended_at IS NULL OR e.completed_at < member.ended_at)
 GROUP BY e.role
 ORDER BY e.role;

-- name: patronage_entries
-- The same, parcel by parcel, newest first.
WITH member AS (
    SELECT member_id, cooperative_id, account_id, admitted_at, ended_at
      FROM members WHERE member_id = :member_id AND cooperative_id = :cooperative_id
), parties AS (
    SELECT member_id AS party_id FROM member
    UNION SELECT account_id FROM member WHERE account_id IS NOT NULL
    UNION SELECT s.shop_id FROM member JOIN patronage_shops AS s ON s.owner_id = member.account_id
)
SELECT e.parcel_id, e.role::text, e.party_id, e.completed_at, e.completed_minor, e.refunded_minor
  FROM member
 CROSS JOIN parties
  JOIN patronage_entries AS e ON e.party_id = parties.party_id AND e.cooperative_id = member.cooperative_id
 WHERE e.completed_on BETWEEN :first_day::date AND :last_day::date
   AND e.completed_at >= member.admitted_at AND (member.ended_at IS NULL OR e.completed_at < member.ended_at)
   AND (:before_at::timestamptz IS NULL
        OR (e.completed_at, e.parcel_id, e.role::text, e.party_id)
           < (:before_at::timestamptz, :before_parcel::uuid, :before_role::text, :before_party::uuid))
 ORDER BY e.completed_at DESC, e.parcel_id DESC, e.role::text DESC, e.party_id DESC
 LIMIT :limit::integer;
