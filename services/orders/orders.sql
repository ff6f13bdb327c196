-- The queries of orders, their parcels and payments; what only reads is in reading.sql, their money in books.sql.
-- Lock order: orders (ids sorted), then parcels, then charges, receipts and refunds.

-- name: open_shops
-- What shop_opened tells; the first fact wins, a repeat changes nothing.
INSERT INTO shops AS s (shop_id, region_code, cooperative_id, opened_sequence)
SELECT * FROM unnest(:shop_ids::uuid[], :region_codes::text[], :cooperative_ids::uuid[], :sequences::bigint[])
 ORDER BY 1
    ON CONFLICT (shop_id) DO UPDATE
   SET region_code = excluded.region_code, cooperative_id = excluded.cooperative_id,
       opened_sequence = excluded.opened_sequence
 WHERE s.opened_sequence < excluded.opened_sequence;

-- name: add_owners
-- Until the first staff list comes, the owner is the staff.
INSERT INTO shop_staff (account_id, shop_id, role)
SELECT o.account_id, o.shop_id, 'owner'
  FROM unnest(:account_ids::uuid[], :shop_ids::uuid[]) AS o (account_id, shop_id)
  JOIN shops AS s ON s.shop_id = o.shop_id AND s.staff_sequence = 0
    ON CONFLICT DO NOTHING;

-- name: claim_staff_lists
-- Only a newer staff list replaces the one we have; the rows stay locked until it is written.
INSERT INTO shops AS s (shop_id, staff_sequence)
SELECT * FROM unnest(:shop_ids::uuid[], :sequences::bigint[])
 ORDER BY 1
    ON CONFLICT (shop_id) DO UPDATE SET staff_sequence = excluded.staff_sequence
 WHERE s.staff_sequence < excluded.staff_sequence
RETURNING shop_id;

-- name: clear_staff
-- The whole staff is replaced.
DELETE FROM shop_staff WHERE shop_id = ANY(:shop_ids::uuid[]);

-- name: add_staff
-- The staff as it is from now on.
INSERT INTO shop_staff (account_id, shop_id, role)
SELECT * FROM unnest(:account_ids::uuid[], :shop_ids::uuid[], :roles::text[])
    ON CONFLICT (account_id, shop_id) DO UPDATE SET role = excluded.role;

-- name: upsert_products
-- Details and price each keep the highest version seen, so that facts may come in any order, and twice.
INSERT INTO offers AS o (product_id, shop_id, version, details_version, price_version, title, category,
                         unit_price_minor, currency, weight_grams, payees)
SELECT product_id, shop_id, version, version, version, title, category, unit_price_minor, currency, weight_grams,
       payees::jsonb
  FROM unnest(:product_ids::uuid[], :shop_ids::uuid[], :versions::integer[], :titles::text[], :categories::text[],
              :unit_prices_minor::bigint[], :currencies::text[], :weights_grams::integer[], :payees::text[])
       AS f (product_id, shop_id, version, title, category, unit_price_minor, currency, weight_grams, payees)
 ORDER BY product_id
    ON CONFLICT (product_id) DO UPDATE
   SET version = greatest(o.version, excluded.version),
       details_version = excluded.details_version,
       title = excluded.title,
       category = excluded.category,
       weight_grams = excluded.weight_grams,
       payees = excluded.payees,
       price_version = greatest(o.price_version, excluded.price_version),
       unit_price_minor = CASE WHEN excluded.price_version > o.price_version
                               THEN excluded.unit_price_minor ELSE o.unit_price_minor END,
       currency = CASE WHEN excluded.price_version > o.price_version THEN excluded.currency ELSE o.currency END
 WHERE excluded.details_version > o.details_version;

-- name: upsert_prices
-- A price that comes before its product makes an unlisted row that waits for the rest.
INSERT INTO offers AS o (product_id, shop_id, version, price_version, unit_price_minor, currency)
SELECT product_id, shop_id, version, version, unit_price_minor, currency
  FROM unnest(:product_ids::uuid[], :shop_ids::uuid[], :versions::integer[], :unit_prices_minor::bigint[],
              :currencies::text[]) AS f (product_id, shop_id, version, unit_price_minor, currency)
 ORDER BY product_id
    ON CONFLICT (product_id) DO UPDATE
   SET version = greatest(o.version, excluded.version),
       price_version = excluded.price_version,
       unit_price_minor = excluded.unit_price_minor,
       currency = excluded.currency
 WHERE excluded.price_version > o.price_version;

-- name: withdraw_products
-- A product is for sale while its last details are newer than its last withdrawal.
INSERT INTO offers AS o (product_id, shop_id, version, withdrawn_version)
SELECT product_id, shop_id, version, version
  FROM unnest(:product_ids::uuid[], :shop_ids::uuid[], :versions::integer[]) AS f (product_id, shop_id, version)
 ORDER BY product_id
    ON CONFLICT (product_id) DO UPDATE
   SET version = greatest(o.version, excluded.version), withdrawn_version = excluded.withdrawn_version
 WHERE excluded.withdrawn_version > o.withdrawn_version;

-- name: offers
-- What can be bought, with what an order needs of its shop. Facts that wait for their other half are not there yet.
SELECT o.product_id, o.shop_id, o.version, o.title, o.category, o.unit_price_minor, o.currency, o.weight_grams,
       o.payees::text AS payees, o.is_listed, s.region_code, s.cooperative_id
  FROM offers AS o
  JOIN shops AS s ON s.shop_id = o.shop_id
 WHERE o.product_id = ANY(:product_ids::uuid[]) AND o.details_version > 0 AND s.region_code IS NOT NULL;

-- name: put_cart_items
-- The newest wish wins. In one order, so that two batches take turns.
INSERT INTO cart_items (buyer_id, product_id, quantity, version, unit_price_minor, added_at)
SELECT buyer_id, product_id, quantity, version, unit_price_minor, :now
  FROM unnest(:buyer_ids::uuid[], :product_ids::uuid[], :quantities::integer[], :versions::integer[],
              :unit_prices_minor::bigint[]) AS p (buyer_id, product_id, quantity, version, unit_price_minor)
 ORDER BY buyer_id, product_id
    ON CONFLICT (buyer_id, product_id) DO UPDATE
   SET quantity = excluded.quantity, version = excluded.version, unit_price_minor = excluded.unit_price_minor,
       added_at = excluded.added_at;

-- name: remove_cart_item
-- Removing twice is removing once.
DELETE FROM cart_items WHERE buyer_id = :buyer_id AND product_id = :product_id;

-- name: carts
-- Carts in the order they were filled.
SELECT buyer_id, product_id, quantity, version, unit_price_minor
  FROM cart_items
 WHERE buyer_id = ANY(:buyer_ids::uuid[])
 ORDER BY added_at, product_id;

-- name: lock_carts
-- The carts that are checked out in this batch, each row by its key, so that two batches take turns.
SELECT buyer_id, product_id, quantity, version, unit_price_minor
  FROM cart_items
 WHERE buyer_id = ANY(:buyer_ids::uuid[])
 ORDER BY buyer_id, product_id
   FOR UPDATE;

-- name: empty_carts
-- In the transaction of their orders; what was added since the cart was read stays in it.
DELETE FROM cart_items AS c
 USING unnest(:buyer_ids::uuid[], :product_ids::uuid[]) AS o (buyer_id, product_id)
 WHERE c.buyer_id = o.buyer_id AND c.product_id = o.product_id;

-- name: erased_among
-- A token outlives its person's erasure by minutes; the order does not.
SELECT account_id FROM erased_accounts WHERE account_id = ANY(:account_ids::uuid[]);

-- name: insert_orders
-- All orders of a batch with everything below them, in one round trip.
WITH new_orders AS (
    INSERT INTO orders (order_id, buyer_id, payment_method, total_minor, currency, placed_at, traceparent, deadline_at)
    SELECT order_id, buyer_id, payment_method::payment_method, total_minor, currency, placed_at, traceparent,
           clock_timestamp() + make_interval(secs => :answer_seconds::double precision)
      FROM unnest(:order_ids::uuid[], :buyer_ids::uuid[], :methods::text[], :totals_minor::bigint[],
                  :currencies::text[], :placed_ats::timestamptz[], :traceparents::text[])
           AS o (order_id, buyer_id, payment_method, total_minor, currency, placed_at, traceparent)
), new_parcels AS (
    INSERT INTO parcels (parcel_id, order_id, shop_id, cooperative_id, region_code, goods_minor, shipping_minor)
    SELECT * FROM unnest(:parcel_ids::uuid[], :parcel_order_ids::uuid[], :shop_ids::uuid[], :cooperative_ids::uuid[],
                         :shop_region_codes::text[], :goods_minor::bigint[], :shipping_minor::bigint[])
), new_lines AS (
    INSERT INTO order_lines (order_id, product_id, parcel_id, version, quantity, unit_price_minor, title, category,
                             payees)
    SELECT l.order_id, l.product_id, l.parcel_id, l.version, l.quantity, l.unit_price_minor, l.title, l.category,
           l.payees::jsonb
      FROM unnest(:line_order_ids::uuid[], :product_ids::uuid[], :line_parcel_ids::uuid[], :versions::integer[],
                  :quantities::integer[], :unit_prices_minor::bigint[], :titles::text[], :categories::text[],
                  :payees::text[])
           AS l (order_id, product_id, parcel_id, version, quantity, unit_price_minor, title, category, payees)
)
INSERT INTO addresses (order_id, name, phone, address, region_code, postal_code, note)
SELECT * FROM unnest(:order_ids::uuid[], :names::text[], :phones::text[], :addresses::text[], :region_codes::text[],
                     :postal_codes::text[], :notes::text[]);

-- name: lock_orders
-- The row lock of the order decides every race about it.
SELECT order_id, buyer_id, status::text AS status, payment_method::text AS payment_method, attempt, total_minor,
       received_minor, currency, cancel_reason::text AS cancel_reason, traceparent
  FROM orders
 WHERE order_id = ANY(:order_ids::uuid[])
 ORDER BY order_id
   FOR UPDATE;

-- name: write_steps
-- What orders have become. A deadline is set from this database's clock, NULL ends it; times once set stay.
UPDATE orders AS o
   SET status = s.status::order_status,
       attempt = s.attempt,
       received_minor = s.received_minor,
       cancel_reason = s.cancel_reason::cancel_reason,
       shortages = coalesce(s.shortages::jsonb, o.shortages),
       deadline_at = clock_timestamp() + make_interval(secs => s.deadline_seconds),
       reserved_at = CASE WHEN s.status = 'reserved' THEN coalesce(o.reserved_at, :now) ELSE o.reserved_at END,
       confirmed_at = CASE WHEN s.is_confirmed THEN :now ELSE o.confirmed_at END,
       paid_at = CASE WHEN s.is_paid THEN coalesce(o.paid_at, :now) ELSE o.paid_at END,
       cancelled_at = CASE WHEN s.status = 'cancelled' THEN :now ELSE o.cancelled_at END,
       completed_at = CASE WHEN s.status = 'completed' THEN :now ELSE o.completed_at END
  FROM unnest(:order_ids::uuid[], :statuses::text[], :attempts::smallint[], :received_minor::bigint[],
              :cancel_reasons::text[], :shortages::text[], :deadlines_seconds::double precision[],
              :are_confirmed::boolean[], :are_paid::boolean[])
       AS s (order_id, status, attempt, received_minor, cancel_reason, shortages, deadline_seconds, is_confirmed,
             is_paid)
 WHERE o.order_id = s.order_id;

-- name: end_parcels_of_orders
-- The parcels of cancelled orders end with them.
UPDATE parcels SET status = 'cancelled', ended_at = :now
 WHERE order_id = ANY(:order_ids::uuid[]) AND status = 'pending';

-- name: revive_parcels_of_orders
-- An order that was cancelled unpaid got its stock again: its parcels are to be sent after all.
UPDATE parcels SET status = 'pending', ended_at = NULL
 WHERE order_id = ANY(:order_ids::uuid[]) AND status = 'cancelled';

-- name: lines_of_orders
-- What catalog must try to set aside again.
SELECT order_id, product_id, quantity
  FROM order_lines
 WHERE order_id = ANY(:order_ids::uuid[])
 ORDER BY order_id, product_id;

-- name: insert_charges
-- The provider is asked only now that the stock is set aside.
INSERT INTO charges (order_id, amount_minor, requested_at)
SELECT order_id, amount_minor, :now FROM unnest(:order_ids::uuid[], :amounts_minor::bigint[]) AS c (order_id, amount_minor);

-- name: charge_subject
-- What the provider is asked for, unless the order has ended meanwhile. The validity ends with our own deadline.
SELECT o.status::text AS status, o.payment_method::text AS payment_method, c.amount_minor, o.deadline_at,
       c.provider_reference, c.status::text AS charge_status
  FROM charges AS c
  JOIN orders AS o ON o.order_id = c.order_id
 WHERE c.order_id = :order_id;

-- name: charges_made
-- What the provider answered. A charge that was settled meanwhile keeps its state.
UPDATE charges AS c
   SET status = CASE WHEN c.status = 'requested' THEN 'open' ELSE c.status END,
       provider_reference = m.provider_reference, qr_payload = m.qr_payload, account_number = m.account_number,
       expires_at = m.expires_at, made_at = :now
  FROM unnest(:order_ids::uuid[], :provider_references::text[], :qr_payloads::text[], :account_numbers::text[],
              :expire_at::timestamptz[]) AS m (order_id, provider_reference, qr_payload, account_number, expires_at)
 WHERE c.order_id = m.order_id;

-- name: settle_charges
-- Paid, refused or ended; a paid charge stays paid.
UPDATE charges SET status = :status::charge_status
 WHERE order_id = ANY(:order_ids::uuid[]) AND status IN ('requested', 'open', 'ended');

-- name: open_charges_of
-- Charges that a buyer could still pay although their order has ended. One that is being made right now is ended when
-- its answer comes.
SELECT order_id FROM charges WHERE order_id = ANY(:order_ids::uuid[]) AND status = 'open';

-- name: insert_receipts
-- Money counts once per provider's reference, however often we are told.
INSERT INTO receipts (provider, provider_reference, order_id, amount_minor, verdict, received_at, is_booked)
SELECT provider, provider_reference, order_id, amount_minor, verdict::receipt_verdict, received_at, true
  FROM unnest(:providers::text[], :provider_references::text[], :order_ids::uuid[], :amounts_minor::bigint[],
              :verdicts::text[], :received_at::timestamptz[])
       AS r (provider, provider_reference, order_id, amount_minor, verdict, received_at)
    ON CONFLICT DO NOTHING
RETURNING provider, provider_reference;

-- name: lock_receipts
-- What can still be given back of the money that counts for these orders.
SELECT order_id, provider, provider_reference, amount_minor, refunded_minor
  FROM receipts
 WHERE order_id = ANY(:order_ids::uuid[]) AND verdict IN ('accepted', 'late') AND refunded_minor < amount_minor
 ORDER BY provider, provider_reference
   FOR UPDATE;

-- name: take_from_receipts
-- Counted as given back from the moment it is asked for; the check constraint refuses more than was paid.
UPDATE receipts AS r
   SET refunded_minor = r.refunded_minor + t.amount_minor
  FROM unnest(:providers::text[], :provider_references::text[], :amounts_minor::bigint[])
       AS t (provider, provider_reference, amount_minor)
 WHERE r.provider = t.provider AND r.provider_reference = t.provider_reference;

-- name: insert_refunds
-- Money that must go back, and why.
INSERT INTO refunds (refund_id, order_id, parcel_id, shop_id, provider, provider_reference, amount_minor, reason,
                     requested_by, requested_at, is_booked)
SELECT refund_id, order_id, parcel_id, shop_id, provider, provider_reference, amount_minor, reason, requested_by, :now,
       true
  FROM unnest(:refund_ids::uuid[], :order_ids::uuid[], :parcel_ids::uuid[], :shop_ids::uuid[], :providers::text[],
              :provider_references::text[], :amounts_minor::bigint[], :reasons::text[], :requested_by::uuid[])
       AS r (refund_id, order_id, parcel_id, shop_id, provider, provider_reference, amount_minor, reason,
             requested_by);

-- name: finish_refund
-- The provider's answer, once.
UPDATE refunds SET status = :status::refund_status, made_at = :made_at, refund_number = :refund_number,
       event_id = :event_id
 WHERE refund_id = :refund_id AND status = 'requested';

-- name: refund
-- One refund, before and after the provider is asked.
SELECT refund_id, order_id, parcel_id, shop_id, provider, provider_reference, amount_minor, reason, requested_by,
       status::text AS status, is_booked
  FROM refunds
 WHERE refund_id = :refund_id;

-- name: order_of_parcel
-- The order is locked before its parcels, so it must be known first.
SELECT order_id FROM parcels WHERE parcel_id = :parcel_id;

-- name: lock_parcels
-- All parcels of an order, after the order itself.
SELECT parcel_id, order_id, shop_id, cooperative_id, region_code, goods_minor, shipping_minor, status::text AS status,
       collected_minor
  FROM parcels
 WHERE order_id = ANY(:order_ids::uuid[])
 ORDER BY parcel_id
   FOR UPDATE;

-- name: parcels_among
-- These parcels of locked orders: nobody else changes them.
SELECT parcel_id, order_id, shop_id, cooperative_id, region_code, goods_minor, shipping_minor, status::text AS status,
       collected_minor
  FROM parcels
 WHERE parcel_id = ANY(:parcel_ids::uuid[]);

-- name: lines_of_parcels
-- What parcels hold, for their events.
SELECT parcel_id, product_id, quantity, unit_price_minor, payees::text AS payees
  FROM order_lines
 WHERE order_id = ANY(:order_ids::uuid[])
 ORDER BY parcel_id, product_id;

-- name: role_in_shop
-- Whether the account works in the shop, and as what.
SELECT role FROM shop_staff WHERE shop_id = :shop_id AND account_id = :account_id;

-- name: ship_parcels
-- They left the shop.
UPDATE parcels SET status = 'shipped', shipped_at = :now, carrier = :carrier, tracking = :tracking
 WHERE parcel_id = ANY(:parcel_ids::uuid[]) AND status = 'pending';

-- name: deliver_parcels
-- They reached the buyer, who has some time to object. What a carrier fetched and brought in one go was shipped now.
UPDATE parcels AS p
   SET status = 'delivered', delivered_at = :now, collected_minor = d.collected_minor,
       shipped_at = coalesce(p.shipped_at, :now), carrier = coalesce(p.carrier, :carrier),
       deadline_at = clock_timestamp() + make_interval(secs => :completion_seconds::double precision)
  FROM unnest(:parcel_ids::uuid[], :collected_minor::bigint[]) AS d (parcel_id, collected_minor)
 WHERE p.parcel_id = d.parcel_id AND p.status IN ('pending', 'shipped');

-- name: complete_parcels
-- The sale counts.
UPDATE parcels SET status = 'completed', completed_at = :now, ended_at = :now, completed_by = :completed_by
 WHERE parcel_id = ANY(:parcel_ids::uuid[]) AND status = 'delivered';

-- name: end_parcel
-- Cancelled before it left, or back in the shop without having reached the buyer.
UPDATE parcels SET status = :status::parcel_status, ended_at = :now WHERE parcel_id = :parcel_id;

-- name: returned_quantities
-- What came back of a parcel so far.
SELECT product_id, sum(quantity)::integer AS quantity
  FROM returned_lines
 WHERE parcel_id = :parcel_id
 GROUP BY product_id;

-- name: insert_returned_lines
-- Goods that the shop has again.
INSERT INTO returned_lines (return_id, parcel_id, product_id, quantity, received_at)
SELECT :return_id, :parcel_id, product_id, quantity, :now
  FROM unnest(:product_ids::uuid[], :quantities::integer[]) AS r (product_id, quantity);

-- name: undelivered_parcels
-- For carriers' rounds: of the first :shops shops with something to bring, the parcels of their :each oldest orders.
-- Walks the index from shop to shop.
WITH RECURSIVE rounds AS (
    (SELECT p.shop_id, 1 AS nr FROM parcels AS p
       JOIN orders AS o ON o.order_id = p.order_id AND o.status = 'confirmed'
      WHERE p.status IN ('pending', 'shipped')
      ORDER BY p.shop_id LIMIT 1)
    UNION ALL
    SELECT n.shop_id, r.nr + 1
      FROM rounds AS r
     CROSS JOIN LATERAL (
           SELECT p.shop_id FROM parcels AS p
             JOIN orders AS o ON o.order_id = p.order_id AND o.status = 'confirmed'
            WHERE p.status IN ('pending', 'shipped') AND p.shop_id > r.shop_id
            ORDER BY p.shop_id LIMIT 1) AS n
     WHERE r.nr < :shops
)
SELECT r.shop_id, f.parcel_id, f.order_id
  FROM rounds AS r
 CROSS JOIN LATERAL (
       SELECT p.parcel_id, p.order_id FROM parcels AS p
         JOIN orders AS o ON o.order_id = p.order_id AND o.status = 'confirmed'
        WHERE p.shop_id = r.shop_id AND p.status IN ('pending', 'shipped')
        ORDER BY p.parcel_id LIMIT :each) AS f
 ORDER BY r.shop_id, f.parcel_id;

-- name: lock_orders_skipping
-- Orders that nobody else is working on.
SELECT order_id, buyer_id, status::text AS status, payment_method::text AS payment_method, attempt, total_minor,
       received_minor, currency, cancel_reason::text AS cancel_reason, traceparent
  FROM orders
 WHERE order_id = ANY(:order_ids::uuid[])
 ORDER BY order_id
   FOR UPDATE SKIP LOCKED;

-- name: lock_unpaid_orders
-- Orders whose time to pay is over, a bounded batch; several sweepers share the work.
SELECT order_id, buyer_id, status::text AS status, payment_method::text AS payment_method, attempt, total_minor,
       received_minor, currency, cancel_reason::text AS cancel_reason, traceparent
  FROM orders
 WHERE status = 'reserved' AND deadline_at <= statement_timestamp()
 ORDER BY deadline_at
 LIMIT :most
   FOR UPDATE SKIP LOCKED;

-- name: mark_checks
-- The provider is asked once more before an order expires; what was never charged needs no question.
UPDATE charges SET is_checked = true
 WHERE order_id = ANY(:order_ids::uuid[]) AND status = 'open' AND NOT is_checked
RETURNING order_id;

-- name: postpone_deadlines
-- Until the provider has answered, at most so long.
UPDATE orders SET deadline_at = clock_timestamp() + make_interval(secs => :seconds::double precision)
 WHERE order_id = ANY(:order_ids::uuid[]);

-- name: due_parcels
-- Delivered parcels that nobody objected to; their orders are locked next.
SELECT order_id
  FROM parcels
 WHERE status = 'delivered' AND deadline_at <= statement_timestamp()
 ORDER BY deadline_at
 LIMIT :most;

-- name: overdue_among
-- Which parcels of the locked orders are still due.
SELECT parcel_id
  FROM parcels
 WHERE order_id = ANY(:order_ids::uuid[]) AND status = 'delivered' AND deadline_at <= statement_timestamp()
 ORDER BY parcel_id
   FOR UPDATE;

-- name: erase_account
-- A person asked to be forgotten.
INSERT INTO erased_accounts (account_id, erased_at) VALUES (:account_id, :erased_at) ON CONFLICT DO NOTHING;

-- name: erase_cart
-- A cart is nobody's history.
DELETE FROM cart_items WHERE buyer_id = :account_id;

-- name: erase_addresses
-- Of orders that have ended; an order under way keeps its address until it has ended.
DELETE FROM addresses
 WHERE order_id IN (SELECT o.order_id FROM erased_accounts AS e
                      JOIN orders AS o ON o.buyer_id = e.account_id AND o.status IN ('completed', 'cancelled')
                      JOIN addresses AS a ON a.order_id = o.order_id
                     LIMIT :most);

-- name: add_received
-- Cash taken at the door counts for its orders; several parcels of one may be delivered at once.
UPDATE orders AS o
   SET received_minor = o.received_minor + r.amount_minor
  FROM (SELECT order_id, sum(amount_minor) AS amount_minor
          FROM unnest(:order_ids::uuid[], :amounts_minor::bigint[]) AS c (order_id, amount_minor)
         GROUP BY order_id) AS r
 WHERE o.order_id = r.order_id;

-- name: lock_unpaid_cash_orders
-- Orders that are paid at the door and not yet wholly.
SELECT order_id, buyer_id, status::text AS status, payment_method::text AS payment_method, attempt, total_minor,
       received_minor, currency, cancel_reason::text AS cancel_reason, traceparent
  FROM orders
 WHERE order_id = ANY(:order_ids::uuid[]) AND payment_method = 'cod' AND paid_at IS NULL AND received_minor > 0
 ORDER BY order_id
   FOR UPDATE;

-- name: mark_paid
-- The last of their cash has come.
UPDATE orders SET paid_at = :now WHERE order_id = ANY(:order_ids::uuid[]);

-- name: insert_cash_receipts
-- Cash is known by the parcel that it was taken for.
INSERT INTO receipts (provider, provider_reference, order_id, amount_minor, verdict, received_at, is_booked)
SELECT 'cod', parcel_id::text, order_id, amount_minor, 'accepted', :now, true
  FROM unnest(:parcel_ids::uuid[], :order_ids::uuid[], :amounts_minor::bigint[]) AS c (parcel_id, order_id, amount_minor);
