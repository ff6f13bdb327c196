-- Search in levels. A word of every tenth title has a hundred thousand matches in a million products, and an index of words
-- gives all or none of them; a page needs some. So products are in four levels at random, each about four times as large as
-- the one before, with an index each: a search goes from level to level until it has enough, and reads at most about five
-- times of what it needs, however many products there are.
CREATE FUNCTION search_level(product_id uuid) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN width_bucket(uuid_hash(product_id) & 255, ARRAY[4, 20, 84]);

CREATE INDEX products_words_0 ON products USING gin (document) WITH (gin_pending_list_limit = 256)
    WHERE state = 'listed' AND search_level(product_id) = 0;
CREATE INDEX products_words_1 ON products USING gin (document) WITH (gin_pending_list_limit = 256)
    WHERE state = 'listed' AND search_level(product_id) = 1;
CREATE INDEX products_words_2 ON products USING gin (document) WITH (gin_pending_list_limit = 256)
    WHERE state = 'listed' AND search_level(product_id) = 2;
CREATE INDEX products_words_3 ON products USING gin (document) WITH (gin_pending_list_limit = 256)
    WHERE state = 'listed' AND search_level(product_id) = 3;

-- What is listed, level by level: with a LIMIT and no order, later levels are not even looked at.
CREATE VIEW searched_products AS
SELECT product_id, shop_id, category, region_code, province_code, unit_price_minor, listed_at, document, plain_title
  FROM products WHERE state = 'listed' AND search_level(product_id) = 0
UNION ALL
SELECT product_id, shop_id, category, region_code, province_code, unit_price_minor, listed_at, document, plain_title
  FROM products WHERE state = 'listed' AND search_level(product_id) = 1
UNION ALL
SELECT product_id, shop_id, category, region_code, province_code, unit_price_minor, listed_at, document, plain_title
  FROM products WHERE state = 'listed' AND search_level(product_id) = 2
UNION ALL
SELECT product_id, shop_id, category, region_code, province_code, unit_price_minor, listed_at, document, plain_title
  FROM products WHERE state = 'listed' AND search_level(product_id) = 3;
