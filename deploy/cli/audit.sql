-- Checks between services. A check is a pair: `check/service/expects` lists what must be so (key, value, what), and
-- `check/service/confirms` says of the given keys what is so (key, value). What is not confirmed twice is a violation.

-- name: reservations_have_a_live_order/catalog/expects
-- I1: no stock is set aside for an order that has ended or never was.
SELECT order_id::text AS key, 'live' AS value, 'stock is set aside since ' || reserved_at || ' for an order that has ended' AS what
  FROM reservation_orders
 WHERE state = 'reserved';

-- name: reservations_have_a_live_order/orders/confirms
-- Orders that may still hold stock.
SELECT order_id::text AS key, 'live' AS value
  FROM orders
 WHERE order_id = ANY(:keys::text[]::uuid[]) AND status IN ('placed', 'reserved', 'reclaiming', 'confirmed');

-- name: reserved_orders_have_their_stock/orders/expects
-- I2: an order that waits for its money has stock set aside, by the attempt that it asked with.
SELECT order_id::text AS key, attempt::text AS value, 'is reserved by attempt ' || attempt || ', catalog does not say so' AS what
  FROM orders
 WHERE status = 'reserved';

-- name: reserved_orders_have_their_stock/catalog/confirms
-- What is set aside, by which attempt.
SELECT order_id::text AS key, attempt::text AS value
  FROM reservation_orders
 WHERE order_id = ANY(:keys::text[]::uuid[]) AND state = 'reserved';

-- name: confirmed_orders_took_their_stock/orders/expects
-- I2: a confirmed order's stock has left for good, line by line.
SELECT o.order_id::text AS key,
       string_agg(l.product_id || '=' || l.quantity, ',' ORDER BY l.product_id) AS value,
       'is ' || o.status || ', but its stock was not committed as ordered' AS what
  FROM orders AS o
  JOIN order_lines AS l USING (order_id)
 WHERE o.confirmed_at >= :since
 GROUP BY o.order_id;

-- name: confirmed_orders_took_their_stock/catalog/confirms
-- What has left, line by line.
SELECT order_id::text AS key, string_agg(product_id || '=' || quantity, ',' ORDER BY product_id) AS value
  FROM reservations
 WHERE order_id = ANY(:keys::text[]::uuid[]) AND state = 'committed'
 GROUP BY order_id;

-- name: cancelled_parcels_are_back_in_stock/orders/expects
-- I1: a parcel that was cancelled after its order was confirmed put its goods back, once.
SELECT p.parcel_id::text AS key, 'parcel' AS value, 'was cancelled and its goods are not back in stock' AS what
  FROM parcels AS p
  JOIN orders AS o USING (order_id)
 WHERE p.status = 'cancelled' AND o.confirmed_at >= :since AND p.ended_at >= o.confirmed_at;

-- name: cancelled_parcels_are_back_in_stock/catalog/confirms
-- Parcels whose goods are back.
SELECT source_id::text AS key, kind::text AS value
  FROM restocks
 WHERE source_id = ANY(:keys::text[]::uuid[]) AND kind = 'parcel';

-- name: returns_are_back_in_stock/orders/expects
-- I1: a return that the shop has received put its goods back, line by line.
SELECT return_id::text AS key, string_agg(product_id || '=' || quantity, ',' ORDER BY product_id) AS value,
       'was received and its goods are not back in stock' AS what
  FROM returned_lines
 WHERE received_at >= :since
 GROUP BY return_id;

-- name: returns_are_back_in_stock/catalog/confirms
-- Returns whose goods are back.
SELECT r.source_id::text AS key, string_agg(l.product_id || '=' || l.quantity, ',' ORDER BY l.product_id) AS value
  FROM restocks AS r, unnest(r.product_ids, r.quantities) AS l (product_id, quantity)
 WHERE r.source_id = ANY(:keys::text[]::uuid[]) AND r.kind = 'return'
 GROUP BY r.source_id;

-- name: products_are_known_to_orders/catalog/expects
-- I8: every listed product can be bought, as it is now.
SELECT product_id::text AS key,
       concat_ws('|', shop_id, version, unit_price_minor, currency, weight_grams, category, title) AS value,
       'is listed as version ' || version || ' at ' || unit_price_minor || ', orders'' copy differs' AS what
  FROM products
 WHERE state = 'listed';

-- name: products_are_known_to_orders/orders/confirms
-- Orders' copy.
SELECT product_id::text AS key,
       concat_ws('|', shop_id, version, unit_price_minor, currency, weight_grams, category, title) AS value
  FROM offers
 WHERE product_id = ANY(:keys::text[]::uuid[]) AND is_listed;

-- name: offers_are_real/orders/expects
-- I8: what can be bought is listed, as it is now.
SELECT product_id::text AS key,
       concat_ws('|', shop_id, version, unit_price_minor, currency, weight_grams, category, title) AS value,
       'is on offer as version ' || version || ' at ' || unit_price_minor || ', catalog says otherwise' AS what
  FROM offers
 WHERE is_listed;

-- name: offers_are_real/catalog/confirms
-- The products themselves.
SELECT product_id::text AS key,
       concat_ws('|', shop_id, version, unit_price_minor, currency, weight_grams, category, title) AS value
  FROM products
 WHERE product_id = ANY(:keys::text[]::uuid[]) AND state = 'listed';

-- name: shops_are_known_to_orders/catalog/expects
-- I8: orders knows every shop, where it is and who works there.
SELECT s.shop_id::text AS key,
       concat_ws('|', s.region_code, s.cooperative_id,
                 (SELECT string_agg(w.account_id || ':' || w.role, ',' ORDER BY w.account_id)
                    FROM shop_staff AS w WHERE w.shop_id = s.shop_id)) AS value,
       'orders'' copy of the shop or of its staff differs' AS what
  FROM shops AS s;

-- name: shops_are_known_to_orders/orders/confirms
-- Orders' copy.
SELECT s.shop_id::text AS key,
       concat_ws('|', s.region_code, s.cooperative_id,
                 (SELECT string_agg(w.account_id || ':' || w.role, ',' ORDER BY w.account_id)
                    FROM shop_staff AS w WHERE w.shop_id = s.shop_id)) AS value
  FROM shops AS s
 WHERE s.shop_id = ANY(:keys::text[]::uuid[]);

-- name: forgotten_people_are_known_to_orders/identity/expects
-- Who asked to be forgotten is forgotten by orders.
SELECT id::text AS key, 'erased' AS value, 'was erased and orders does not know' AS what
  FROM accounts
 WHERE erased_at IS NOT NULL;

-- name: forgotten_people_are_known_to_orders/orders/confirms
-- Who is forgotten here.
SELECT account_id::text AS key, 'erased' AS value FROM erased_accounts WHERE account_id = ANY(:keys::text[]::uuid[]);

-- name: savings_clearing_is_mirrored/cooperatives/expects
-- I11: what a cooperative owes the market for orders paid from savings is what orders has to get from it.
SELECT b.cooperative_id::text AS key, a.balance_minor::text AS value,
       'owes the market ' || a.balance_minor || ', orders has another claim' AS what
  FROM books AS b
  JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
 WHERE b.code = '2301' AND a.balance_minor <> 0;

-- name: savings_clearing_is_mirrored/orders/confirms
-- The claims of the market against these cooperatives.
SELECT k.key, a.balance_minor::text AS value
  FROM unnest(:keys::text[]) AS k (key)
  JOIN ledger_accounts AS a ON a.code = 'clearing:savings:' || k.key;

-- name: savings_claims_are_owed/orders/expects
-- I11, from the other side: no claim against a cooperative that owes nothing.
SELECT substr(code, 18) AS key, balance_minor::text AS value,
       'orders claims ' || balance_minor || ' from the cooperative, which owes something else' AS what
  FROM ledger_accounts
 WHERE code LIKE 'clearing:savings:%' AND balance_minor <> 0;

-- name: savings_claims_are_owed/cooperatives/confirms
-- What these cooperatives owe the market.
SELECT b.cooperative_id::text AS key, a.balance_minor::text AS value
  FROM books AS b
  JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
 WHERE b.code = '2301' AND b.cooperative_id::text = ANY(:keys::text[]);

-- name: instalments_are_known_to_financing/orders/expects
-- I11: what orders withheld for a loan, how much of it counts, what went back and whether the lender has it, is what
-- financing knows; so their clearing accounts mirror each other.
SELECT instalment_id::text AS key,
       amount_minor || ' withheld, ' || accepted_minor || ' accepted, ' || refused_minor || ' refused, '
       || CASE WHEN passed_on_at IS NULL THEN 'with us' ELSE 'passed on' END AS value,
       'orders says ' || amount_minor || ' withheld, ' || accepted_minor || ' accepted, ' || refused_minor
       || ' refused, ' || CASE WHEN passed_on_at IS NULL THEN 'with us' ELSE 'passed on' END
       || '; financing says otherwise' AS what
  FROM instalments;

-- name: instalments_are_known_to_financing/financing/confirms
-- The same instalments as financing answered them.
SELECT instalment_id::text AS key,
       amount_minor || ' withheld, ' || accepted_minor || ' accepted, ' || refused_minor || ' refused, '
       || CASE WHEN passed_on_at IS NULL THEN 'with us' ELSE 'passed on' END AS value
  FROM instalments
 WHERE instalment_id = ANY(:keys::text[]::uuid[]);

-- name: instalments_were_withheld/financing/expects
-- I11, from the other side: financing counts no instalment that orders did not withhold.
SELECT instalment_id::text AS key, amount_minor::text AS value,
       'financing counts ' || amount_minor || ', orders withheld something else' AS what
  FROM instalments;

-- name: instalments_were_withheld/orders/confirms
-- What orders withheld of these.
SELECT instalment_id::text AS key, amount_minor::text AS value
  FROM instalments
 WHERE instalment_id = ANY(:keys::text[]::uuid[]);

-- name: shops_are_known_to_programmes/catalog/expects
-- I8: programmes knows every shop, where it is and whose it is.
SELECT shop_id::text AS key, concat_ws('|', region_code, owner_id) AS value, 'programmes'' copy of the shop differs' AS what
  FROM shops;

-- name: shops_are_known_to_programmes/programmes/confirms
-- Programmes' copy.
SELECT shop_id::text AS key, concat_ws('|', region_code, owner_id) AS value
  FROM shops
 WHERE shop_id = ANY(:keys::text[]::uuid[]);

-- name: completed_parcels_are_counted/orders/expects
-- I10: the figures of a region and month count every completed parcel and its goods, made again from the parcels.
SELECT date_trunc('month', completed_at AT TIME ZONE 'Asia/Jakarta')::date || '/' || region_code AS key,
       count(*) || ' parcels, ' || sum(goods_minor) || ' of ' || count(DISTINCT shop_id) || ' shops' AS value,
       'orders has ' || count(*) || ' completed parcels, ' || sum(goods_minor) || ' of ' || count(DISTINCT shop_id)
       || ' shops; programmes counts otherwise' AS what
  FROM parcels
 WHERE completed_at IS NOT NULL
 GROUP BY date_trunc('month', completed_at AT TIME ZONE 'Asia/Jakarta')::date, region_code;

-- name: completed_parcels_are_counted/programmes/confirms
-- The true counters of these months and regions.
SELECT k.key, parcels.value || ' parcels, ' || goods.value || ' of ' || selling.value || ' shops' AS value
  FROM unnest(:keys::text[]) AS k (key)
 CROSS JOIN LATERAL (SELECT split_part(k.key, '/', 1)::date AS period, split_part(k.key, '/', 2) AS region_code) AS cell
  JOIN cells AS parcels ON (parcels.indicator, parcels.period, parcels.region_code)
                         = ('paket-selesai', cell.period, cell.region_code)
  JOIN cells AS goods ON (goods.indicator, goods.period, goods.region_code)
                       = ('nilai-penjualan', cell.period, cell.region_code)
  JOIN cells AS selling ON (selling.indicator, selling.period, selling.region_code)
                         = ('toko-berjualan', cell.period, cell.region_code);

-- name: certificates_are_known_to_catalog/programmes/expects
-- I8: catalog knows every certificate of people who are still here: whose, of which scheme, and whether it was revoked.
SELECT certificates.certificate_id::text AS key,
       concat_ws('|', certificates.person_id, scheme, extract(epoch FROM expires_at), revoked_at IS NOT NULL) AS value,
       'catalog''s copy of the certificate differs' AS what
  FROM certificates JOIN enrolments USING (enrolment_id)
 WHERE enrolments.name IS NOT NULL;

-- name: certificates_are_known_to_catalog/catalog/confirms
-- Catalog's copy.
SELECT certificate_id::text AS key,
       concat_ws('|', person_id, scheme, extract(epoch FROM expires_at), revoked_at IS NOT NULL) AS value
  FROM person_certificates
 WHERE certificate_id = ANY(:keys::text[]::uuid[]);
