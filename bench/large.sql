-- A large market, made at once, as the superuser and without triggers: rows as the services leave them.

-- name: without_triggers
-- Only for making the data; what is measured runs with all of them, as the services' own roles.
SET session_replication_role = replica;

-- name: without_waiting
-- What is made can be made again, so nobody waits for the disk; sorts for the indexes have room.
SELECT set_config('synchronous_commit', 'off', false), set_config('maintenance_work_mem', '512MB', false),
       set_config('statement_timeout', '0', false), set_config('work_mem', '64MB', false);

-- name: droppable_indexes
-- Indexes that belong to no constraint, to be made again when the rows are there.
SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS definition
  FROM pg_index AS i
  JOIN pg_class AS c ON c.oid = i.indexrelid
 WHERE i.indrelid = ANY(:tables::text[]::regclass[])
   AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)
 ORDER BY pg_relation_size(i.indrelid), c.relname;

-- name: make_shops
-- Each with an owner; opened over two years.
WITH made AS (
    INSERT INTO shops (shop_id, owner_id, name, region_code, sequence, opened_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 'Toko ' || n, (:regions::text[])[1 + n % cardinality(:regions::text[])], 2,
           now() - interval '2 years'
      FROM generate_series(1, :shops::integer) AS n
    RETURNING shop_id, owner_id
)
INSERT INTO shop_staff (shop_id, account_id, role) SELECT shop_id, owner_id, 'owner' FROM made;

-- name: make_products
-- Products number `first` to `last`, in turn over all shops. Words fall off as they do in a language: the first of a list
-- is in one title of fourteen. One in four carries a number that no other has.
WITH numbered AS MATERIALIZED (
    SELECT shop_id, region_code, row_number() OVER (ORDER BY shop_id) - 1 AS place FROM shops
), words AS MATERIALIZED (
    SELECT n, (:nouns::text[])[1 + floor(cardinality(:nouns::text[]) * power(random(), 2))::integer] AS noun,
           (:nouns::text[])[1 + floor(cardinality(:nouns::text[]) * random())::integer] AS second,
           (:traits::text[])[1 + floor(cardinality(:traits::text[]) * power(random(), 2))::integer] AS trait,
           (:names::text[])[1 + floor(cardinality(:names::text[]) * power(random(), 2))::integer] AS name,
           (:names::text[])[1 + floor(cardinality(:names::text[]) * power(random(), 2))::integer] AS place_name,
           (:categories::text[])[1 + floor(cardinality(:categories::text[]) * random())::integer] AS category,
           1000 * (5 + floor(195 * random()))::bigint AS price,
           CASE WHEN random() < 0.25 THEN ' ' || n ELSE '' END AS number,
           now() - interval '730 days' * (1 - n::double precision / :total::double precision) AS listed_at
      FROM generate_series(:first::integer, :last::integer) AS n
), made AS (
    INSERT INTO products (product_id, shop_id, title, description, category, unit_price_minor, currency, weight_grams,
                          payees, region_code, listed_at, changed_at)
    SELECT uuidv7(listed_at - now()), shop_id, noun || ' ' || second || ' ' || trait || ' ' || name || number,
           noun || ' ' || trait || ' dari ' || place_name || ', dibuat sendiri oleh ' || name
           || ' dengan bahan pilihan tanpa pengawet, cocok untuk oleh-oleh keluarga',
           category, price, 'IDR', 250, jsonb_build_array(jsonb_build_object('party_id', shop_id, 'share_basis_points', 10000)),
           region_code, listed_at, listed_at
      FROM words
      JOIN numbered ON numbered.place = words.n % :shops::integer
    RETURNING product_id
)
INSERT INTO stock (product_id, version, on_hand, received) SELECT product_id, 1, 1000000, 1000000 FROM made;

-- name: make_vocabulary
-- The words of all titles, as the service remembers them.
INSERT INTO title_words (word) SELECT DISTINCT word FROM unnest(:words::text[]) AS word WHERE word ~ '^[a-z]{3,30}$';

-- name: make_sellers
-- Shops as orders knows them, all led by one account (its token reads every dashboard), with four offers each. Ids follow
-- from numbers, so that a small and a large market sell the same.
WITH made AS (
    INSERT INTO shops (shop_id, region_code, opened_sequence, staff_sequence)
    SELECT md5('shop ' || n)::uuid, (:regions::text[])[1 + n % cardinality(:regions::text[])], 1, 2
      FROM generate_series(0, :shops::integer - 1) AS n
    RETURNING shop_id
), staffed AS (
    INSERT INTO shop_staff (account_id, shop_id, role) SELECT :owner_id, shop_id, 'owner' FROM made
), selling AS (
    INSERT INTO offers (product_id, shop_id, version, details_version, price_version, title, category, unit_price_minor, currency,
                        weight_grams, payees)
    SELECT md5('offer ' || n)::uuid, md5('shop ' || n / 4)::uuid, 1, 1, 1, 'Keripik pisang asli nomor ' || n, 'makanan-ringan',
           1000 * (5 + n % 195), 'IDR', 250,
           jsonb_build_array(jsonb_build_object('party_id', md5('shop ' || n / 4)::uuid, 'share_basis_points', 10000))
      FROM generate_series(0, 4 * :shops::integer - 1) AS n
    RETURNING product_id
)
SELECT product_id FROM selling;

-- name: make_past_day
-- The partition of the event log for a day that is over.
SELECT outbox_make_day(:day::date);

-- name: make_past_days
-- A function of this database alone: tables cannot be made by a query with parameters.
CREATE FUNCTION outbox_make_day(day date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF outbox FOR VALUES FROM (%L) TO (%L)',
                   'outbox_' || to_char(day, 'YYYYMMDD'), day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
END $$;

-- name: make_orders
-- Orders number `first` to `last` of `total`, over two years up to an hour ago, the last `open` of them waiting to be sent.
-- One in ten has two parcels, every second a second line; two in five are paid at the door; one in twenty was cancelled
-- unpaid; one in fifty of the completed was refunded in part. Charges, calls, the ledger and the inbox are left out: nothing
-- that is measured here reads or writes them.
WITH numbered AS MATERIALIZED (
    SELECT n, now() - interval '1 hour' - interval '730 days' * (1 - n::double precision / :total) AS placed_at,
           md5('buyer ' || (n * 7919::bigint) % :buyers)::uuid AS buyer_id,
           CASE WHEN n > :total::integer - :open::integer THEN 'confirmed' WHEN n % 20 = 7 THEN 'cancelled' ELSE 'completed' END
               AS status,
           CASE WHEN n % 5 IN (0, 1) THEN 'cod' ELSE 'qris' END AS method
      FROM generate_series(:first::integer, :last::integer) AS n
), headed AS MATERIALIZED (
    SELECT *, uuidv7(placed_at - now()) AS order_id FROM numbered
), sent AS MATERIALIZED (
    SELECT h.*, k, uuidv7(h.placed_at - now()) AS parcel_id, ((h.n * 104729::bigint + k * 31) % :shops)::integer AS shop
      FROM headed AS h
      JOIN LATERAL generate_series(1, CASE h.n % 10 WHEN 3 THEN 2 ELSE 1 END) AS k ON true
), lined AS MATERIALIZED (
    SELECT s.*, j, (s.shop * 4 + (s.n + j) % 4)::integer AS offer, 1000 * (5 + (s.shop * 4 + (s.n + j) % 4) % 195)::bigint AS price
      FROM sent AS s
      JOIN LATERAL generate_series(1, 1 + s.n % 2) AS j ON true
), packed AS MATERIALIZED (
    SELECT n, order_id, parcel_id, shop, status, method, placed_at, sum(price)::bigint AS goods_minor, 12000::bigint AS shipping_minor
      FROM lined
     GROUP BY n, order_id, parcel_id, shop, status, method, placed_at
), totals AS MATERIALIZED (
    SELECT order_id, sum(goods_minor + shipping_minor)::bigint AS total_minor FROM packed GROUP BY order_id
), written AS (
    INSERT INTO orders (order_id, buyer_id, status, payment_method, total_minor, received_minor, currency, placed_at,
                        reserved_at, confirmed_at, paid_at, cancelled_at, completed_at, cancel_reason)
    SELECT h.order_id, h.buyer_id, h.status::order_status, h.method::payment_method, t.total_minor,
           CASE WHEN h.status = 'completed' OR h.status = 'confirmed' AND h.method = 'qris' THEN t.total_minor ELSE 0 END, 'IDR',
           h.placed_at, CASE WHEN h.method = 'qris' THEN h.placed_at + interval '1 second' END,
           CASE WHEN h.status <> 'cancelled' THEN h.placed_at + interval '5 minutes' END,
           CASE WHEN h.status = 'completed' OR h.status = 'confirmed' AND h.method = 'qris' THEN h.placed_at + interval '5 minutes' END,
           CASE WHEN h.status = 'cancelled' THEN h.placed_at + interval '30 minutes' END,
           CASE WHEN h.status = 'completed' THEN h.placed_at + interval '6 days' END,
           CASE WHEN h.status = 'cancelled' THEN 'unpaid'::cancel_reason END
      FROM headed AS h
      JOIN totals AS t USING (order_id)
), addressed AS (
    INSERT INTO addresses (order_id, name, phone, address, region_code)
    SELECT order_id, 'Pembeli ' || n, '+62812' || 10000000 + n, 'Jalan Melati ' || n % 300 || ', Kelurahan Sukamaju', '36.73'
      FROM headed
), parcelled AS (
    INSERT INTO parcels (parcel_id, order_id, shop_id, region_code, goods_minor, shipping_minor, status, carrier, tracking,
                         collected_minor, shipped_at, delivered_at, completed_at, completed_by, ended_at)
    SELECT parcel_id, order_id, md5('shop ' || shop)::uuid, '18.71', goods_minor, shipping_minor,
           CASE status WHEN 'confirmed' THEN 'pending' ELSE status END::parcel_status,
           CASE status WHEN 'completed' THEN 'JNE' END, CASE status WHEN 'completed' THEN 'JNE' || n END,
           CASE WHEN status = 'completed' AND method = 'cod' THEN goods_minor + shipping_minor ELSE 0 END,
           CASE status WHEN 'completed' THEN placed_at + interval '1 day' END,
           CASE status WHEN 'completed' THEN placed_at + interval '3 days' END,
           CASE status WHEN 'completed' THEN placed_at + interval '6 days' END, CASE status WHEN 'completed' THEN 'clock' END,
           CASE status WHEN 'completed' THEN placed_at + interval '6 days' WHEN 'cancelled' THEN placed_at + interval '30 minutes' END
      FROM packed
), bought AS (
    INSERT INTO order_lines (order_id, product_id, parcel_id, version, quantity, unit_price_minor, title, category, payees)
    SELECT order_id, md5('offer ' || offer)::uuid, parcel_id, 1, 1, price, 'Keripik pisang asli nomor ' || offer, 'makanan-ringan',
           jsonb_build_array(jsonb_build_object('party_id', md5('shop ' || shop)::uuid, 'share_basis_points', 10000))
      FROM lined
), received AS (
    INSERT INTO receipts (provider, provider_reference, order_id, amount_minor, verdict, received_at, is_booked)
    SELECT method, parcel_id::text, order_id, goods_minor + shipping_minor, 'accepted', placed_at + interval '3 days', true
      FROM packed WHERE status = 'completed' OR status = 'confirmed' AND method = 'qris'
), settled AS (
    INSERT INTO settlements (parcel_id, order_id, shop_id, event_id, goods_minor, shipping_minor, commission_minor, tax_minor,
                             is_cash, settled_at)
    SELECT parcel_id, order_id, md5('shop ' || shop)::uuid, gen_random_uuid(), goods_minor, shipping_minor, goods_minor / 100, 0,
           method = 'cod', placed_at + interval '6 days'
      FROM packed WHERE status = 'completed'
), parted AS (
    INSERT INTO settlement_parts (parcel_id, number, product_id, party_id, kind, amount_minor, returned_minor)
    SELECT l.parcel_id, (2 * l.j + x.at)::smallint, md5('offer ' || l.offer)::uuid, md5('shop ' || l.shop)::uuid, x.kind, x.amount_minor,
           CASE WHEN l.n % 50 = 11 AND l.j = 1 AND x.kind = 'net' THEN 1000 ELSE 0 END
      FROM lined AS l
     CROSS JOIN LATERAL (VALUES (0, 'net', l.price - l.price / 100), (1, 'commission', l.price / 100)) AS x (at, kind, amount_minor)
     WHERE l.status = 'completed' AND x.amount_minor > 0
    UNION ALL
    SELECT parcel_id, 1, NULL, md5('shop ' || shop)::uuid, 'net', shipping_minor, 0 FROM packed WHERE status = 'completed'
), returned AS (
    INSERT INTO refunds (refund_id, order_id, parcel_id, shop_id, provider, provider_reference, amount_minor, reason, status,
                         requested_at, made_at, is_booked)
    SELECT parcel_id, order_id, parcel_id, md5('shop ' || shop)::uuid, method, parcel_id::text, 1000, 'goodwill', 'made',
           placed_at + interval '7 days', placed_at + interval '7 days', true
      FROM packed WHERE status = 'completed' AND n % 50 = 11
), returned_parts AS (
    INSERT INTO refund_parts (refund_id, parcel_id, product_id, quantity, amount_minor, is_of_settled)
    SELECT parcel_id, parcel_id, md5('offer ' || offer)::uuid, 0, 1000, true
      FROM lined WHERE status = 'completed' AND n % 50 = 11 AND j = 1
), remembered AS (
    INSERT INTO idempotency_keys (principal_id, route, key, fingerprint, status, body, created_at)
    SELECT buyer_id, 'POST /v1/orders', order_id::text, decode(md5(order_id::text), 'hex'), 201,
           convert_to('{"order_id":"' || order_id || '","status":"placed"}', 'UTF8'), placed_at
      FROM headed WHERE placed_at > now() - make_interval(days => :keys_days::integer)
)
INSERT INTO outbox (topic, id, xid, event_id, type, record_key, ordering_key, occurred_at, data, written_at)
SELECT 'lumbung.orders', h.n::bigint * 8 + e.at, '3'::xid8, gen_random_uuid(), 'orders.' || e.fact || '.v1', h.order_id::text,
       h.order_id::text, h.placed_at + e.after, json_build_object('order_id', h.order_id, 'buyer_id', h.buyer_id, 'total_minor',
       t.total_minor, 'currency', 'IDR', 'at', h.placed_at, 'filling', repeat('x', e.filling)), h.placed_at + e.after
  FROM headed AS h
  JOIN totals AS t USING (order_id)
 CROSS JOIN LATERAL (VALUES (0, 'order_placed', interval '0', 700), (1, 'order_confirmed', interval '5 minutes', 300),
                            (2, 'order_paid', interval '5 minutes', 50), (3, 'parcel_shipped', interval '1 day', 200),
                            (4, 'parcel_delivered', interval '3 days', 200), (5, 'parcel_completed', interval '6 days', 400))
            AS e (at, fact, after, filling)
 WHERE h.placed_at > now() - make_interval(days => :outbox_days::integer) AND h.placed_at + e.after < now();

-- name: event_log_ends
-- New events come after those that were made, and the relay has sent all of them.
WITH last AS (SELECT coalesce(max(id), 0) AS id FROM outbox WHERE topic = 'lumbung.orders')
UPDATE outbox_cursor SET last_id = last.id
  FROM last, LATERAL setval('"outbox_id_lumbung.orders"', greatest(last.id, 1)) AS done
 WHERE topic = 'lumbung.orders';

-- name: add_up_the_past
-- As the service's clock leaves it.
INSERT INTO shop_figures (shop_id, order_status, status, parcels, settled_minor, commission_minor, tax_minor, taken_back_minor,
                          is_sum)
SELECT shop_id, order_status, status, parcels, settled_minor, commission_minor, tax_minor, taken_back_minor, true
  FROM shop_figures_anew;

-- name: counted
-- What there is.
SELECT (SELECT count(*) FROM orders) AS orders, (SELECT count(*) FROM parcels) AS parcels,
       (SELECT count(*) FROM order_lines) AS lines, (SELECT count(*) FROM settlement_parts) AS settlement_parts,
       (SELECT count(*) FROM outbox) AS events, pg_database_size(current_database()) AS bytes;

-- name: events_so_far
-- How many events were given an id: one for each order that was accepted.
SELECT last_value FROM "outbox_id_lumbung.orders";

-- name: some_titles
-- What people search for: words of titles, of every thousandth product or so.
SELECT title FROM products WHERE uuid_hash(product_id) & 1023 = 7 LIMIT 1000;

-- name: forget_what_vacuum_owes
-- Workers under way end, and none begins for rows that were made before now.
SELECT pg_stat_reset()::text
UNION ALL
SELECT pg_cancel_backend(pid)::text
  FROM pg_stat_activity
 WHERE backend_type = 'autovacuum worker' AND datname = current_database();
