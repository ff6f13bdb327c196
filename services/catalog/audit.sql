-- Checks of catalog's own tables: a row is a violation (key, what). Run by `lumbung audit`.

-- name: stock_within_bounds
-- I1: never more reserved than there is, never less than nothing: so never oversold.
SELECT product_id::text AS key, 'on hand ' || on_hand || ', reserved ' || reserved AS what
  FROM stock
 WHERE NOT (0 <= reserved AND reserved <= on_hand)
 LIMIT 100;

-- name: stock_is_conserved
-- I1: what came in is there, or was sold and not returned.
SELECT product_id::text AS key,
       'on hand ' || on_hand || ' + sold ' || sold || ' - returned ' || returned || ' is not received ' || received AS what
  FROM stock
 WHERE on_hand + sold - returned <> received
 LIMIT 100;

-- name: reserved_is_the_sum_of_reservations
-- I1: every reserved piece is reserved for an order.
SELECT s.product_id::text AS key, 'reserved ' || s.reserved || ', orders hold ' || coalesce(r.quantity, 0) AS what
  FROM stock AS s
  LEFT JOIN (SELECT product_id, sum(quantity) AS quantity
               FROM reservations WHERE state = 'reserved' GROUP BY product_id) AS r USING (product_id)
 WHERE s.reserved <> coalesce(r.quantity, 0)
 LIMIT 100;

-- name: sold_is_the_sum_of_commitments
-- I1: every sold piece was committed for an order and did not come back.
SELECT s.product_id::text AS key,
       'sold ' || s.sold || ' less returned ' || s.returned || ', orders got ' || coalesce(r.quantity, 0) AS what
  FROM stock AS s
  LEFT JOIN (SELECT product_id, sum(quantity - restocked) AS quantity
               FROM reservations WHERE state = 'committed' GROUP BY product_id) AS r USING (product_id)
 WHERE s.sold - s.returned <> coalesce(r.quantity, 0)
 LIMIT 100;

-- name: restocked_is_the_sum_of_restocks
-- I1: what an order gave back came by a cancelled parcel or a return, and each counts once.
SELECT coalesce(h.order_id, r.order_id) || '/' || coalesce(h.product_id, r.product_id) AS key,
       'given back ' || coalesce(h.restocked, 0) || ', restocks say ' || coalesce(r.quantity, 0) AS what
  FROM (SELECT order_id, product_id, restocked FROM reservations WHERE restocked > 0) AS h
  FULL JOIN (SELECT b.order_id, l.product_id, sum(l.quantity) AS quantity
               FROM restocks AS b, unnest(b.product_ids, b.quantities) AS l (product_id, quantity)
              GROUP BY b.order_id, l.product_id) AS r
    ON r.order_id = h.order_id AND r.product_id = h.product_id
 WHERE coalesce(h.restocked, 0) <> coalesce(r.quantity, 0)
 LIMIT 100;

-- name: reservations_are_of_known_products
-- A reservation carries no foreign key: its products must have a stock row all the same.
SELECT r.order_id || '/' || r.product_id AS key, 'the reserved product has no stock row' AS what
  FROM reservations AS r
 WHERE r.state IN ('reserved', 'committed') AND NOT EXISTS (SELECT FROM stock AS s WHERE s.product_id = r.product_id)
 LIMIT 100;

-- name: stock_knows_its_product
-- I8: what a reservation decides by says the same as the product.
SELECT p.product_id::text AS key,
       'product is version ' || p.version || ', ' || p.state || '; stock has '
       || coalesce('version ' || s.version || CASE WHEN s.is_listed THEN ', listed' ELSE ', withdrawn' END, 'no row') AS what
  FROM products AS p
  LEFT JOIN stock AS s USING (product_id)
 WHERE s.version IS DISTINCT FROM p.version OR s.is_listed IS DISTINCT FROM (p.state = 'listed')
 LIMIT 100;

-- name: shop_sequences_have_no_gap
-- I7: the facts of a shop are numbered one by one, and the last one is the shop's own count.
SELECT s.shop_id::text AS key,
       'the shop counts ' || s.sequence || '; its facts end at ' || f.last || ' and lack '
       || (f.last - f.first + 1 - f.facts) AS what
  FROM shops AS s
  JOIN (SELECT record_key, count(*) AS facts, min((data ->> 'sequence')::bigint) AS first,
               max((data ->> 'sequence')::bigint) AS last
          FROM outbox WHERE topic = 'lumbung.catalog' GROUP BY record_key) AS f ON f.record_key = s.shop_id::text
 WHERE f.last <> s.sequence OR f.last - f.first + 1 <> f.facts
 LIMIT 100;

-- name: badges_follow_the_facts
-- I8: what a shop shows is what is known of its people.
SELECT shops.shop_id::text AS key, 'shows ' || shops.badges::text || ', facts say ' || facts.badges::text AS what
  FROM shops
 CROSS JOIN LATERAL (
       SELECT coalesce(jsonb_object_agg(badge, until), '{}') AS badges
         FROM (SELECT 'koperasi' AS badge, NULL::bigint AS until
                 FROM cooperative_members AS known
                WHERE known.account_id = shops.owner_id AND known.cooperative_id = shops.cooperative_id
                  AND known.is_member
               UNION ALL
               SELECT 'bersertifikat:' || held.scheme, floor(extract(epoch FROM max(held.expires_at)))::bigint
                 FROM shop_staff JOIN person_certificates AS held ON held.person_id = shop_staff.account_id
                WHERE shop_staff.shop_id = shops.shop_id AND held.revoked_at IS NULL AND held.expires_at IS NOT NULL
                GROUP BY held.scheme) AS earned) AS facts
 WHERE shops.badges <> facts.badges
 LIMIT 100;
