-- Settlement: what a completed parcel becomes for its payees, refunds by line, payment from savings, taxpayers.

-- Money from before the ledger is booked by the clock, or when it is first needed. A refund's event is known once it is made.
ALTER TABLE receipts ADD COLUMN is_booked boolean NOT NULL DEFAULT false;
ALTER TABLE refunds ADD COLUMN is_booked boolean NOT NULL DEFAULT false, ADD COLUMN event_id uuid,
    ADD COLUMN tries smallint NOT NULL DEFAULT 1;
CREATE INDEX receipts_unbooked ON receipts (order_id) WHERE NOT is_booked;
CREATE INDEX refunds_unbooked ON refunds (order_id) WHERE NOT is_booked;

-- A completed parcel, settled once: what it brought after the refunds before, and what was kept of it. event_id is that of
-- its parcel_completed; NULL for parcels completed before there was a ledger.
CREATE TABLE settlements (
    parcel_id        uuid        PRIMARY KEY REFERENCES parcels,
    order_id         uuid        NOT NULL,
    shop_id          uuid        NOT NULL,
    event_id         uuid,
    goods_minor      bigint      NOT NULL CHECK (goods_minor >= 0),
    shipping_minor   bigint      NOT NULL CHECK (shipping_minor >= 0),
    commission_minor bigint      NOT NULL CHECK (commission_minor >= 0),
    tax_minor        bigint      NOT NULL CHECK (tax_minor >= 0),
    is_cash          boolean     NOT NULL,  -- the shop took the money at the door and has it already
    settled_at       timestamptz NOT NULL,
    CHECK (commission_minor + tax_minor <= goods_minor)
);
CREATE INDEX settlements_of_shop ON settlements (shop_id, settled_at);

-- Every rupiah of a settlement: of which line (NULL: the shipping), of whose sale, and who gets it. A refund takes back from
-- what is left of each, in proportion, so that a full refund takes back exactly all.
CREATE TABLE settlement_parts (
    parcel_id      uuid     NOT NULL REFERENCES settlements,
    number         smallint NOT NULL,
    product_id     uuid,
    party_id       uuid     NOT NULL,
    kind           text     NOT NULL CHECK (kind IN ('net', 'commission', 'tax')),
    amount_minor   bigint   NOT NULL CHECK (amount_minor > 0),
    returned_minor bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (parcel_id, number),
    CONSTRAINT never_more_than_was_settled CHECK (returned_minor BETWEEN 0 AND amount_minor)
);

-- What of a refund belongs to which line (NULL: the shipping); quantity 0 is money alone. is_of_settled: it is taken back
-- from the payees, because the parcel was settled when the refund was decided.
CREATE TABLE refund_parts (
    refund_id     uuid    NOT NULL REFERENCES refunds,
    parcel_id     uuid    NOT NULL,
    product_id    uuid,
    quantity      integer NOT NULL CHECK (quantity >= 0),
    amount_minor  bigint  NOT NULL CHECK (amount_minor > 0),
    is_of_settled boolean NOT NULL,
    UNIQUE NULLS NOT DISTINCT (refund_id, parcel_id, product_id)
);
CREATE INDEX refund_parts_of_parcel ON refund_parts (parcel_id);

-- What a payee has declared for PPh 22. Who is not here is an individual who declared nothing.
CREATE TABLE taxpayers (
    party_id                    uuid        PRIMARY KEY,
    kind                        text        NOT NULL CHECK (kind IN ('individual', 'entity')),
    has_declared_small_turnover boolean     NOT NULL,
    has_exemption_letter        boolean     NOT NULL,
    declared_by                 uuid        NOT NULL,
    declared_at                 timestamptz NOT NULL,
    CHECK (kind = 'individual' OR NOT has_declared_small_turnover)
);

-- From whose savings an order is paid, and under which charge.
CREATE TABLE savings_payments (
    order_id       uuid PRIMARY KEY,
    charge_id      uuid NOT NULL UNIQUE,
    cooperative_id uuid NOT NULL
);
