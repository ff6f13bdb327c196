-- Shops, products, stock and its reservations, photos, imports, and what search needs.

CREATE TYPE shop_state AS ENUM ('open', 'closed');
CREATE TYPE shop_role AS ENUM ('owner', 'manager', 'packer');
CREATE TYPE product_state AS ENUM ('listed', 'withdrawn');
CREATE TYPE reservation_state AS ENUM ('reserved', 'refused', 'released', 'committed');
CREATE TYPE restock_kind AS ENUM ('parcel', 'return');
CREATE TYPE import_state AS ENUM ('waiting', 'running', 'done', 'refused');
CREATE TYPE row_outcome AS ENUM ('listed', 'revised', 'unchanged', 'failed');

CREATE TABLE categories (
    slug     text     PRIMARY KEY CHECK (slug ~ '^[a-z0-9-]{2,40}$'),
    name     text     NOT NULL,
    position smallint NOT NULL
);

INSERT INTO categories (slug, name, position) VALUES
    ('makanan-ringan',    'Makanan ringan',       1),
    ('kopi-teh',          'Kopi & teh',           2),
    ('bumbu-dapur',       'Bumbu dapur',          3),
    ('gula-madu',         'Gula & madu',          4),
    ('ikan-olahan',       'Olahan ikan',          5),
    ('kue-oleh-oleh',     'Kue & oleh-oleh',      6),
    ('minuman',           'Minuman',              7),
    ('batik-kain',        'Batik & kain',         8),
    ('kerajinan',         'Kerajinan',            9),
    ('fesyen',            'Fesyen',              10),
    ('tas-aksesori',      'Tas & aksesori',      11),
    ('kosmetik-herbal',   'Kosmetik & herbal',   12),
    ('pertanian',         'Hasil pertanian',     13),
    ('rumah-tangga',      'Rumah tangga',        14);

-- `sequence` counts the facts of the shop on lumbung.catalog: whoever publishes one holds this row's lock.
CREATE TABLE shops (
    shop_id        uuid        PRIMARY KEY,
    owner_id       uuid        NOT NULL,
    name           text        NOT NULL,
    region_code    text        COLLATE "C" NOT NULL,
    cooperative_id uuid,
    state          shop_state  NOT NULL DEFAULT 'open',
    sequence       bigint      NOT NULL DEFAULT 0,
    opened_at      timestamptz NOT NULL,
    closed_at      timestamptz,
    CHECK ((state = 'closed') = (closed_at IS NOT NULL))
) WITH (fillfactor = 80);

CREATE INDEX shops_of_owner ON shops (owner_id);

CREATE TABLE shop_staff (
    shop_id    uuid      NOT NULL REFERENCES shops,
    account_id uuid      NOT NULL,
    role       shop_role NOT NULL,
    PRIMARY KEY (account_id, shop_id)
);

CREATE INDEX shop_staff_of_shop ON shop_staff (shop_id);

-- The words of a product as search compares them: exact words and stems of the title, then words of the description.
-- unaccent() is not IMMUTABLE because its dictionary could be edited; ours is not.
CREATE FUNCTION search_document(title text, description text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    setweight(to_tsvector('pg_catalog.simple'::regconfig, public.unaccent('public.unaccent'::regdictionary, title)), 'A')
 || setweight(to_tsvector('pg_catalog.indonesian'::regconfig, title), 'B')
 || setweight(to_tsvector('pg_catalog.simple'::regconfig,
                          public.unaccent('public.unaccent'::regdictionary, left(description, 2000))), 'D');

CREATE FUNCTION search_title(title text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN lower(public.unaccent('public.unaccent'::regdictionary, title));

-- `counted` is the stock that the last import said, so that importing the same file again is not a new count.
CREATE TABLE products (
    product_id       uuid          PRIMARY KEY,
    shop_id          uuid          NOT NULL REFERENCES shops,
    version          integer       NOT NULL DEFAULT 1 CHECK (version >= 1),
    state            product_state NOT NULL DEFAULT 'listed',
    title            text          NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    description      text          NOT NULL,
    category         text          NOT NULL REFERENCES categories,
    unit_price_minor bigint        NOT NULL CHECK (unit_price_minor >= 0),
    currency         text          NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    weight_grams     integer       NOT NULL CHECK (weight_grams BETWEEN 1 AND 1000000),
    payees           jsonb         NOT NULL,
    sku              text,
    counted          integer,
    region_code      text          COLLATE "C" NOT NULL,
    province_code    text          COLLATE "C" NOT NULL GENERATED ALWAYS AS (left(region_code, 2)) STORED,
    photos           jsonb         NOT NULL DEFAULT '[]',
    listed_at        timestamptz   NOT NULL,
    changed_at       timestamptz   NOT NULL,
    document         tsvector      NOT NULL GENERATED ALWAYS AS (search_document(title, description)) STORED,
    plain_title      text          NOT NULL GENERATED ALWAYS AS (search_title(title)) STORED
);

-- The lists: each sort order, over everything and within a category, a province, a regency or a shop.
CREATE INDEX products_newest ON products (listed_at DESC, product_id DESC) WHERE state = 'listed';
CREATE INDEX products_cheapest ON products (unit_price_minor, product_id) WHERE state = 'listed';
CREATE INDEX products_newest_of_category ON products (category, listed_at DESC, product_id DESC) WHERE state = 'listed';
CREATE INDEX products_cheapest_of_category ON products (category, unit_price_minor, product_id) WHERE state = 'listed';
CREATE INDEX products_newest_of_province ON products (province_code, listed_at DESC, product_id DESC)
    WHERE state = 'listed';
CREATE INDEX products_newest_of_region ON products (region_code, listed_at DESC, product_id DESC)
    WHERE state = 'listed';
CREATE INDEX products_of_shop ON products (shop_id, listed_at DESC, product_id DESC);
CREATE UNIQUE INDEX products_sku ON products (shop_id, sku) WHERE sku IS NOT NULL AND state = 'listed';
CREATE INDEX products_title ON products (shop_id, plain_title) WHERE state = 'listed';

-- Search: words and stems, and trigrams for what people mistype (the stemmer over-cuts: "keripik" becomes "ripik").
CREATE INDEX products_words ON products USING gin (document) WHERE state = 'listed';
CREATE INDEX products_trigrams ON products USING gin (plain_title gin_trgm_ops) WHERE state = 'listed';

-- Every word of a title ever listed: a mistyped word is looked up here, among thousands of words, not millions of titles.
CREATE TABLE title_words (
    word text COLLATE "C" PRIMARY KEY
);

CREATE INDEX title_words_trigrams ON title_words USING gin (word gin_trgm_ops);

-- What a reservation must decide by, in one row: a reservation reads and locks nothing else.
-- received = all that the seller ever put in (less what was taken out); it equals what is there plus what was sold.
CREATE TABLE stock (
    product_id uuid    PRIMARY KEY REFERENCES products,
    version    integer NOT NULL,
    is_listed  boolean NOT NULL DEFAULT true,
    on_hand    bigint  NOT NULL,
    reserved   bigint  NOT NULL DEFAULT 0,
    sold       bigint  NOT NULL DEFAULT 0,
    returned   bigint  NOT NULL DEFAULT 0,
    received   bigint  NOT NULL,
    CONSTRAINT stock_reserved_within_on_hand CHECK (0 <= reserved AND reserved <= on_hand),
    CONSTRAINT stock_counts_are_possible CHECK (sold >= 0 AND returned >= 0 AND on_hand <= 1000000000),
    CONSTRAINT stock_is_conserved CHECK (on_hand + sold - returned = received)
) WITH (fillfactor = 60);

-- One row per order: what it asked for at its latest attempt and what became of it. No foreign key to stock: the row is
-- written under the locks of exactly those stock rows. restocked[i] is what came back of quantities[i] after the commit.
CREATE TABLE reservation_orders (
    order_id    uuid              PRIMARY KEY,
    attempt     integer           NOT NULL,
    state       reservation_state NOT NULL,
    product_ids uuid[]            NOT NULL,
    quantities  integer[]         NOT NULL,
    restocked   integer[]         NOT NULL,
    reserved_at timestamptz       NOT NULL,
    changed_at  timestamptz       NOT NULL,
    CHECK (cardinality(product_ids) = cardinality(quantities) AND cardinality(product_ids) = cardinality(restocked))
) WITH (fillfactor = 80);

CREATE INDEX reservation_orders_open ON reservation_orders (reserved_at, order_id) WHERE state = 'reserved';

-- The same by line, for people and for the audit.
CREATE VIEW reservations AS
SELECT reservation_orders.order_id, reservation_orders.attempt, line.product_id, line.quantity, line.restocked,
       reservation_orders.state
  FROM reservation_orders,
       unnest(reservation_orders.product_ids, reservation_orders.quantities, reservation_orders.restocked)
           AS line (product_id, quantity, restocked);

-- A cancelled parcel or a return puts its goods back once, by its id.
CREATE TABLE restocks (
    source_id   uuid         PRIMARY KEY,
    kind        restock_kind NOT NULL,
    order_id    uuid         NOT NULL,
    product_ids uuid[]       NOT NULL,
    quantities  integer[]    NOT NULL,
    restocked_at timestamptz NOT NULL
);

CREATE TABLE imports (
    import_id    uuid         PRIMARY KEY,
    shop_id      uuid         NOT NULL REFERENCES shops,
    account_id   uuid         NOT NULL,
    filename     text         NOT NULL,
    content      bytea,
    state        import_state NOT NULL DEFAULT 'waiting',
    reason       text,
    total        integer,
    done         integer      NOT NULL DEFAULT 0,
    failed       integer      NOT NULL DEFAULT 0,
    rows_read    integer      NOT NULL DEFAULT 0,
    attempts     integer      NOT NULL DEFAULT 0,
    lease        uuid,
    leased_until timestamptz,
    created_at   timestamptz  NOT NULL,
    finished_at  timestamptz,
    CHECK ((state IN ('done', 'refused')) = (finished_at IS NOT NULL)),
    CHECK ((content IS NULL) = (finished_at IS NOT NULL)),
    CHECK (done + failed = rows_read)
);

CREATE INDEX imports_open ON imports (created_at) WHERE finished_at IS NULL;
CREATE INDEX imports_of_shop ON imports (shop_id, created_at DESC);

CREATE TABLE import_rows (
    import_id  uuid        NOT NULL REFERENCES imports,
    row_number integer     NOT NULL,
    outcome    row_outcome NOT NULL,
    product_id uuid,
    faults     jsonb       NOT NULL DEFAULT '[]',
    PRIMARY KEY (import_id, row_number)
);
