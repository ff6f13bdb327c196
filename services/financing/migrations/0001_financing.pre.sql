-- Who lends, what they offer, and financing's own copy of what catalog says of shops.

-- Licensed partners. client_id is the machine client of identity that acts for the lender; slug names its Kafka topic.
CREATE TABLE lenders (
    lender_id     uuid        PRIMARY KEY,
    client_id     uuid        NOT NULL CONSTRAINT lenders_client UNIQUE,
    slug          text        NOT NULL CONSTRAINT lenders_slug UNIQUE CHECK (slug ~ '^[a-z0-9-]{3,30}$'),
    name          text        NOT NULL CHECK (length(name) BETWEEN 2 AND 120),
    state         text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended')),
    registered_at timestamptz NOT NULL
);

-- What a lender would lend, to whom. Rates are percent of a year, exact; a murabahah has a margin on the cost instead.
CREATE TABLE loan_products (
    product_id                  uuid          PRIMARY KEY,
    lender_id                   uuid          NOT NULL REFERENCES lenders,
    name                        text          NOT NULL,
    scheme                      text          NOT NULL CHECK (scheme IN ('annuity', 'flat', 'sliding', 'murabahah')),
    annual_rate_pct             numeric(9, 4) CHECK (annual_rate_pct >= 0),
    annual_margin_pct           numeric(9, 4) CHECK (annual_margin_pct >= 0),
    currency                    text          NOT NULL,
    amount_min_minor            bigint        NOT NULL CHECK (amount_min_minor > 0),
    amount_max_minor            bigint        NOT NULL,
    tenor_min_months            smallint      NOT NULL CHECK (tenor_min_months >= 1),
    tenor_max_months            smallint      NOT NULL CHECK (tenor_max_months <= 360),
    sectors                     text[]        NOT NULL,
    regions                     text[]        NOT NULL,
    size_classes                text[]        NOT NULL,
    turnover_min_minor          bigint        NOT NULL DEFAULT 0 CHECK (turnover_min_minor >= 0),
    certificate_scheme          text,
    kur_scheme                  text,
    kur_access                  smallint      CHECK (kur_access >= 1),
    share_basis_points_max      integer       NOT NULL CHECK (share_basis_points_max BETWEEN 1 AND 10000),
    state                       text          NOT NULL DEFAULT 'offered' CHECK (state IN ('offered', 'withdrawn')),
    offered_at                  timestamptz   NOT NULL,
    withdrawn_at                timestamptz,
    CHECK (amount_min_minor <= amount_max_minor AND tenor_min_months <= tenor_max_months),
    CHECK ((scheme = 'murabahah') = (annual_margin_pct IS NOT NULL)),
    CHECK ((scheme = 'murabahah') = (annual_rate_pct IS NULL)),
    CHECK ((kur_scheme IS NULL) = (kur_access IS NULL)),
    CHECK ((state = 'withdrawn') = (withdrawn_at IS NOT NULL))
);
CREATE INDEX loan_products_of_lender ON loan_products (lender_id, product_id);
CREATE INDEX loan_products_offered ON loan_products (product_id) WHERE state = 'offered';

-- Shops as catalog tells them. A row may begin with either fact; region_code is NULL until shop_opened is known.
CREATE TABLE shops (
    shop_id         uuid        PRIMARY KEY,
    owner_id        uuid,
    region_code     text,
    cooperative_id  uuid,
    opened_at       timestamptz,
    opened_sequence bigint      NOT NULL DEFAULT 0,
    staff_sequence  bigint      NOT NULL DEFAULT 0
);
CREATE INDEX shops_of_owner ON shops (owner_id);

-- What lenders are to be told, in the order of the commits that made it true, as long as nobody delivers it.
CREATE TABLE lender_facts (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lender_id   uuid        NOT NULL REFERENCES lenders,
    type        text        NOT NULL,
    data        jsonb       NOT NULL,
    consent_id  uuid,
    traceparent text,
    told_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX lender_facts_of_lender ON lender_facts (lender_id, id);
