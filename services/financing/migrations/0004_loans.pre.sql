-- Loans with their schedules, what was paid for them, and the instalments that orders keeps out of payouts.

-- The sums paid and waived are those of its dues. The four accounts are opened when the loan is paid out. graded_on: the
-- day as of which kol and days_past_due hold.
CREATE TABLE loans (
    loan_id                uuid        PRIMARY KEY,
    application_id         uuid        NOT NULL UNIQUE REFERENCES applications,
    offer_id               uuid        NOT NULL UNIQUE REFERENCES offers,
    lender_id              uuid        NOT NULL REFERENCES lenders,
    shop_id                uuid        NOT NULL,
    person_id              uuid        NOT NULL,
    region_code            text        NOT NULL,
    scheme                 text        NOT NULL,
    annual_rate_pct        numeric(9, 4),
    margin_minor           bigint,
    amount_minor           bigint      NOT NULL CHECK (amount_minor > 0),
    currency               text        NOT NULL,
    tenor_months           smallint    NOT NULL,
    share_basis_points_max integer     NOT NULL,
    state                  text        NOT NULL DEFAULT 'agreed' CHECK (state IN ('agreed', 'running', 'repaid')),
    agreed_at              timestamptz NOT NULL,
    disbursed_on           date,
    disbursed_at           timestamptz,
    disbursement_reference text,
    repaid_at              timestamptz,
    mandate_id             uuid        NOT NULL UNIQUE,
    mandate_version        integer     NOT NULL DEFAULT 0,
    kol                    smallint    NOT NULL DEFAULT 1 CHECK (kol BETWEEN 1 AND 5),
    days_past_due          integer     NOT NULL DEFAULT 0 CHECK (days_past_due >= 0),
    graded_on              date,
    principal_account_id   uuid,
    cost_account_id        uuid,
    lender_account_id      uuid,
    clearing_account_id    uuid,
    traceparent            text,
    CHECK ((state = 'agreed') = (disbursed_on IS NULL)),
    CHECK ((state = 'agreed') = (principal_account_id IS NULL)),
    CHECK ((state = 'repaid') = (repaid_at IS NOT NULL))
);
CREATE INDEX loans_of_person ON loans (person_id, loan_id);
CREATE INDEX loans_of_lender ON loans (lender_id, loan_id);
CREATE INDEX loans_of_shop ON loans (shop_id) WHERE state <> 'repaid';
CREATE INDEX loans_to_grade ON loans (graded_on) WHERE state = 'running';

CREATE TABLE loan_dues (
    loan_id              uuid     NOT NULL REFERENCES loans,
    number               smallint NOT NULL CHECK (number >= 1),
    due_on               date     NOT NULL,
    principal_minor      bigint   NOT NULL CHECK (principal_minor >= 0),
    cost_minor           bigint   NOT NULL CHECK (cost_minor >= 0),
    principal_paid_minor bigint   NOT NULL DEFAULT 0,
    cost_paid_minor      bigint   NOT NULL DEFAULT 0,
    cost_waived_minor    bigint   NOT NULL DEFAULT 0,
    settled_on           date,
    PRIMARY KEY (loan_id, number),
    CONSTRAINT never_more_than_is_due CHECK (
        principal_paid_minor BETWEEN 0 AND principal_minor AND cost_paid_minor >= 0 AND cost_waived_minor >= 0
        AND cost_paid_minor + cost_waived_minor <= cost_minor)
);

-- Money that counts for a loan: out of a payout (instalment_id), or paid to the lender directly.
CREATE TABLE repayments (
    repayment_id    uuid        PRIMARY KEY,
    loan_id         uuid        NOT NULL REFERENCES loans,
    instalment_id   uuid        UNIQUE,
    reference       text,
    amount_minor    bigint      NOT NULL CHECK (amount_minor > 0),
    principal_minor bigint      NOT NULL CHECK (principal_minor >= 0),
    cost_minor      bigint      NOT NULL CHECK (cost_minor >= 0),
    waived_minor    bigint      NOT NULL DEFAULT 0 CHECK (waived_minor >= 0),
    received_at     timestamptz NOT NULL,
    CONSTRAINT repayments_reference UNIQUE (loan_id, reference),
    CHECK (amount_minor = principal_minor + cost_minor),
    CHECK ((instalment_id IS NULL) <> (reference IS NULL))
);

CREATE TABLE repayment_parts (
    repayment_id    uuid     NOT NULL REFERENCES repayments,
    number          smallint NOT NULL,
    principal_minor bigint   NOT NULL,
    cost_minor      bigint   NOT NULL,
    waived_minor    bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (repayment_id, number)
);

-- What orders withheld: of each so much counts for the loan and the rest is given back by orders. loan_id without a
-- reference: orders may name a loan that we do not know.
CREATE TABLE instalments (
    instalment_id  uuid        PRIMARY KEY,
    loan_id        uuid        NOT NULL,
    lender_id      uuid        NOT NULL,
    amount_minor   bigint      NOT NULL CHECK (amount_minor >= 0),
    accepted_minor bigint      NOT NULL CHECK (accepted_minor >= 0),
    refused_minor  bigint      NOT NULL CHECK (refused_minor >= 0),
    withheld_at    timestamptz NOT NULL,
    passed_on_at   timestamptz,
    CHECK (amount_minor = accepted_minor + refused_minor)
);
CREATE INDEX instalments_of_loan ON instalments (loan_id);
