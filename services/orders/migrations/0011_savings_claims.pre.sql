-- What cooperatives paid of what they owe for orders paid from savings: a bank transfer counts once, by its reference.
CREATE TABLE savings_claim_payments (
    payment_id     uuid        PRIMARY KEY,
    cooperative_id uuid        NOT NULL,
    amount_minor   bigint      NOT NULL CHECK (amount_minor >= 1),
    reference      text        NOT NULL CHECK (length(reference) BETWEEN 3 AND 60),
    recorded_by    uuid        NOT NULL,
    paid_at        timestamptz NOT NULL,
    CONSTRAINT savings_claim_payments_reference_counts_once UNIQUE (reference)
);

CREATE INDEX savings_claim_payments_of_cooperative ON savings_claim_payments (cooperative_id);

CREATE TRIGGER savings_claim_payments_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON savings_claim_payments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
