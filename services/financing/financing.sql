-- name: insert_lender
-- The two unique constraints decide who may have a client and a short name.
INSERT INTO lenders (lender_id, client_id, slug, name, registered_at)
VALUES (:lender_id, :client_id, :slug, :name, :registered_at);

-- name: lender_by_client
-- Who is calling, when a machine client calls; suspended lenders are not let in.
SELECT lender_id, client_id, slug, name, state, registered_at
  FROM lenders
 WHERE client_id = :client_id AND state = 'active';

-- name: lenders
-- For operators, in the order in which they came.
SELECT lender_id, client_id, slug, name, state, registered_at
  FROM lenders
 ORDER BY lender_id;

-- name: open_shops
-- shop_opened may come after a staff list; the owner of a newer list stays.
INSERT INTO shops AS s (shop_id, owner_id, region_code, cooperative_id, opened_at, opened_sequence, staff_sequence)
SELECT * FROM unnest(:shop_ids::uuid[], :owner_ids::uuid[], :region_codes::text[], :cooperative_ids::uuid[],
                     :opened_ats::timestamptz[], :sequences::bigint[], :sequences::bigint[])
    ON CONFLICT (shop_id) DO UPDATE
   SET region_code = excluded.region_code, cooperative_id = excluded.cooperative_id, opened_at = excluded.opened_at,
       opened_sequence = excluded.opened_sequence,
       owner_id = CASE WHEN s.staff_sequence < excluded.staff_sequence THEN excluded.owner_id ELSE s.owner_id END,
       staff_sequence = greatest(s.staff_sequence, excluded.staff_sequence)
 WHERE s.opened_sequence < excluded.opened_sequence;

-- name: tell_lenders
-- What lenders are to be told is written with what made it true.
INSERT INTO lender_facts (lender_id, type, data, consent_id, traceparent)
SELECT * FROM unnest(:lender_ids::uuid[], :types::text[], :data::jsonb[], :consent_ids::uuid[], :traceparents::text[]);
