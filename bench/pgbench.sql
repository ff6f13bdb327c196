BEGIN;
INSERT INTO orders (order_id, buyer_id, payment_method, total_minor, currency, placed_at, deadline_at)
VALUES (uuidv7(), gen_random_uuid(), 'cod', 81000, 'IDR', now(), now() + interval '10 minutes')
RETURNING order_id \gset
INSERT INTO order_lines (order_id, product_id, parcel_id, version, quantity, unit_price_minor, title, category, payees)
VALUES (:order_id::uuid, gen_random_uuid(), gen_random_uuid(), 1, 1, 27000, 'Keripik pisang kepok manis 250 g', 'makanan-ringan', '[{"party_id": "01a20f6e-b55d-7705-83e6-c09f96b9b0fd", "share_basis_points": 10000}]'),
       (:order_id::uuid, gen_random_uuid(), gen_random_uuid(), 1, 1, 27000, 'Kopi robusta Lampung 200 g', 'kopi-teh', '[{"party_id": "01a20f6e-b55d-7705-83e6-c09f96b9b0fd", "share_basis_points": 10000}]'),
       (:order_id::uuid, gen_random_uuid(), gen_random_uuid(), 1, 1, 27000, 'Emping melinjo Pandeglang 500 g', 'makanan-ringan', '[{"party_id": "01a20f6e-b55d-7705-83e6-c09f96b9b0fd", "share_basis_points": 10000}]');
INSERT INTO outbox (topic, id, xid, event_id, type, record_key, ordering_key, occurred_at, traceparent, data)
VALUES ('lumbung.orders', nextval('"outbox_id_lumbung.orders"'), pg_current_xact_id(), uuidv7(), 'orders.order_placed.v1', :order_id::text, :order_id::text, now(), '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00', :payload::json);
COMMIT;
