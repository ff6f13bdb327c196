-- Imports of files: leased, advanced chunk by chunk, and what their rows mean.

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
