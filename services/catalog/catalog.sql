-- Shops, products and stock (lists are in search.sql, imports in imports.sql). Rows are locked in one order: shop,
-- product, stock, then words of titles.

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
