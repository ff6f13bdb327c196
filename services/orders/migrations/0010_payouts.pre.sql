-- Money that leaves the market: where it goes, in which batches, what of it is kept for lenders, what the bank says.

CREATE TYPE bank_account_holder AS ENUM ('shop', 'person', 'lender');

-- Where a payee or lender is paid. Personal data: in no event and no log, erased with its person when nothing is due.
-- Until held_until nothing goes to it: whoever took over an account shall not be faster than its owner.
CREATE TABLE bank_accounts (
    holder_id      uuid                PRIMARY KEY,
    holder_kind    bank_account_holder NOT NULL,
    bank_code      text                NOT NULL CHECK (bank_code ~ '^[0-9]{3}$'),
    account_number text                NOT NULL CHECK (account_number ~ '^[0-9]{5,20}$'),
    holder_name    text                NOT NULL CHECK (length(holder_name) BETWEEN 2 AND 70),
    set_by         uuid                NOT NULL,
    set_at         timestamptz         NOT NULL,
    held_until     timestamptz         NOT NULL
);
CREATE INDEX bank_accounts_set_by ON bank_accounts (set_by);

-- Who changed where money goes, and when; not what it was, which is nobody's business afterwards.
CREATE TABLE bank_account_changes (
    change_id   uuid                PRIMARY KEY,
    holder_id   uuid                NOT NULL,
    holder_kind bank_account_holder NOT NULL,
    what        text                NOT NULL CHECK (what IN ('set', 'changed', 'erased')),
    changed_by  uuid,
    changed_at  timestamptz         NOT NULL,
    held_until  timestamptz
);
CREATE INDEX bank_account_changes_of_holder ON bank_account_changes (holder_id, change_id);

CREATE TYPE payout_batch_status AS ENUM ('draft', 'approved', 'closed', 'cancelled');

-- What goes to the bank in one file. created_by NULL: the clock.
CREATE TABLE payout_batches (
    batch_id         uuid                PRIMARY KEY,
    status           payout_batch_status NOT NULL DEFAULT 'draft',
    up_to_date       date                NOT NULL,
    created_by       uuid,
    created_at       timestamptz         NOT NULL,
    approved_by      uuid,
    approved_at      timestamptz,
    cancelled_by     uuid,
    cancelled_at     timestamptz,
    submitted_at     timestamptz,
    closed_at        timestamptz,
    file_lines       integer             CHECK (file_lines >= 0),
    file_total_minor bigint              CHECK (file_total_minor >= 0),
    file_sha256      text,
    trouble          text,
    CONSTRAINT payout_batches_need_a_second_person CHECK (approved_by <> created_by),
    CHECK ((status IN ('approved', 'closed')) = (approved_at IS NOT NULL)),
    CHECK ((approved_at IS NULL) = (approved_by IS NULL)),
    CHECK ((status = 'closed') = (closed_at IS NOT NULL))
);
CREATE INDEX payout_batches_of_status ON payout_batches (status, batch_id);

CREATE TYPE payout_status AS ENUM ('draft', 'left_out', 'scheduled', 'withheld', 'paid', 'returned', 'cancelled');

-- One payee in one batch. draft_minor is what there was when the batch was drafted; the rest is decided at approval:
-- balance_minor after debts, of which instalments_minor stay for lenders and amount_minor goes to the bank.
-- withheld: lenders got all of it, and nothing went to the bank.
CREATE TABLE payouts (
    payout_id         uuid          PRIMARY KEY,
    batch_id          uuid          NOT NULL REFERENCES payout_batches,
    payee_id          uuid          NOT NULL,
    status            payout_status NOT NULL,
    draft_minor       bigint        NOT NULL CHECK (draft_minor > 0),
    balance_minor     bigint        NOT NULL DEFAULT 0 CHECK (balance_minor >= 0),
    instalments_minor bigint        NOT NULL DEFAULT 0 CHECK (instalments_minor >= 0),
    amount_minor      bigint        NOT NULL DEFAULT 0 CHECK (amount_minor >= 0),
    left_out_reason   text          CHECK (left_out_reason IN ('no_bank_account', 'bank_account_fresh', 'below_minimum')),
    returned_reason   text          CHECK (returned_reason IN ('account_closed', 'account_unknown', 'name_differs', 'other')),
    scheduled_at      timestamptz,
    settled_at        timestamptz,
    CONSTRAINT payouts_add_up CHECK (balance_minor = instalments_minor + amount_minor),
    CHECK ((status = 'left_out') = (left_out_reason IS NOT NULL)),
    CHECK ((status = 'returned') = (returned_reason IS NOT NULL)),
    CHECK ((status IN ('scheduled', 'withheld', 'paid', 'returned')) = (scheduled_at IS NOT NULL))
);
CREATE INDEX payouts_of_batch ON payouts (batch_id, payout_id);
CREATE INDEX payouts_of_payee ON payouts (payee_id, payout_id);
CREATE UNIQUE INDEX payouts_one_open_per_payee ON payouts (payee_id) WHERE status IN ('draft', 'scheduled');

CREATE TYPE remittance_status AS ENUM ('scheduled', 'paid', 'returned');

-- Accepted instalments of one lender in one batch.
CREATE TABLE remittances (
    remittance_id   uuid              PRIMARY KEY,
    batch_id        uuid              NOT NULL REFERENCES payout_batches,
    lender_id       uuid              NOT NULL,
    status          remittance_status NOT NULL DEFAULT 'scheduled',
    amount_minor    bigint            NOT NULL CHECK (amount_minor > 0),
    returned_reason text,
    scheduled_at    timestamptz       NOT NULL,
    settled_at      timestamptz,
    CHECK ((status = 'returned') = (returned_reason IS NOT NULL)),
    UNIQUE (batch_id, lender_id)
);

-- The lines of a bank file as they were sent, in its order. Personal data: apart, so that erasing is one DELETE.
CREATE TABLE bank_file_lines (
    line_id        uuid    PRIMARY KEY,
    batch_id       uuid    NOT NULL REFERENCES payout_batches,
    number         integer NOT NULL CHECK (number >= 1),
    kind           text    NOT NULL CHECK (kind IN ('PAYOUT', 'REMITTANCE')),
    holder_id      uuid    NOT NULL,
    bank_code      text    NOT NULL,
    account_number text    NOT NULL,
    holder_name    text    NOT NULL,
    amount_minor   bigint  NOT NULL CHECK (amount_minor > 0),
    UNIQUE (batch_id, number)
);
CREATE INDEX bank_file_lines_of_holder ON bank_file_lines (holder_id);

-- Every answer that came, from the bank (received_by NULL) or by an officer's hand, and what we made of it.
CREATE TABLE bank_answers (
    answer_id   uuid        PRIMARY KEY,
    batch_id    uuid        NOT NULL REFERENCES payout_batches,
    sha256      text        NOT NULL,
    received_by uuid,
    received_at timestamptz NOT NULL,
    verdict     text        NOT NULL CHECK (verdict IN ('applied', 'repeated', 'refused')),
    detail      text        NOT NULL DEFAULT ''
);
CREATE INDEX bank_answers_of_batch ON bank_answers (batch_id, answer_id);

-- What financing tells us to withhold; a higher version replaces a lower one, ended ones included.
CREATE TABLE mandates (
    mandate_id             uuid        PRIMARY KEY,
    version                integer     NOT NULL CHECK (version >= 1),
    loan_id                uuid        NOT NULL,
    application_id         uuid        NOT NULL,
    lender_id              uuid        NOT NULL,
    payee_id               uuid        NOT NULL,
    dues                   jsonb       NOT NULL DEFAULT '[]',
    share_basis_points_max integer     NOT NULL DEFAULT 0 CHECK (share_basis_points_max BETWEEN 0 AND 10000),
    ended_reason           text,
    changed_at             timestamptz NOT NULL
);
CREATE INDEX mandates_of_payee ON mandates (payee_id) WHERE ended_reason IS NULL;

-- What of a payout was kept for a loan. Financing accepts or refuses it, in parts at most two.
CREATE TABLE instalments (
    instalment_id  uuid        PRIMARY KEY,
    payout_id      uuid        NOT NULL REFERENCES payouts,
    mandate_id     uuid        NOT NULL REFERENCES mandates,
    loan_id        uuid        NOT NULL,
    application_id uuid        NOT NULL,
    lender_id      uuid        NOT NULL,
    payee_id       uuid        NOT NULL,
    amount_minor   bigint      NOT NULL CHECK (amount_minor > 0),
    accepted_minor bigint      NOT NULL DEFAULT 0 CHECK (accepted_minor >= 0),
    refused_minor  bigint      NOT NULL DEFAULT 0 CHECK (refused_minor >= 0),
    remittance_id  uuid        REFERENCES remittances,
    withheld_at    timestamptz NOT NULL,
    passed_on_at   timestamptz,
    CONSTRAINT instalments_are_answered_once CHECK (accepted_minor + refused_minor <= amount_minor)
);
CREATE INDEX instalments_of_payout ON instalments (payout_id);
CREATE INDEX instalments_of_loan ON instalments (loan_id);
CREATE INDEX instalments_of_remittance ON instalments (remittance_id);
CREATE INDEX instalments_to_pass_on ON instalments (lender_id, instalment_id)
    WHERE remittance_id IS NULL AND accepted_minor > 0;

-- Repayments as financing told of them: of our instalments, or (instalment_id NULL) made elsewhere.
CREATE TABLE repayments (
    repayment_id  uuid        PRIMARY KEY,
    loan_id       uuid        NOT NULL,
    instalment_id uuid,
    amount_minor  bigint      NOT NULL CHECK (amount_minor >= 0),
    received_at   timestamptz NOT NULL
);
CREATE INDEX repayments_elsewhere ON repayments (loan_id) WHERE instalment_id IS NULL;
