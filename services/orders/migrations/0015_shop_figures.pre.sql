-- What has ended of each shop, added up, so that its dashboard costs the same however long its past is.

-- Each row is an addend; a figure is the sum of its rows. Whatever changes the past adds a row and changes none, so no two
-- sales of a shop wait for each other; the clock replaces many rows by their sum. `order_status` and `status` say which
-- parcels are counted; in rows of money both are NULL.
CREATE TABLE shop_figures (
    shop_id          uuid          NOT NULL,
    order_status     order_status,
    status           parcel_status,
    parcels          bigint        NOT NULL DEFAULT 0,
    settled_minor    bigint        NOT NULL DEFAULT 0,
    commission_minor bigint        NOT NULL DEFAULT 0,
    tax_minor        bigint        NOT NULL DEFAULT 0,
    taken_back_minor bigint        NOT NULL DEFAULT 0,
    is_sum           boolean       NOT NULL DEFAULT false,
    CHECK ((order_status IS NULL) = (status IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX shop_figures_of_shop ON shop_figures (shop_id);
CREATE INDEX shop_figures_to_add_up ON shop_figures (shop_id) WHERE NOT is_sum;

-- With parcels_undelivered: the open parcels, which a dashboard reads themselves. A new parcel costs nothing more.
CREATE INDEX parcels_delivered ON parcels (shop_id, parcel_id) WHERE status = 'delivered';

-- A parcel has ended, or an ended one became something else. Its order is locked, so it is what it is.
CREATE FUNCTION count_ended_parcels() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_figures (shop_id, order_status, status, parcels)
    SELECT c.shop_id, o.status, c.status, sum(c.parcels)
      FROM (SELECT shop_id, order_id, parcel_id, status, 1 AS parcels FROM after_it
            UNION ALL
            SELECT shop_id, order_id, parcel_id, status, -1 FROM before_it) AS c
      JOIN orders AS o USING (order_id)
     WHERE c.status IN ('completed', 'cancelled', 'returned')
     GROUP BY c.shop_id, o.status, c.status
    HAVING sum(c.parcels) <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER ended_parcels_are_counted AFTER UPDATE ON parcels
    REFERENCING OLD TABLE AS before_it NEW TABLE AS after_it
    FOR EACH STATEMENT EXECUTE FUNCTION count_ended_parcels();

-- An order has ended, or goes on after all: its ended parcels are counted under its new status. Placed and reserved orders
-- have none (`parcels_follow_their_order` in audit.sql), so the hottest steps look at nothing.
CREATE FUNCTION move_ended_parcels() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_figures (shop_id, order_status, status, parcels)
    SELECT p.shop_id, c.order_status, p.status, sum(c.parcels)
      FROM (SELECT b.order_id, x.order_status, x.parcels
              FROM before_it AS b
              JOIN after_it AS a USING (order_id)
             CROSS JOIN LATERAL (VALUES (b.status, -1), (a.status, 1)) AS x (order_status, parcels)
             WHERE b.status NOT IN ('placed', 'reserved') AND a.status <> b.status) AS c
      JOIN parcels AS p USING (order_id)
     WHERE p.status IN ('completed', 'cancelled', 'returned')
     GROUP BY p.shop_id, c.order_status, p.status;
    RETURN NULL;
END $$;
CREATE TRIGGER ended_parcels_follow_their_order AFTER UPDATE ON orders
    REFERENCING OLD TABLE AS before_it NEW TABLE AS after_it
    FOR EACH STATEMENT EXECUTE FUNCTION move_ended_parcels();

CREATE FUNCTION count_settlements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_figures (shop_id, settled_minor)
    SELECT shop_id, sum(goods_minor + shipping_minor) FROM after_it GROUP BY shop_id;
    RETURN NULL;
END $$;
CREATE TRIGGER settlements_are_counted AFTER INSERT ON settlements
    REFERENCING NEW TABLE AS after_it FOR EACH STATEMENT EXECUTE FUNCTION count_settlements();

-- What the market and the state keep of it: when it is settled, and less when a refund takes it back.
CREATE FUNCTION count_kept_parts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_figures (shop_id, commission_minor, tax_minor)
    SELECT s.shop_id, coalesce(sum(c.amount_minor) FILTER (WHERE c.kind = 'commission'), 0),
           coalesce(sum(c.amount_minor) FILTER (WHERE c.kind = 'tax'), 0)
      FROM (SELECT parcel_id, kind, amount_minor - returned_minor AS amount_minor FROM after_it WHERE kind <> 'net') AS c
      JOIN settlements AS s USING (parcel_id)
     GROUP BY s.shop_id;
    RETURN NULL;
END $$;
CREATE TRIGGER kept_parts_are_counted AFTER INSERT ON settlement_parts
    REFERENCING NEW TABLE AS after_it FOR EACH STATEMENT EXECUTE FUNCTION count_kept_parts();

CREATE FUNCTION count_returned_parts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_figures (shop_id, commission_minor, tax_minor)
    SELECT s.shop_id, coalesce(sum(c.amount_minor) FILTER (WHERE c.kind = 'commission'), 0),
           coalesce(sum(c.amount_minor) FILTER (WHERE c.kind = 'tax'), 0)
      FROM (SELECT parcel_id, kind, amount_minor - returned_minor AS amount_minor FROM after_it WHERE kind <> 'net'
            UNION ALL
            SELECT parcel_id, kind, returned_minor - amount_minor FROM before_it WHERE kind <> 'net') AS c
      JOIN settlements AS s USING (parcel_id)
     GROUP BY s.shop_id
    HAVING sum(c.amount_minor) <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER returned_parts_are_counted AFTER UPDATE ON settlement_parts
    REFERENCING OLD TABLE AS before_it NEW TABLE AS after_it
    FOR EACH STATEMENT EXECUTE FUNCTION count_returned_parts();

CREATE FUNCTION count_taken_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop_figures (shop_id, taken_back_minor)
    SELECT p.shop_id, sum(r.amount_minor)
      FROM after_it AS r
      JOIN parcels AS p USING (parcel_id)
     WHERE r.is_of_settled
     GROUP BY p.shop_id;
    RETURN NULL;
END $$;
CREATE TRIGGER taken_back_is_counted AFTER INSERT ON refund_parts
    REFERENCING NEW TABLE AS after_it FOR EACH STATEMENT EXECUTE FUNCTION count_taken_back();

-- The same from the rows themselves: for the past before this migration, and for the audit.
CREATE VIEW shop_figures_anew AS
SELECT p.shop_id, o.status AS order_status, p.status, count(*) AS parcels, 0::numeric AS settled_minor,
       0::numeric AS commission_minor, 0::numeric AS tax_minor, 0::numeric AS taken_back_minor
  FROM parcels AS p
  JOIN orders AS o USING (order_id)
 WHERE p.status IN ('completed', 'cancelled', 'returned')
 GROUP BY p.shop_id, o.status, p.status
UNION ALL
SELECT shop_id, NULL, NULL, 0, sum(settled_minor), sum(commission_minor), sum(tax_minor), sum(taken_back_minor)
  FROM (SELECT shop_id, goods_minor + shipping_minor AS settled_minor, 0 AS commission_minor, 0 AS tax_minor,
               0 AS taken_back_minor
          FROM settlements
        UNION ALL
        SELECT s.shop_id, 0, CASE x.kind WHEN 'commission' THEN x.amount_minor - x.returned_minor ELSE 0 END,
               CASE x.kind WHEN 'tax' THEN x.amount_minor - x.returned_minor ELSE 0 END, 0
          FROM settlement_parts AS x
          JOIN settlements AS s USING (parcel_id)
         WHERE x.kind <> 'net'
        UNION ALL
        SELECT p.shop_id, 0, 0, 0, r.amount_minor
          FROM refund_parts AS r
          JOIN parcels AS p USING (parcel_id)
         WHERE r.is_of_settled) AS money
 GROUP BY shop_id;

LOCK TABLE orders, parcels, settlements, settlement_parts, refund_parts IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO shop_figures (shop_id, order_status, status, parcels, settled_minor, commission_minor, tax_minor,
                          taken_back_minor, is_sum)
SELECT shop_id, order_status, status, parcels, settled_minor, commission_minor, tax_minor, taken_back_minor, true
  FROM shop_figures_anew;
