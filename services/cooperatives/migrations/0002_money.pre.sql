-- The books: which ledger account is what, savings and what moved them, withdrawals, journals, orders paid from savings.

CREATE TYPE savings_kind AS ENUM ('principal', 'mandatory', 'voluntary', 'payable');
CREATE TYPE movement_reason AS ENUM ('deposit', 'withdrawal', 'charge', 'refund', 'ended');
CREATE TYPE withdrawal_state AS ENUM ('waiting', 'paid', 'refused');
CREATE TYPE journal_state AS ENUM ('waiting', 'posted', 'refused');
CREATE TYPE charge_outcome AS ENUM ('charged', 'refused');
CREATE TYPE charge_refusal AS ENUM ('unknown_cooperative', 'not_a_member', 'too_little', 'expired');

-- A ledger account of a cooperative: a line of its chart of accounts, or one member's share of that line.
CREATE TABLE books (
    ledger_account_id uuid NOT NULL PRIMARY KEY REFERENCES ledger_accounts,
    cooperative_id    uuid NOT NULL REFERENCES cooperatives,
    code              text NOT NULL CHECK (code ~ '^[1-5][0-9]{3}$'),
    member_id         uuid,
    FOREIGN KEY (member_id, cooperative_id) REFERENCES members (member_id, cooperative_id),
    UNIQUE NULLS NOT DISTINCT (cooperative_id, code, member_id)
);

CREATE INDEX books_of_member ON books (member_id) WHERE member_id IS NOT NULL;

-- What moved a member's savings, as the member reads it; movement_id is the ledger's transfer. One transfer may move several kinds.
CREATE TABLE savings_movements (
    movement_id       uuid            NOT NULL,
    member_id         uuid            NOT NULL,
    kind              savings_kind    NOT NULL,
    cooperative_id    uuid            NOT NULL,
    ledger_account_id uuid            NOT NULL REFERENCES books,
    amount_minor      bigint          NOT NULL CHECK (amount_minor <> 0),
    reason            movement_reason NOT NULL,
    made_by           uuid,
    moved_at          timestamptz     NOT NULL,
    PRIMARY KEY (movement_id, kind),
    FOREIGN KEY (member_id, cooperative_id) REFERENCES members (member_id, cooperative_id)
);

CREATE INDEX savings_movements_of_member ON savings_movements (member_id, moved_at DESC, movement_id);

CREATE TRIGGER savings_movements_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON savings_movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A withdrawal above the limit of the articles, or of an officer's own savings, is decided by another officer.
CREATE TABLE withdrawals (
    withdrawal_id  uuid             PRIMARY KEY,
    cooperative_id uuid             NOT NULL,
    member_id      uuid             NOT NULL,
    kind           savings_kind     NOT NULL CHECK (kind IN ('voluntary', 'payable')),
    amount_minor   bigint           NOT NULL CHECK (amount_minor BETWEEN 1 AND 1000000000000000),
    needs_second   boolean          NOT NULL,
    state          withdrawal_state NOT NULL,
    asked_by       uuid             NOT NULL,
    asked_at       timestamptz      NOT NULL,
    decided_by     uuid,
    decided_at     timestamptz,
    FOREIGN KEY (member_id, cooperative_id) REFERENCES members (member_id, cooperative_id),
    CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT withdrawals_are_paid_by_a_second_person CHECK (NOT needs_second OR decided_by <> asked_by)
);

CREATE INDEX withdrawals_of_cooperative ON withdrawals (cooperative_id, withdrawal_id);
CREATE INDEX withdrawals_of_member ON withdrawals (member_id);

-- What the treasurer writes by hand; another officer approves, and only then it is in the ledger.
CREATE TABLE journals (
    journal_id     uuid          PRIMARY KEY,
    cooperative_id uuid          NOT NULL REFERENCES cooperatives,
    description    text          NOT NULL,
    booked_on      date          NOT NULL,
    state          journal_state NOT NULL DEFAULT 'waiting',
    entered_by     uuid          NOT NULL,
    entered_at     timestamptz   NOT NULL,
    decided_by     uuid,
    decided_at     timestamptz,
    CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT journals_are_posted_by_a_second_person CHECK (decided_by <> entered_by)
);

CREATE INDEX journals_of_cooperative ON journals (cooperative_id, journal_id);

CREATE TABLE journal_lines (
    journal_id   uuid        NOT NULL REFERENCES journals,
    line         smallint    NOT NULL CHECK (line >= 1),
    code         text        NOT NULL,
    side         ledger_side NOT NULL,
    amount_minor bigint      NOT NULL CHECK (amount_minor BETWEEN 1 AND 1000000000000000),
    PRIMARY KEY (journal_id, line),
    CONSTRAINT journal_lines_name_an_account_once UNIQUE (journal_id, code)
);

-- Each request of orders to take an order's price from savings, answered once.
CREATE TABLE savings_charges (
    charge_id      uuid           PRIMARY KEY,
    order_id       uuid           NOT NULL,
    cooperative_id uuid           NOT NULL,
    member_id      uuid           REFERENCES members,
    amount_minor   bigint         NOT NULL CHECK (amount_minor >= 1),
    refunded_minor bigint         NOT NULL DEFAULT 0,
    outcome        charge_outcome NOT NULL,
    refusal        charge_refusal,
    answered_at    timestamptz    NOT NULL,
    CHECK ((outcome = 'refused') = (refusal IS NOT NULL)),
    CHECK (outcome = 'refused' OR member_id IS NOT NULL),
    CHECK (outcome = 'charged' OR refunded_minor = 0),
    CONSTRAINT savings_charges_give_back_at_most_what_they_took CHECK (refunded_minor BETWEEN 0 AND amount_minor)
);

CREATE INDEX savings_charges_of_order ON savings_charges (order_id);

CREATE TABLE savings_refunds (
    refund_id    uuid         PRIMARY KEY,
    charge_id    uuid         NOT NULL REFERENCES savings_charges,
    amount_minor bigint       NOT NULL CHECK (amount_minor >= 1),
    paid_to      savings_kind NOT NULL CHECK (paid_to IN ('voluntary', 'payable')),
    refunded_at  timestamptz  NOT NULL
);

CREATE INDEX savings_refunds_of_charge ON savings_refunds (charge_id);
