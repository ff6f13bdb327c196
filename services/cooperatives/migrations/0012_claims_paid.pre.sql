-- What the cooperative paid the market for orders paid from savings, as orders told it; each payment booked once.
CREATE TABLE clearing_payments (
    payment_id      uuid        PRIMARY KEY,
    cooperative_id  uuid        NOT NULL REFERENCES cooperatives,
    amount_minor    bigint      NOT NULL CHECK (amount_minor >= 1),
    from_bank_minor bigint      NOT NULL CHECK (from_bank_minor BETWEEN 0 AND amount_minor),
    paid_at         timestamptz NOT NULL,
    booked_at       timestamptz NOT NULL
);

CREATE INDEX clearing_payments_of_cooperative ON clearing_payments (cooperative_id);

CREATE TRIGGER clearing_payments_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON clearing_payments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
