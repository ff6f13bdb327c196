-- What others say of shops and people, as far as a credit profile needs it. Ids, amounts and times only.

-- People who were forgotten: nothing about them is taken over any more.
CREATE TABLE erased_accounts (
    account_id uuid        PRIMARY KEY,
    erased_at  timestamptz NOT NULL
);

-- How many products of which category a shop has listed; the most frequent one is its sector.
CREATE TABLE shop_categories (
    shop_id  uuid    NOT NULL,
    category text    NOT NULL,
    listed   integer NOT NULL CHECK (listed > 0),
    PRIMARY KEY (shop_id, category)
);

-- One row per parcel that was completed or refunded; a refund may come before the completion that makes it count.
CREATE TABLE sales (
    parcel_id      uuid        PRIMARY KEY,
    shop_id        uuid        NOT NULL,
    goods_minor    bigint      NOT NULL DEFAULT 0 CHECK (goods_minor >= 0),
    refunded_minor bigint      NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0),
    completed_at   timestamptz
);
CREATE INDEX sales_of_shop ON sales (shop_id, completed_at);

-- What reached the shop's bank account, or came back from it.
CREATE TABLE payouts (
    payout_id    uuid        PRIMARY KEY,
    payee_id     uuid        NOT NULL,
    amount_minor bigint      NOT NULL,
    state        text        NOT NULL CHECK (state IN ('paid', 'returned')),
    happened_at  timestamptz NOT NULL
);
CREATE INDEX payouts_of_payee ON payouts (payee_id);

CREATE TABLE memberships (
    member_id      uuid        PRIMARY KEY,
    cooperative_id uuid        NOT NULL,
    account_id     uuid        NOT NULL,
    admitted_at    timestamptz NOT NULL,
    resigned_at    timestamptz
);
CREATE INDEX memberships_of_account ON memberships (account_id);

CREATE TABLE certificates (
    certificate_id uuid        PRIMARY KEY,
    person_id      uuid        NOT NULL,
    scheme         text        NOT NULL,
    issued_at      timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz
);
CREATE INDEX certificates_of_person ON certificates (person_id);
