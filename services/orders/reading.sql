-- What people look at (store/reading.py).

-- name: visible_order
-- An order for its buyer, an operator, or staff of a shop in it, with what belongs to it, as of one moment. Others find
-- nothing. Parcels come in the order their shops appeared in the basket, money oldest first.
SELECT o.order_id, o.buyer_id, o.status::text AS status, o.payment_method::text AS payment_method, o.attempt,
       o.total_minor, o.received_minor, o.currency, o.placed_at, o.deadline_at, o.reserved_at, o.confirmed_at,
       o.paid_at, o.cancelled_at, o.completed_at, o.cancel_reason::text AS cancel_reason, o.shortages,
       ARRAY(SELECT p.shop_id FROM parcels AS p
               JOIN shop_staff AS s ON s.shop_id = p.shop_id AND s.account_id = :account_id
              WHERE p.order_id = o.order_id) AS staffed_shop_ids,
       (SELECT jsonb_agg(p ORDER BY parcel_id)
          FROM (SELECT parcel_id, shop_id, goods_minor, shipping_minor, status, carrier, tracking, collected_minor,
                       shipped_at, delivered_at, completed_at, ended_at
                  FROM parcels WHERE parcels.order_id = o.order_id) AS p) AS parcels,
       (SELECT jsonb_agg(l ORDER BY parcel_id, product_id)
          FROM (SELECT product_id, parcel_id, version, quantity, unit_price_minor, title, category
                  FROM order_lines WHERE order_lines.order_id = o.order_id) AS l) AS lines,
       (SELECT to_jsonb(c) FROM (SELECT status, qr_payload, account_number, expires_at
                                   FROM charges WHERE charges.order_id = o.order_id) AS c) AS charge,
       (SELECT jsonb_agg(r ORDER BY recorded_at, provider_reference)
          FROM (SELECT provider_reference, amount_minor, verdict, received_at, recorded_at
                  FROM receipts WHERE receipts.order_id = o.order_id) AS r) AS receipts,
       (SELECT jsonb_agg(r ORDER BY requested_at, refund_id)
          FROM (SELECT refund_id, parcel_id, amount_minor, reason, status, requested_at, made_at
                  FROM refunds WHERE refunds.order_id = o.order_id) AS r) AS refunds,
       (SELECT to_jsonb(a) FROM (SELECT name, phone, address, region_code, postal_code, note
                                   FROM addresses WHERE addresses.order_id = o.order_id) AS a) AS ship_to
  FROM orders AS o
 WHERE o.order_id = :order_id
   AND (o.buyer_id = :account_id OR :is_operator
        OR EXISTS (SELECT FROM parcels AS p
                     JOIN shop_staff AS s ON s.shop_id = p.shop_id AND s.account_id = :account_id
                    WHERE p.order_id = o.order_id));

-- name: orders_of_buyer
-- A buyer's orders, newest first (order ids begin with their time).
SELECT order_id, buyer_id, status::text AS status, payment_method::text AS payment_method, total_minor, currency,
       placed_at, cancel_reason::text AS cancel_reason
  FROM orders
 WHERE buyer_id = :buyer_id AND (:status::text IS NULL OR status = :status::text::order_status)
   AND (:before::uuid IS NULL OR order_id < :before)
 ORDER BY order_id DESC
 LIMIT :most;

-- name: orders_of_shop
-- Orders with a parcel of a shop in which the account works, newest first.
SELECT o.order_id, o.buyer_id, o.status::text AS status, o.payment_method::text AS payment_method, o.total_minor,
       o.currency, o.placed_at, o.cancel_reason::text AS cancel_reason, p.parcel_id
  FROM parcels AS p
  JOIN orders AS o ON o.order_id = p.order_id
 WHERE p.shop_id = :shop_id
   AND EXISTS (SELECT FROM shop_staff WHERE shop_id = :shop_id AND account_id = :account_id)
   AND (:status::text IS NULL OR o.status = :status::text::order_status)
   AND (:before::uuid IS NULL OR p.parcel_id < :before)
 ORDER BY p.parcel_id DESC
 LIMIT :most;

-- name: parcels_of_orders
-- Parcels, in the order their shops appeared in the basket.
SELECT parcel_id, order_id, shop_id, cooperative_id, region_code, goods_minor, shipping_minor, status::text AS status,
       carrier, tracking, collected_minor, shipped_at, delivered_at, completed_at, completed_by, ended_at
  FROM parcels
 WHERE order_id = ANY(:order_ids::uuid[])
 ORDER BY order_id, parcel_id;

-- name: shops_of_staff
-- Where an account works.
SELECT shop_id, role FROM shop_staff WHERE account_id = :account_id ORDER BY shop_id;

-- name: stuck_orders
-- Orders that wait for somebody longer than they should: catalog's answer, or the provider's.
SELECT order_id, status::text AS status, attempt, placed_at, deadline_at
  FROM orders
 WHERE status IN ('placed', 'reserved', 'reclaiming')
   AND deadline_at <= statement_timestamp() - make_interval(secs => :grace_seconds::double precision)
 ORDER BY deadline_at
 LIMIT :most;

-- name: count_stuck
-- The same as a figure.
SELECT status::text AS status, count(*) AS orders
  FROM orders
 WHERE status IN ('placed', 'reserved', 'reclaiming')
   AND deadline_at <= statement_timestamp() - make_interval(secs => :grace_seconds::double precision)
 GROUP BY status;
