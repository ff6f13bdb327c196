-- What the orders service owns: its copy of catalog's facts, carts, orders with their lines, parcels and addresses, and money.

-- Shops as catalog tells them. A row may begin with either fact; region_code is NULL until shop_opened is known.
CREATE TABLE shops (
    shop_id         uuid    PRIMARY KEY,
    region_code     text,
    cooperative_id  uuid,
    opened_sequence bigint  NOT NULL DEFAULT 0,
    staff_sequence  bigint  NOT NULL DEFAULT 0
);

CREATE TABLE shop_staff (
    account_id uuid NOT NULL,
    shop_id    uuid NOT NULL,
    role       text NOT NULL CHECK (role IN ('owner', 'manager', 'packer')),
    PRIMARY KEY (account_id, shop_id)
);
CREATE INDEX shop_staff_of_shop ON shop_staff (shop_id);

-- Products as catalog tells them. Each kind of fact keeps its own version, so that facts may arrive in any order:
-- a price that comes before its product waits here, unlisted, and is not lost.
CREATE TABLE offers (
    product_id        uuid    PRIMARY KEY,
    shop_id           uuid    NOT NULL,
    version           integer NOT NULL,
    details_version   integer NOT NULL DEFAULT 0,
    price_version     integer NOT NULL DEFAULT 0,
    withdrawn_version integer NOT NULL DEFAULT 0,
    title             text,
    category          text,
    unit_price_minor  bigint,
    currency          text,
    weight_grams      integer,
    payees            jsonb,
    is_listed         boolean NOT NULL GENERATED ALWAYS AS (details_version > withdrawn_version) STORED
);

-- People who were forgotten: they cannot order any more, and the addresses of their finished orders are erased.
CREATE TABLE erased_accounts (
    account_id uuid        PRIMARY KEY,
    erased_at  timestamptz NOT NULL
);

CREATE TABLE cart_items (
    buyer_id         uuid        NOT NULL,
    product_id       uuid        NOT NULL,
    quantity         integer     NOT NULL CHECK (quantity BETWEEN 1 AND 1000),
    version          integer     NOT NULL,
    unit_price_minor bigint      NOT NULL,
    added_at         timestamptz NOT NULL,
    PRIMARY KEY (buyer_id, product_id)
);

CREATE TYPE order_status AS ENUM ('placed', 'reserved', 'confirmed', 'reclaiming', 'completed', 'cancelled');
CREATE TYPE payment_method AS ENUM ('qris', 'va', 'cod', 'savings');
CREATE TYPE cancel_reason AS ENUM ('buyer', 'seller', 'out_of_stock', 'unpaid', 'payment_refused', 'paid_too_late',
                                   'operator', 'offer_changed');

-- One row per order. Lines, parcels and address are written by the same statement and never without it, so they carry
-- no foreign keys: each would cost a look-up per row on the hottest path of the market.
-- received_minor is the money accepted for the order so far; deadline_at is by this database's clock.
CREATE TABLE orders (
    order_id       uuid           PRIMARY KEY,
    buyer_id       uuid           NOT NULL,
    status         order_status   NOT NULL DEFAULT 'placed',
    payment_method payment_method NOT NULL,
    attempt        smallint       NOT NULL DEFAULT 1 CHECK (attempt >= 1),
    total_minor    bigint         NOT NULL CHECK (total_minor >= 0),
    received_minor bigint         NOT NULL DEFAULT 0 CHECK (received_minor BETWEEN 0 AND total_minor),
    currency       text           NOT NULL,
    placed_at      timestamptz    NOT NULL,
    deadline_at    timestamptz,
    reserved_at    timestamptz,
    confirmed_at   timestamptz,
    paid_at        timestamptz,
    cancelled_at   timestamptz,
    completed_at   timestamptz,
    cancel_reason  cancel_reason,
    shortages      jsonb,
    CHECK ((status = 'cancelled') = (cancel_reason IS NOT NULL))
);
CREATE INDEX orders_of_buyer ON orders (buyer_id, order_id);
CREATE INDEX orders_open ON orders (status, deadline_at) WHERE status IN ('placed', 'reserved', 'reclaiming');

-- Where an order goes. Apart from the order, so that forgetting a person is one DELETE.
CREATE TABLE addresses (
    order_id    uuid PRIMARY KEY,
    name        text NOT NULL,
    phone       text NOT NULL,
    address     text NOT NULL,
    region_code text NOT NULL,
    postal_code text,
    note        text
);

CREATE TYPE parcel_status AS ENUM ('pending', 'shipped', 'delivered', 'completed', 'cancelled', 'returned');

-- What one shop sends. Ids of shop, cooperative and region are as they were at the time of sale. A parcel is pending
-- from the start; it may be shipped once its order is confirmed.
CREATE TABLE parcels (
    parcel_id       uuid          PRIMARY KEY,
    order_id        uuid          NOT NULL,
    shop_id         uuid          NOT NULL,
    cooperative_id  uuid,
    region_code     text          NOT NULL,
    goods_minor     bigint        NOT NULL CHECK (goods_minor >= 0),
    shipping_minor  bigint        NOT NULL CHECK (shipping_minor >= 0),
    status          parcel_status NOT NULL DEFAULT 'pending',
    carrier         text,
    tracking        text,
    collected_minor bigint        NOT NULL DEFAULT 0 CHECK (collected_minor BETWEEN 0 AND goods_minor + shipping_minor),
    deadline_at     timestamptz,
    shipped_at      timestamptz,
    delivered_at    timestamptz,
    completed_at    timestamptz,
    completed_by    text          CHECK (completed_by IN ('buyer', 'clock')),
    ended_at        timestamptz
);
CREATE INDEX parcels_of_order ON parcels (order_id);
CREATE INDEX parcels_of_shop ON parcels (shop_id, parcel_id);
CREATE INDEX parcels_undelivered ON parcels (shop_id, parcel_id) WHERE status IN ('pending', 'shipped');
CREATE INDEX parcels_due ON parcels (deadline_at) WHERE status = 'delivered';

-- What was sold, with price, version and payees frozen at sale.
CREATE TABLE order_lines (
    order_id         uuid    NOT NULL,
    product_id       uuid    NOT NULL,
    parcel_id        uuid    NOT NULL,
    version          integer NOT NULL,
    quantity         integer NOT NULL CHECK (quantity >= 1),
    unit_price_minor bigint  NOT NULL CHECK (unit_price_minor >= 0),
    title            text    NOT NULL,
    category         text    NOT NULL,
    payees           jsonb   NOT NULL,
    PRIMARY KEY (order_id, product_id)
);

CREATE TYPE charge_status AS ENUM ('requested', 'open', 'paid', 'refused', 'ended');

-- The one charge of an order that is paid before it is sent; made when stock is reserved, never earlier.
CREATE TABLE charges (
    order_id           uuid          PRIMARY KEY REFERENCES orders,
    status             charge_status NOT NULL DEFAULT 'requested',
    amount_minor       bigint        NOT NULL CHECK (amount_minor > 0),
    provider_reference text          UNIQUE,
    qr_payload         text,
    account_number     text,
    expires_at         timestamptz,
    requested_at       timestamptz   NOT NULL,
    made_at            timestamptz,
    is_checked         boolean       NOT NULL DEFAULT false
);

CREATE TYPE receipt_verdict AS ENUM ('accepted', 'late', 'wrong_amount', 'duplicate', 'after_cancel');

-- Money that came in, once per provider's reference (cash at the door: per parcel), and what we made of it.
CREATE TABLE receipts (
    provider           text            NOT NULL,
    provider_reference text            NOT NULL,
    order_id           uuid            NOT NULL REFERENCES orders,
    amount_minor       bigint          NOT NULL CHECK (amount_minor > 0),
    refunded_minor     bigint          NOT NULL DEFAULT 0,
    verdict            receipt_verdict NOT NULL,
    received_at        timestamptz     NOT NULL,
    recorded_at        timestamptz     NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (provider, provider_reference),
    CONSTRAINT never_more_than_was_paid CHECK (refunded_minor BETWEEN 0 AND amount_minor)
);
CREATE INDEX receipts_of_order ON receipts (order_id);

CREATE TYPE refund_status AS ENUM ('requested', 'made', 'failed');

-- Money that goes back; refunded_minor of its receipt counts it from the moment it is asked for.
CREATE TABLE refunds (
    refund_id          uuid          PRIMARY KEY,
    order_id           uuid          NOT NULL REFERENCES orders,
    parcel_id          uuid,
    shop_id            uuid,
    provider           text          NOT NULL,
    provider_reference text          NOT NULL,
    amount_minor       bigint        NOT NULL CHECK (amount_minor > 0),
    reason             text          NOT NULL CHECK (reason ~ '^[a-z_]{2,40}$'),
    status             refund_status NOT NULL DEFAULT 'requested',
    requested_by       uuid,
    requested_at       timestamptz   NOT NULL,
    made_at            timestamptz,
    refund_number      text,
    FOREIGN KEY (provider, provider_reference) REFERENCES receipts
);
CREATE INDEX refunds_of_order ON refunds (order_id);

-- Goods of a shipped parcel that the shop has back.
CREATE TABLE returned_lines (
    return_id   uuid        NOT NULL,
    parcel_id   uuid        NOT NULL,
    product_id  uuid        NOT NULL,
    quantity    integer     NOT NULL CHECK (quantity >= 1),
    received_at timestamptz NOT NULL,
    PRIMARY KEY (return_id, product_id)
);
CREATE INDEX returned_lines_of_parcel ON returned_lines (parcel_id);
