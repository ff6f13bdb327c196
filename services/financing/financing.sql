-- name: insert_lender
-- The two unique constraints decide who may have a client and a short name.
INSERT INTO lenders (lender_id, client_id, slug, name, registered_at)
VALUES (:lender_id, :client_id, :slug, :name, :registered_at);

-- name: lender_by_client
-- Who is calling, when a machine client calls; suspended lenders are not let in.
SELECT lender_id, client_id, slug, name, state, registered_at
  FROM lenders
 WHERE client_id = :client_id AND state = 'active';

-- name: lender_is_active
-- Whether a lender may still make loans of what it offered.
SELECT true FROM lenders WHERE lender_id = :lender_id AND state = 'active';

-- name: set_lender_state
-- A suspended lender is let in nowhere and its products are not offered; its loans go on.
UPDATE lenders SET state = :state WHERE lender_id = :lender_id
RETURNING lender_id, client_id, slug, name, state, registered_at;

-- name: lenders
-- For operators, in the order in which they came.
SELECT lender_id, client_id, slug, name, state, registered_at
  FROM lenders
 ORDER BY lender_id;

-- name: insert_product
-- What a lender would lend from now on.
INSERT INTO loan_products (product_id, lender_id, name, scheme, annual_rate_pct, annual_margin_pct, currency,
                           amount_min_minor, amount_max_minor, tenor_min_months, tenor_max_months, sectors, regions,
                           size_classes, turnover_min_minor, certificate_scheme, kur_scheme, kur_access,
                           share_basis_points_max, offered_at)
VALUES (:product_id, :lender_id, :name, :scheme, :annual_rate_pct, :annual_margin_pct, :currency, :amount_min_minor,
        :amount_max_minor, :tenor_min_months, :tenor_max_months, :sectors, :regions, :size_classes,
        :turnover_min_minor, :certificate_scheme, :kur_scheme, :kur_access, :share_basis_points_max, :offered_at);

-- name: products_of_lender
-- A lender's own list, withdrawn ones too.
SELECT product_id, lender_id, name, scheme, annual_rate_pct, annual_margin_pct, currency, amount_min_minor,
       amount_max_minor, tenor_min_months, tenor_max_months, sectors, regions, size_classes, turnover_min_minor,
       certificate_scheme, kur_scheme, kur_access, share_basis_points_max, state, offered_at
  FROM loan_products
 WHERE lender_id = :lender_id
 ORDER BY product_id;

-- name: products_offered
-- Everything that can be asked for, of lenders that are active: what an application is matched against.
SELECT p.product_id, p.lender_id, p.name, p.scheme, p.annual_rate_pct, p.annual_margin_pct, p.currency,
       p.amount_min_minor, p.amount_max_minor, p.tenor_min_months, p.tenor_max_months, p.sectors, p.regions,
       p.size_classes, p.turnover_min_minor, p.certificate_scheme, p.kur_scheme, p.kur_access,
       p.share_basis_points_max, p.state, p.offered_at, l.name AS lender_name
  FROM loan_products AS p
  JOIN lenders AS l USING (lender_id)
 WHERE p.state = 'offered' AND l.state = 'active'
 ORDER BY p.product_id;

-- name: product_for_offer
-- A product of this lender that is still offered; shared with its withdrawal by this row's lock.
SELECT product_id, lender_id, name, scheme, annual_rate_pct, annual_margin_pct, currency, amount_min_minor,
       amount_max_minor, tenor_min_months, tenor_max_months, sectors, regions, size_classes, turnover_min_minor,
       certificate_scheme, kur_scheme, kur_access, share_basis_points_max, state, offered_at
  FROM loan_products
 WHERE product_id = :product_id AND lender_id = :lender_id AND state = 'offered'
   FOR SHARE;

-- name: withdraw_product
-- Offers that were made of it stand.
UPDATE loan_products
   SET state = 'withdrawn', withdrawn_at = coalesce(withdrawn_at, :withdrawn_at)
 WHERE product_id = :product_id AND lender_id = :lender_id;
