-- Every query of the catalog service. Rows are locked in one order: shop, product, stock, then words of titles.

-- name: insert_shop
-- The owner is staff too, so that "who may" is one look-up.
WITH shop AS (
    INSERT INTO shops (shop_id, owner_id, name, region_code, cooperative_id, sequence, opened_at)
    VALUES (:shop_id, :owner_id, :name, :region_code, :cooperative_id, :sequence, :opened_at)
    RETURNING shop_id, owner_id
)
INSERT INTO shop_staff (shop_id, account_id, role) SELECT shop_id, owner_id, 'owner' FROM shop;

-- name: lock_shop_as
-- The shop for one of its staff, and no other. The caller's own row is locked too: who is dismissed meanwhile is out.
SELECT shops.shop_id, shops.owner_id, shops.region_code, shops.state, shops.sequence, shops.cooperative_id,
       shop_staff.role
  FROM shops JOIN shop_staff USING (shop_id)
 WHERE shops.shop_id = :shop_id AND shop_staff.account_id = :account_id
   FOR NO KEY UPDATE OF shops FOR SHARE OF shop_staff;

-- name: lock_shop_of_product_as
-- As lock_shop_as, found by a product.
SELECT shops.shop_id, shops.owner_id, shops.region_code, shops.state, shops.sequence, shops.cooperative_id,
       shop_staff.role
  FROM products JOIN shops USING (shop_id) JOIN shop_staff USING (shop_id)
 WHERE products.product_id = :product_id AND shop_staff.account_id = :account_id
   FOR NO KEY UPDATE OF shops FOR SHARE OF shop_staff;

-- name: lock_shops
-- For handlers: the batch's shops in id order, so that two batches take turns.
SELECT shop_id FROM shops WHERE shop_id = ANY(:shop_ids::uuid[]) ORDER BY shop_id FOR NO KEY UPDATE;

-- name: shops_worked_in
-- Where somebody owns or works: what must be locked when that person leaves.
SELECT shop_id FROM shop_staff WHERE account_id = ANY(:account_ids::uuid[]);

-- name: products_listed_by
-- What owners sell: its stock rows are locked with the rest of a batch when they leave.
SELECT products.product_id
  FROM shops JOIN products USING (shop_id)
 WHERE shops.owner_id = ANY(:account_ids::uuid[]) AND products.state = 'listed';

-- name: shops_locked
-- The shops of one person. The runner has locked them; one that was joined since then is locked here.
SELECT shops.shop_id, shops.owner_id, shops.region_code, shops.state, shops.sequence, shops.cooperative_id
  FROM shops JOIN shop_staff USING (shop_id)
 WHERE shop_staff.account_id = :account_id
 ORDER BY shops.shop_id
   FOR NO KEY UPDATE OF shops;

-- name: save_sequence
-- The count of facts moves with the facts, under the shop's lock.
UPDATE shops SET sequence = :sequence WHERE shop_id = :shop_id;

-- name: close_shop
-- A closed shop keeps its id for orders placed before; its name may name a person and goes.
UPDATE shops SET state = 'closed', closed_at = :closed_at, name = 'Toko tutup' WHERE shop_id = :shop_id;

-- name: withdraw_products_of
-- Everything a closed shop sells ends; what the seller wrote about it goes too.
UPDATE products
   SET state = 'withdrawn', version = version + 1, changed_at = :changed_at, description = '', photos = '[]'
 WHERE shop_id = :shop_id AND state = 'listed'
RETURNING product_id, version;

-- name: close_stock_of
-- Nothing of a closed shop can be reserved any more.
UPDATE stock SET is_listed = false, version = closed.version
  FROM unnest(:product_ids::uuid[], :versions::int[]) AS closed (product_id, version)
 WHERE stock.product_id = closed.product_id;

-- name: lock_people
-- What becomes known of somebody and the shops that they open or join take turns, so that neither misses the other.
SELECT pg_advisory_xact_lock(hashtextextended(id::text, 1))
  FROM (SELECT unnest(:account_ids::uuid[]) AS id ORDER BY 1) AS people;

-- name: record_members
-- The latest word on each member; who never had an account is none of ours.
INSERT INTO cooperative_members (member_id, cooperative_id, account_id, is_member)
SELECT member_id, cooperative_id, account_id, :is_member
  FROM unnest(:member_ids::uuid[], :cooperative_ids::uuid[], :account_ids::uuid[])
       AS given (member_id, cooperative_id, account_id)
ON CONFLICT (member_id) DO UPDATE SET is_member = excluded.is_member;

-- name: is_member
-- Whether somebody is an admitted member, as far as we have heard.
SELECT true FROM cooperative_members
 WHERE account_id = :account_id AND cooperative_id = :cooperative_id AND is_member LIMIT 1;

-- name: record_certificates
-- A revocation that was heard first stays.
INSERT INTO person_certificates (certificate_id, person_id, scheme, expires_at)
SELECT * FROM unnest(:certificate_ids::uuid[], :person_ids::uuid[], :schemes::text[], :expires_ats::timestamptz[])
ON CONFLICT (certificate_id) DO UPDATE SET expires_at = excluded.expires_at;

-- name: record_revocations
-- Also of a certificate that we never heard of, in case it comes late.
INSERT INTO person_certificates (certificate_id, person_id, scheme, revoked_at)
SELECT * FROM unnest(:certificate_ids::uuid[], :person_ids::uuid[], :schemes::text[], :revoked_ats::timestamptz[])
ON CONFLICT (certificate_id) DO UPDATE SET revoked_at = coalesce(person_certificates.revoked_at, excluded.revoked_at);

-- name: schemes_of_shop
-- What the owner or one of the staff holds a living certificate of.
SELECT DISTINCT held.scheme
  FROM shop_staff JOIN person_certificates AS held ON held.person_id = shop_staff.account_id
 WHERE shop_staff.shop_id = :shop_id AND held.revoked_at IS NULL AND held.expires_at > :now;

-- name: lock_shops_worked_in
-- Of people of whom something became known. The runner has locked them; one that was joined since then is locked here.
SELECT shops.shop_id
  FROM shops
 WHERE shops.shop_id IN (SELECT shop_id FROM shop_staff WHERE account_id = ANY(:account_ids::uuid[]))
 ORDER BY shops.shop_id
   FOR NO KEY UPDATE;

-- name: refresh_badges
-- From the facts, under the locks of these shops: membership of the owner, certificates of anybody who works there.
WITH earned AS (
    SELECT shops.shop_id, 'koperasi' AS badge, NULL::bigint AS until
      FROM shops
     WHERE EXISTS (SELECT FROM cooperative_members AS known
                    WHERE known.account_id = shops.owner_id AND known.cooperative_id = shops.cooperative_id
                      AND known.is_member)
    UNION ALL
    SELECT shop_staff.shop_id, 'bersertifikat:' || held.scheme, floor(extract(epoch FROM max(held.expires_at)))::bigint
      FROM shop_staff JOIN person_certificates AS held ON held.person_id = shop_staff.account_id
     WHERE held.revoked_at IS NULL AND held.expires_at IS NOT NULL
     GROUP BY shop_staff.shop_id, held.scheme
), now_shown AS (
    SELECT shops.shop_id,
           coalesce((SELECT jsonb_object_agg(badge, until) FROM earned WHERE earned.shop_id = shops.shop_id), '{}')
               AS badges
      FROM shops
     WHERE shops.shop_id = ANY(:shop_ids::uuid[])
)
UPDATE shops SET badges = now_shown.badges
  FROM now_shown
 WHERE shops.shop_id = now_shown.shop_id AND shops.badges <> now_shown.badges;

-- name: forget_standing
-- Who left is a member and holds certificates elsewhere, but not here.
WITH members AS (DELETE FROM cooperative_members WHERE account_id = :account_id)
DELETE FROM person_certificates WHERE person_id = :account_id;

-- name: put_staff
-- The owner's own row cannot be overwritten.
INSERT INTO shop_staff (shop_id, account_id, role) VALUES (:shop_id, :account_id, :role::shop_role)
ON CONFLICT (account_id, shop_id) DO UPDATE SET role = excluded.role WHERE shop_staff.role <> 'owner';

-- name: delete_staff
-- The owner stays as long as the shop.
DELETE FROM shop_staff WHERE shop_id = :shop_id AND account_id = :account_id AND role <> 'owner';

-- name: delete_all_staff
-- A closed shop has nobody; the others' shops lose this person.
DELETE FROM shop_staff WHERE shop_id = :shop_id AND (account_id = :account_id OR :is_owner::boolean);

-- name: staff_of
-- Whole, because the fact that is published holds the whole staff.
SELECT account_id, role FROM shop_staff WHERE shop_id = :shop_id ORDER BY account_id;

-- name: shops_by_id
-- What anybody may know of shops.
SELECT shop_id, name, region_code, cooperative_id, state, opened_at, badges
  FROM shops WHERE shop_id = ANY(:shop_ids::uuid[]);

-- name: shops_of
-- The shops that somebody works in, with the role there.
SELECT shops.shop_id, shops.name, shops.region_code, shops.cooperative_id, shops.state, shops.opened_at, shops.badges,
       shop_staff.role,
       (SELECT count(*) FROM (SELECT 1 FROM products
                               WHERE products.shop_id = shops.shop_id AND products.state = 'listed' LIMIT 1001) AS counted)
           AS products
  FROM shop_staff JOIN shops USING (shop_id)
 WHERE shop_staff.account_id = :account_id
 ORDER BY shops.opened_at DESC, shops.shop_id;

-- name: staff_for
-- The staff of a shop, shown only to those who work there.
SELECT staff.account_id, staff.role
  FROM shop_staff AS staff
 WHERE staff.shop_id = :shop_id
   AND EXISTS (SELECT FROM shop_staff AS caller
                WHERE caller.shop_id = :shop_id AND caller.account_id = :account_id)
 ORDER BY staff.role, staff.account_id;

-- name: categories
-- The order is the one that pages show.
SELECT slug, name FROM categories ORDER BY position;

-- name: insert_products
-- A product, its stock and the words of its title appear together. Words come last and sorted: see the lock order.
WITH given AS (
    SELECT * FROM unnest(
        :product_ids::uuid[], :titles::text[], :descriptions::text[], :categories::text[], :prices::bigint[],
        :currencies::text[], :weights::int[], :payees::text[], :skus::text[], :stocks::int[], :counted::int[]
    ) AS given (product_id, title, description, category, price, currency, weight, payees, sku, stock, counted)
), listed AS (
    INSERT INTO products (product_id, shop_id, title, description, category, unit_price_minor, currency,
                          weight_grams, payees, sku, counted, region_code, listed_at, changed_at)
    SELECT product_id, :shop_id, title, description, category, price, currency, weight, payees::jsonb, sku, counted,
           :region_code, :now, :now
      FROM given
    RETURNING product_id
)
INSERT INTO stock (product_id, version, on_hand, received)
SELECT product_id, 1, given.stock, given.stock FROM given JOIN listed USING (product_id);

-- name: remember_words
-- The vocabulary that mistyped words are compared with; sorted, so that two sellers with the same new words take turns.
INSERT INTO title_words (word)
SELECT DISTINCT word COLLATE "C"
  FROM unnest(:titles::text[]) AS title,
       regexp_split_to_table(lower(unaccent(title)), '[^a-z0-9]+') AS word
 WHERE word ~ '^[a-z]{3,30}$'
 ORDER BY 1
ON CONFLICT DO NOTHING;

-- name: lock_product
-- Under its shop's lock, so the order is always shop, product, stock.
SELECT product_id, shop_id, version, state, title, description, category, unit_price_minor, currency, weight_grams,
       payees, sku, photos
  FROM products WHERE product_id = :product_id FOR NO KEY UPDATE;

-- name: save_product
-- A new version. The stock row carries the version too, so that a reservation of an older one is refused.
WITH saved AS (
    UPDATE products
       SET version = :version, state = :state::product_state, title = :title, description = :description,
           category = :category, unit_price_minor = :price, currency = :currency, weight_grams = :weight,
           payees = :payees, sku = :sku, changed_at = :now
     WHERE product_id = :product_id
    RETURNING product_id, version, state
)
UPDATE stock SET version = saved.version, is_listed = saved.state = 'listed'
  FROM saved WHERE stock.product_id = saved.product_id;

-- name: save_photos
-- Photos are no part of what a buyer agrees to, so they make no new version.
UPDATE products SET photos = :photos, changed_at = :now WHERE product_id = :product_id;

-- name: change_stock
-- One statement: the constraint says when too little would remain. Anybody who works in the shop may count.
UPDATE stock SET on_hand = on_hand + :change, received = received + :change
 WHERE product_id = :product_id
   AND EXISTS (SELECT FROM products JOIN shop_staff USING (shop_id)
                WHERE products.product_id = :product_id AND products.state = 'listed'
                  AND shop_staff.account_id = :account_id)
RETURNING on_hand - reserved AS available, reserved, on_hand;

-- name: products_shown
-- Product pages: a row each, by key.
SELECT products.product_id, products.shop_id, shops.name AS shop_name, shops.badges, shops.region_code,
       shops.cooperative_id, products.version, products.state, products.title, products.description, products.category,
       products.unit_price_minor, products.currency, products.weight_grams, products.payees, products.photos,
       products.sku, products.listed_at, products.changed_at, stock.on_hand - stock.reserved AS available
  FROM products JOIN shops USING (shop_id) JOIN stock USING (product_id)
 WHERE products.product_id = ANY(:product_ids::uuid[]);

-- name: products_newest
-- A page by age. The first page begins at the end of time. A null filter is no filter: the plan is made for the values
-- given (a LIMIT that is a parameter makes the general plan look dear), so the list without filters walks an index.
SELECT page.product_id, page.shop_id, shops.name AS shop_name, shops.badges, page.region_code, page.version, page.title,
       page.category, page.unit_price_minor, page.currency, page.weight_grams, page.photo, page.listed_at,
       stock.on_hand - stock.reserved AS available
  FROM (SELECT product_id, shop_id, region_code, version, title, category, unit_price_minor, currency, weight_grams,
               photos -> 0 ->> 'small' AS photo, listed_at
          FROM products
         WHERE state = 'listed'
           AND (:prefixes::text IS NULL
                OR document @@ (to_tsquery('simple', :prefixes) || plainto_tsquery('indonesian', :words::text)))
           AND (:category::text IS NULL OR category = :category)
           AND (:province::text IS NULL OR province_code = :province)
           AND (:region::text IS NULL OR region_code = :region)
           AND (:shop_id::uuid IS NULL OR shop_id = :shop_id)
           AND (:min_price::bigint IS NULL OR unit_price_minor >= :min_price)
           AND (:max_price::bigint IS NULL OR unit_price_minor <= :max_price)
           AND (:badge::text IS NULL
                OR shop_id IN (SELECT shops.shop_id FROM shops WHERE shows_badge(shops.badges, :badge)))
           AND (listed_at, product_id) < (:after_at::timestamptz, :after_id::uuid)
         ORDER BY listed_at DESC, product_id DESC
         LIMIT :limit) AS page
  JOIN shops USING (shop_id) JOIN stock USING (product_id)
 ORDER BY page.listed_at DESC, page.product_id DESC;

-- name: products_cheapest
-- A page by price, the cheapest first.
SELECT page.product_id, page.shop_id, shops.name AS shop_name, shops.badges, page.region_code, page.version, page.title,
       page.category, page.unit_price_minor, page.currency, page.weight_grams, page.photo, page.listed_at,
       stock.on_hand - stock.reserved AS available
  FROM (SELECT product_id, shop_id, region_code, version, title, category, unit_price_minor, currency, weight_grams,
               photos -> 0 ->> 'small' AS photo, listed_at
          FROM products
         WHERE state = 'listed'
           AND (:prefixes::text IS NULL
                OR document @@ (to_tsquery('simple', :prefixes) || plainto_tsquery('indonesian', :words::text)))
           AND (:category::text IS NULL OR category = :category)
           AND (:province::text IS NULL OR province_code = :province)
           AND (:region::text IS NULL OR region_code = :region)
           AND (:shop_id::uuid IS NULL OR shop_id = :shop_id)
           AND (:min_price::bigint IS NULL OR unit_price_minor >= :min_price)
           AND (:max_price::bigint IS NULL OR unit_price_minor <= :max_price)
           AND (:badge::text IS NULL
                OR shop_id IN (SELECT shops.shop_id FROM shops WHERE shows_badge(shops.badges, :badge)))
           AND (unit_price_minor, product_id) > (:after_price::bigint, :after_id::uuid)
         ORDER BY unit_price_minor, product_id
         LIMIT :limit) AS page
  JOIN shops USING (shop_id) JOIN stock USING (product_id)
 ORDER BY page.unit_price_minor, page.product_id;

-- name: products_dearest
-- A page by price, the dearest first: the same index backwards.
SELECT page.product_id, page.shop_id, shops.name AS shop_name, shops.badges, page.region_code, page.version, page.title,
       page.category, page.unit_price_minor, page.currency, page.weight_grams, page.photo, page.listed_at,
       stock.on_hand - stock.reserved AS available
  FROM (SELECT product_id, shop_id, region_code, version, title, category, unit_price_minor, currency, weight_grams,
               photos -> 0 ->> 'small' AS photo, listed_at
          FROM products
         WHERE state = 'listed'
           AND (:prefixes::text IS NULL
                OR document @@ (to_tsquery('simple', :prefixes) || plainto_tsquery('indonesian', :words::text)))
           AND (:category::text IS NULL OR category = :category)
           AND (:province::text IS NULL OR province_code = :province)
           AND (:region::text IS NULL OR region_code = :region)
           AND (:shop_id::uuid IS NULL OR shop_id = :shop_id)
           AND (:min_price::bigint IS NULL OR unit_price_minor >= :min_price)
           AND (:max_price::bigint IS NULL OR unit_price_minor <= :max_price)
           AND (:badge::text IS NULL
                OR shop_id IN (SELECT shops.shop_id FROM shops WHERE shows_badge(shops.badges, :badge)))
           AND (unit_price_minor, product_id) < (:after_price::bigint, :after_id::uuid)
         ORDER BY unit_price_minor DESC, product_id DESC
         LIMIT :limit) AS page
  JOIN shops USING (shop_id) JOIN stock USING (product_id)
 ORDER BY page.unit_price_minor DESC, page.product_id DESC;

-- name: facets
-- Counts over at most :sample matches, so that a list of a million costs no more than one of a thousand. A count is a
-- lower bound when the sample was full. Regions are provinces, or the regencies of the province asked for.
SELECT coalesce(category, region, band::text) AS value, count(*) AS count,
       CASE WHEN grouping(category) = 0 THEN 'category' WHEN grouping(region) = 0 THEN 'region'
            WHEN grouping(band) = 0 THEN 'band' ELSE 'total' END AS facet
  FROM (SELECT category, width_bucket(unit_price_minor, :bounds::bigint[]) AS band,
               CASE WHEN :province::text IS NULL AND :region::text IS NULL THEN province_code ELSE region_code END
                   AS region
          FROM products
         WHERE state = 'listed'
           AND (:prefixes::text IS NULL
                OR document @@ (to_tsquery('simple', :prefixes) || plainto_tsquery('indonesian', :words::text)))
           AND (:category::text IS NULL OR category = :category)
           AND (:province::text IS NULL OR province_code = :province)
           AND (:region::text IS NULL OR region_code = :region)
           AND (:shop_id::uuid IS NULL OR shop_id = :shop_id)
           AND (:min_price::bigint IS NULL OR unit_price_minor >= :min_price)
           AND (:max_price::bigint IS NULL OR unit_price_minor <= :max_price)
           AND (:badge::text IS NULL
                OR shop_id IN (SELECT shops.shop_id FROM shops WHERE shows_badge(shops.badges, :badge)))
         LIMIT :sample) AS sample
 GROUP BY GROUPING SETS ((category), (region), (band), ());

-- name: products_relevant
-- Search by words, page and facets in one statement. At most :sample matches are taken and put in order; the last row
-- says how many were exact, so that the caller knows when there may be more. They come level by level (searched_products),
-- so that a word of every tenth title costs no more than a rare one. Only when fewer than :enough have the very words (or
-- their stems) are those looked at that begin with them: an index reads all entries of a beginning, of a word only those
-- that it needs. Only when these are few, too, words are corrected by the vocabulary of all titles (several typos, words
-- run together, any title), and titles with corrected words stand by how much they resemble what was typed; among the
-- relevant, below every exact one.
WITH asked AS MATERIALIZED (
    SELECT whole, begun, whole || begun AS either
      FROM (SELECT plainto_tsquery('simple', :words::text) || plainto_tsquery('indonesian', :words) AS whole,
                   to_tsquery('simple', :prefixes) AS begun) AS queries
), fitting AS NOT MATERIALIZED (
    SELECT product_id, category, region_code, province_code, unit_price_minor, document, plain_title,
           CASE :by::text WHEN 'newest' THEN (1000000 * extract(epoch FROM listed_at))::bigint
                          WHEN 'price_asc' THEN -unit_price_minor
                          WHEN 'price_desc' THEN unit_price_minor END AS place  -- NULL: by relevance
      FROM searched_products
     WHERE (:category::text IS NULL OR category = :category)
       AND (:province::text IS NULL OR province_code = :province)
       AND (:region::text IS NULL OR region_code = :region)
       AND (:shop_id::uuid IS NULL OR shop_id = :shop_id)
       AND (:min_price::bigint IS NULL OR unit_price_minor >= :min_price)
       AND (:max_price::bigint IS NULL OR unit_price_minor <= :max_price)
       AND (:badge::text IS NULL
            OR shop_id IN (SELECT shops.shop_id FROM shops WHERE shows_badge(shops.badges, :badge)))
), whole AS MATERIALIZED (
    SELECT product_id, category, region_code, province_code, unit_price_minor,
           coalesce(place, 1000000 + (1000000 * ts_rank(document, (SELECT either FROM asked)))::bigint) AS score
      FROM fitting
     WHERE document @@ (SELECT whole FROM asked)
     LIMIT :sample
), begun AS MATERIALIZED (
    SELECT product_id, category, region_code, province_code, unit_price_minor,
           coalesce(place, 1000000 + (1000000 * ts_rank(document, (SELECT either FROM asked)))::bigint) AS score
      FROM fitting
     WHERE (SELECT count(*) FROM whole) < :enough
       AND document @@ (SELECT begun FROM asked)
       AND product_id NOT IN (SELECT product_id FROM whole)
     LIMIT :sample
), exact AS (
    SELECT * FROM whole UNION ALL SELECT * FROM begun
), corrected AS MATERIALIZED (
    SELECT to_tsquery('simple', string_agg('(' || near.alternatives || ')', ' & ')) AS query
      FROM regexp_split_to_table(:words::text, ' ') AS typed
     CROSS JOIN LATERAL (
           SELECT string_agg(quote_literal(word), ' | ') AS alternatives
             FROM (SELECT word FROM title_words WHERE word % typed
                    ORDER BY similarity(word, typed) DESC, word LIMIT 3) AS nearest) AS near
     WHERE (SELECT count(*) FROM exact) < :enough AND near.alternatives IS NOT NULL
), resembling AS MATERIALIZED (
    SELECT product_id, category, region_code, province_code, unit_price_minor,
           coalesce(place, least(999999, (1000000 * word_similarity(:words, plain_title))::bigint)) AS score
      FROM fitting
     WHERE (SELECT count(*) FROM exact) < :enough
       AND document @@ (SELECT query FROM corrected)
       AND product_id NOT IN (SELECT product_id FROM exact)
     LIMIT :sample
), matches AS MATERIALIZED (
    SELECT * FROM exact UNION ALL SELECT * FROM resembling
), page AS (
    SELECT product_id, score FROM matches
     WHERE (score, product_id) < (:after_score::bigint, :after_id::uuid)
     ORDER BY score DESC, product_id DESC
     LIMIT :limit
), counts AS (
    SELECT jsonb_agg(jsonb_build_array(facet, value, count)) AS facets
      FROM (SELECT coalesce(category, region, band::text) AS value, count(*) AS count,
                   CASE WHEN grouping(category) = 0 THEN 'category' WHEN grouping(region) = 0 THEN 'region'
                        WHEN grouping(band) = 0 THEN 'band' ELSE 'total' END AS facet
              FROM (SELECT category, width_bucket(unit_price_minor, :bounds::bigint[]) AS band,
                           CASE WHEN :province::text IS NULL AND :region::text IS NULL THEN province_code
                                ELSE region_code END AS region
                      FROM matches WHERE :with_facets::boolean) AS sample
             GROUP BY GROUPING SETS ((category), (region), (band), ())) AS grouped
)
SELECT products.product_id, products.shop_id, shops.name AS shop_name, shops.badges, products.region_code,
       products.version, products.title, products.category, products.unit_price_minor, products.currency, products.weight_grams,
       products.photos -> 0 ->> 'small' AS photo, products.listed_at, stock.on_hand - stock.reserved AS available,
       page.score, NULL::jsonb AS facets, NULL::bigint AS matched
  FROM page JOIN products USING (product_id) JOIN shops USING (shop_id) JOIN stock USING (product_id)
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, -9223372036854775808, facets,
       (SELECT count(*) FROM exact)
  FROM counts
 ORDER BY score DESC, product_id DESC;

-- name: lock_stock
-- In id order, the union of a batch at once, so that two baskets with the same products take turns.
SELECT product_id FROM stock WHERE product_id = ANY(:product_ids::uuid[]) ORDER BY product_id FOR NO KEY UPDATE;

-- name: shelves
-- Read under the locks: what a reservation decides by.
SELECT product_id, version, is_listed, on_hand, reserved FROM stock WHERE product_id = ANY(:product_ids::uuid[]);

-- name: holds
-- What orders have asked for so far. Their events come in order and never twice at once, so no lock is needed.
SELECT order_id, attempt, state, product_ids, quantities, restocked, reserved_at, changed_at
  FROM reservation_orders WHERE order_id = ANY(:order_ids::uuid[]);

-- name: products_held
-- What must be locked to settle these orders.
SELECT DISTINCT unnest(product_ids) AS product_id FROM reservation_orders WHERE order_id = ANY(:order_ids::uuid[]);

-- name: save_book
-- A whole batch by one statement. Arrays per order come as text, because unnest would flatten them.
WITH moved AS (
    UPDATE stock
       SET on_hand = stock.on_hand + move.on_hand, reserved = stock.reserved + move.reserved,
           sold = stock.sold + move.sold, returned = stock.returned + move.returned
      FROM unnest(:product_ids::uuid[], :on_hands::bigint[], :reserveds::bigint[], :solds::bigint[],
                  :returneds::bigint[]) AS move (product_id, on_hand, reserved, sold, returned)
     WHERE stock.product_id = move.product_id
)
INSERT INTO reservation_orders (order_id, attempt, state, product_ids, quantities, restocked, reserved_at, changed_at)
SELECT order_id, attempt, state::reservation_state, lines::uuid[], quantities::int[], restocked::int[], reserved_at,
       changed_at
  FROM unnest(:order_ids::uuid[], :attempts::int[], :states::text[], :lines::text[], :quantities::text[],
              :restocked::text[], :reserved_ats::timestamptz[], :changed_ats::timestamptz[])
       AS given (order_id, attempt, state, lines, quantities, restocked, reserved_at, changed_at)
ON CONFLICT (order_id) DO UPDATE
   SET attempt = excluded.attempt, state = excluded.state, product_ids = excluded.product_ids,
       quantities = excluded.quantities, restocked = excluded.restocked, reserved_at = excluded.reserved_at,
       changed_at = excluded.changed_at;

-- name: record_restocks
-- Which of these parcels and returns are new; each puts its goods back once.
INSERT INTO restocks (source_id, kind, order_id, product_ids, quantities, restocked_at)
SELECT source_id, :kind::restock_kind, order_id, products::uuid[], quantities::int[], restocked_at
  FROM unnest(:source_ids::uuid[], :order_ids::uuid[], :products::text[], :quantities::text[],
              :restocked_ats::timestamptz[]) AS given (source_id, order_id, products, quantities, restocked_at)
ON CONFLICT DO NOTHING
RETURNING source_id;

-- name: stale_reservations
-- Reservations that are old: their orders should have ended them. Oldest first.
SELECT order_id, attempt, reserved_at, product_ids, quantities
  FROM reservation_orders
 WHERE state = 'reserved' AND reserved_at < :before AND (reserved_at, order_id) > (:after_at::timestamptz, :after_id::uuid)
 ORDER BY reserved_at, order_id
 LIMIT :limit;

-- name: insert_import
-- Refused by the count when the shop has too many waiting already.
INSERT INTO imports (import_id, shop_id, account_id, filename, content, created_at)
SELECT :import_id, :shop_id, :account_id, :filename, :content, :now
 WHERE (SELECT count(*) FROM imports WHERE shop_id = :shop_id AND finished_at IS NULL) < :open_max;

-- name: import_for
-- An import is shown to those who work in its shop.
SELECT imports.import_id, imports.shop_id, imports.filename, imports.state, imports.reason, imports.total,
       imports.done, imports.failed, imports.unknown_columns, imports.created_at, imports.finished_at
  FROM imports JOIN shop_staff USING (shop_id)
 WHERE imports.import_id = :import_id AND shop_staff.account_id = :account_id;

-- name: import_faults
-- The rows that failed, in the order of the file.
SELECT row_number, faults FROM import_rows
 WHERE import_id = :import_id AND outcome = 'failed' AND row_number > :after
 ORDER BY row_number LIMIT :limit;

-- name: lease_import
-- One runner at a time has an import; when it dies the lease ends and another goes on after the last chunk.
UPDATE imports SET lease = :lease, leased_until = clock_timestamp() + make_interval(secs => :lease_seconds),
       state = 'running', attempts = attempts + 1
 WHERE import_id = (SELECT import_id FROM imports
                     WHERE finished_at IS NULL AND (leased_until IS NULL OR leased_until < statement_timestamp())
                     ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING import_id, shop_id, account_id, content, rows_read, attempts;

-- name: advance_import
-- Progress moves from where we believe it is, under our lease, or not at all: two runners cannot do one chunk twice.
UPDATE imports SET rows_read = rows_read + :done + :failed, done = done + :done, failed = failed + :failed,
       attempts = 0, total = :total, leased_until = clock_timestamp() + make_interval(secs => :lease_seconds)
 WHERE import_id = :import_id AND lease = :lease AND rows_read = :rows_read AND finished_at IS NULL
RETURNING import_id;

-- name: finish_import
-- The file is not kept when it is no longer needed.
UPDATE imports SET state = :state::import_state, reason = :reason, finished_at = clock_timestamp(), content = NULL,
       total = coalesce(:total, total), unknown_columns = :unknown_columns::text[], lease = NULL, leased_until = NULL
 WHERE import_id = :import_id AND lease = :lease AND finished_at IS NULL;

-- name: insert_import_rows
-- The row number is the key: no row of a file is recorded twice.
INSERT INTO import_rows (import_id, row_number, outcome, product_id, faults)
SELECT :import_id, row_number, outcome::row_outcome, product_id, faults::jsonb
  FROM unnest(:row_numbers::int[], :outcomes::text[], :product_ids::uuid[], :faults::text[])
       AS given (row_number, outcome, product_id, faults);

-- name: products_of_rows
-- What the rows of a file mean: by the seller's own reference, else by title among products without one. The
-- oldest comes last, and wins. Their shop is locked, so nobody changes them meanwhile.
SELECT products.product_id, products.shop_id, products.version, products.state, products.title, products.description,
       products.category, products.unit_price_minor, products.currency, products.weight_grams, products.payees,
       products.sku, products.counted, products.plain_title
  FROM products
 WHERE products.shop_id = :shop_id AND products.state = 'listed'
   AND (products.sku = ANY(:skus::text[])
        OR (products.sku IS NULL
            AND products.plain_title IN (SELECT search_title(title) FROM unnest(:titles::text[]) AS title)))
 ORDER BY products.listed_at DESC, products.product_id;

-- name: plain_titles
-- Titles as they are compared.
SELECT search_title(title) AS plain_title FROM unnest(:titles::text[]) WITH ORDINALITY AS given (title, place) ORDER BY place;

-- name: revise_products
-- Many new versions at once, under the shop's lock; stock rows in id order were locked before.
WITH saved AS (
    UPDATE products
       SET version = given.version, title = given.title, description = given.description, category = given.category,
           unit_price_minor = given.price, weight_grams = given.weight, counted = coalesce(given.counted, products.counted),
           changed_at = :now
      FROM unnest(:product_ids::uuid[], :versions::int[], :titles::text[], :descriptions::text[], :categories::text[],
                  :prices::bigint[], :weights::int[], :counted::int[])
           AS given (product_id, version, title, description, category, price, weight, counted)
     WHERE products.product_id = given.product_id
    RETURNING products.product_id, products.version
)
UPDATE stock SET version = saved.version FROM saved WHERE stock.product_id = saved.product_id;

-- name: recount_stock
-- A new count of what is on the shelf; the constraint refuses less than is reserved, which is checked before.
UPDATE stock SET received = received + given.on_hand - stock.on_hand, on_hand = given.on_hand
  FROM unnest(:product_ids::uuid[], :on_hands::bigint[]) AS given (product_id, on_hand)
 WHERE stock.product_id = given.product_id;
