-- Lists and searches of products: filters in, a page out.

-- name: products_newest
-- A page by age. The first page begins at the end of time. A null filter is no filter: the plan is made for the values
-- given (a LIMIT that is a parameter makes the general plan look dear), so the list without filters walks an index.
SELECT page.product_id, page.shop_id, shops.name AS shop_name, shops.badges, page.region_code, page.version, page.title,
       page.category, page.unit_price_minor, page.currency, page.weight_grams, page.photo, page.listed_at,
       stock.on_hand - stock.reserved AS available
  FROM (SELECT product_id, shop_id, region_code, version, title, category, unit_price_minor, currency, weight_grams,
               photos -> 0 ->> 'small' AS photo, listed_at
          FROM products
         WHERE state = 'listed'
           AND (:prefixes::text IS NULL
                OR document @@ (to_tsquery('simple', :prefixes) || plainto_tsquery('indonesian', :words::text)))
           AND (:category::text IS NULL OR category = :category)
           AND (:province::text IS NULL OR province_code = :province)
           AND (:region::text IS NULL OR region_code = :region)
           AND (:shop_id::uuid IS NULL OR shop_id = :shop_id)
           AND (:min_price::bigint IS NULL OR unit_price_minor >= :min_price)
           AND (:max_price::bigint IS NULL OR unit_price_minor <= :max_price)
           AND (:badge::text IS NULL
                OR shop_id IN (SELECT shops.shop_id FROM shops WHERE shows_badge(shops.badges, :badge)))
           AND (listed_at, product_id) < (:after_at::timestamptz, :after_id::uuid)
         ORDER BY listed_at DESC, product_id DESC
         LIMIT :limit) AS page
  JOIN shops USING (shop_id) JOIN stock USING (product_id)
 ORDER BY page.listed_at DESC, page.product_id DESC;

-- name: products_cheapest
-- A page by price, the cheapest first.
SELECT page.product_id, page.shop_id, shops.name AS shop_name, shops.badges, page.region_code, page.version, page.title,
       page.category, page.unit_price_minor, page.currency, page.weight_grams, page.photo, page.listed_at,
       stock.on_hand - stock.reserved AS available
  FROM (SELECT product_id, shop_id, region_code, version, title, category, unit_price_minor, currency, weight_grams,
               photos -> 0 ->> 'small' AS photo, listed_at
          FROM products
         WHERE state = 'listed'
           AND (:prefixes::text IS NULL
                OR document @@ (to_tsquery('simple', :prefixes) || plainto_tsquery('indonesian', :words::text)))
           AND (:category::text IS NULL OR category = :category)
           AND (:province::text IS NULL OR province_code = :province)
           AND (:region::text IS NULL OR region_code = :region)
           AND (:shop_id::uuid IS NULL OR shop_id = :shop_id)
           AND (:min_price::bigint IS NULL OR unit_price_minor >= :min_price)
           AND (:max_price::bigint IS NULL OR unit_price_minor <= :max_price)
           AND (:badge::text IS NULL
                OR shop_id IN (SELECT shops.shop_id FROM shops WHERE shows_badge(shops.badges, :badge)))
           AND (unit_price_minor, product_id) > (:after_price::bigint, :after_id::uuid)
         ORDER BY unit_price_minor, product_id
         LIMIT :limit) AS page
  JOIN shops USING (shop_id) JOIN stock USING (product_id)
 ORDER BY page.unit_price_minor, page.product_id;

-- name: products_dearest
-- A page by price, the dearest first: the same index backwards.
SELECT page.product_id, page.shop_id, shops.name AS shop_name, shops.badges, page.region_code, page.version, page.title,
       page.category, page.unit_price_minor, page.currency, page.weight_grams, page.photo, page.listed_at,
       stock.on_hand - stock.reserved AS available
  FROM (SELECT product_id, shop_id, region_code, version, title, category, unit_price_minor, currency, weight_grams,
               photos -> 0 ->> 'small' AS photo, listed_at
          FROM products
         WHERE state = 'listed'
           AND (:prefixes::text IS NULL
                OR document @@ (to_tsquery('simple', :prefixes) || plainto_tsquery('indonesian', :words::text)))
           AND (:category::text IS NULL OR category = :category)
           AND (:province::text IS NULL OR province_code = :province)
           AND (:region::text IS NULL OR region_code = :region)
           AND (:shop_id::uuid IS NULL OR shop_id = :shop_id)
           AND (:min_price::bigint IS NULL OR unit_price_minor >= :min_price)
           AND (:max_price::bigint IS NULL OR unit_price_minor <= :max_price)
           AND (:badge::text IS NULL
                OR shop_id IN (SELECT shops.shop_id FROM shops WHERE shows_badge(shops.badges, :badge)))
           AND (unit_price_minor, product_id) < (:after_price::bigint, :after_id::uuid)
         ORDER BY unit_price_minor DESC, product_id DESC
         LIMIT :limit) AS page
  JOIN shops USING (shop_id) JOIN stock USING (product_id)
 ORDER BY page.unit_price_minor DESC, page.product_id DESC;

-- name: facets
-- Counts over at most :sample matches, so that a list of a million costs no more than one of a thousand. A count is a
-- lower bound when the sample was full. Regions are provinces, or the regencies of the province asked for.
SELECT coalesce(category, region, band::text) AS value, count(*) AS count,
       CASE WHEN grouping(category) = 0 THEN 'category' WHEN grouping(region) = 0 THEN 'region'
            WHEN grouping(band) = 0 THEN 'band' ELSE 'total' END AS facet
  FROM (SELECT category, width_bucket(unit_price_minor, :bounds::bigint[]) AS band,
               CASE WHEN :province::text IS NULL AND :region::text IS NULL THEN province_code ELSE region_code END
                   AS region
          FROM products
         WHERE state = 'listed'
           AND (:prefixes::text IS NULL
                OR document @@ (to_tsquery('simple', :prefixes) || plainto_tsquery('indonesian', :words::text)))
           AND (:category::text IS NULL OR category = :category)
           AND (:province::text IS NULL OR province_code = :province)
           AND (:region::text IS NULL OR region_code = :region)
           AND (:shop_id::uuid IS NULL OR shop_id = :shop_id)
           AND (:min_price::bigint IS NULL OR unit_price_minor >= :min_price)
           AND (:max_price::bigint IS NULL OR unit_price_minor <= :max_price)
           AND (:badge::text IS NULL
                OR shop_id IN (SELECT shops.shop_id FROM shops WHERE shows_badge(shops.badges, :badge)))
         LIMIT :sample) AS sample
 GROUP BY GROUPING SETS ((category), (region), (band), ());

-- name: products_relevant
-- Search by words, page and facets in one statement. At most :sample matches are taken and put in order; the last row
-- says how many were exact, so that the caller knows when there may be more. They come level by level (searched_products),
-- so that a word of every tenth title costs no more than a rare one. Only when fewer than :enough have the very words (or
-- their stems) are those looked at that begin with them: an index reads all entries of a beginning, of a word only those
-- that it needs. Only when these are few, too, words are corrected by the vocabulary of all titles (several typos, words
-- run together, any title), and titles with corrected words stand by how much they resemble what was typed; among the
-- relevant, below every exact one.
WITH asked AS MATERIALIZED (
    SELECT whole, begun, whole || begun AS either
      FROM (SELECT plainto_tsquery('simple', :words::text) || plainto_tsquery('indonesian', :words) AS whole,
                   to_tsquery('simple', :prefixes) AS begun) AS queries
), fitting AS NOT MATERIALIZED (
    SELECT product_id, category, region_code, province_code, unit_price_minor, document, plain_title,
           CASE :by::text WHEN 'newest' THEN (1000000 * extract(epoch FROM listed_at))::bigint
                          WHEN 'price_asc' THEN -unit_price_minor
                          WHEN 'price_desc' THEN unit_price_minor END AS place  -- NULL: by relevance
      FROM searched_products
     WHERE (:category::text IS NULL OR category = :category)
       AND (:province::text IS NULL OR province_code = :province)
       AND (:region::text IS NULL OR region_code = :region)
       AND (:shop_id::uuid IS NULL OR shop_id = :shop_id)
       AND (:min_price::bigint IS NULL OR unit_price_minor >= :min_price)
       AND (:max_price::bigint IS NULL OR unit_price_minor <= :max_price)
       AND (:badge::text IS NULL
            OR shop_id IN (SELECT shops.shop_id FROM shops WHERE shows_badge(shops.badges, :badge)))
), whole AS MATERIALIZED (
    SELECT product_id, category, region_code, province_code, unit_price_minor,
           coalesce(place, 1000000 + (1000000 * ts_rank(document, (SELECT either FROM asked)))::bigint) AS score
      FROM fitting
     WHERE document @@ (SELECT whole FROM asked)
     LIMIT :sample
), begun AS MATERIALIZED (
    SELECT product_id, category, region_code, province_code, unit_price_minor,
           coalesce(place, 1000000 + (1000000 * ts_rank(document, (SELECT either FROM asked)))::bigint) AS score
      FROM fitting
     WHERE (SELECT count(*) FROM whole) < :enough
       AND document @@ (SELECT begun FROM asked)
       AND product_id NOT IN (SELECT product_id FROM whole)
     LIMIT :sample
), exact AS (
    SELECT * FROM whole UNION ALL SELECT * FROM begun
), corrected AS MATERIALIZED (
    SELECT to_tsquery('simple', string_agg('(' || near.alternatives || ')', ' & ')) AS query
      FROM regexp_split_to_table(:words::text, ' ') AS typed
     CROSS JOIN LATERAL (
           SELECT string_agg(quote_literal(word), ' | ') AS alternatives
             FROM (SELECT word FROM title_words WHERE word % typed
                    ORDER BY similarity(word, typed) DESC, word LIMIT 3) AS nearest) AS near
     WHERE (SELECT count(*) FROM exact) < :enough AND near.alternatives IS NOT NULL
), resembling AS MATERIALIZED (
    SELECT product_id, category, region_code, province_code, unit_price_minor,
           coalesce(place, least(999999, (1000000 * word_similarity(:words, plain_title))::bigint)) AS score
      FROM fitting
     WHERE (SELECT count(*) FROM exact) < :enough
       AND document @@ (SELECT query FROM corrected)
       AND product_id NOT IN (SELECT product_id FROM exact)
     LIMIT :sample
), matches AS MATERIALIZED (
    SELECT * FROM exact UNION ALL SELECT * FROM resembling
), page AS (
    SELECT product_id, score FROM matches
     WHERE (score, product_id) < (:after_score::bigint, :after_id::uuid)
     ORDER BY score DESC, product_id DESC
     LIMIT :limit
), counts AS (
    SELECT jsonb_agg(jsonb_build_array(facet, value, count)) AS facets
      FROM (SELECT coalesce(category, region, band::text) AS value, count(*) AS count,
                   CASE WHEN grouping(category) = 0 THEN 'category' WHEN grouping(region) = 0 THEN 'region'
                        WHEN grouping(band) = 0 THEN 'band' ELSE 'total' END AS facet
              FROM (SELECT category, width_bucket(unit_price_minor, :bounds::bigint[]) AS band,
                           CASE WHEN :province::text IS NULL AND :region::text IS NULL THEN province_code
                                ELSE region_code END AS region
                      FROM matches WHERE :with_facets::boolean) AS sample
             GROUP BY GROUPING SETS ((category), (region), (band), ())) AS grouped
)
SELECT products.product_id, products.shop_id, shops.name AS shop_name, shops.badges, products.region_code,
       products.version, products.title, products.category, products.unit_price_minor, products.currency, products.weight_grams,
       products.photos -> 0 ->> 'small' AS photo, products.listed_at, stock.on_hand - stock.reserved AS available,
       page.score, NULL::jsonb AS facets, NULL::bigint AS matched
  FROM page JOIN products USING (product_id) JOIN shops USING (shop_id) JOIN stock USING (product_id)
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, -9223372036854775808, facets,
       (SELECT count(*) FROM exact)
  FROM counts
 ORDER BY score DESC, product_id DESC;
