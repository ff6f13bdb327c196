-- Whose savings pay at the market: a cooperative that an operator admitted, up to what it may owe the market.
-- Anybody may register a cooperative and book savings into it, while the market pays shops with its own money.
ALTER TABLE cooperatives
    ADD COLUMN market_limit_minor bigint NOT NULL DEFAULT 0 CHECK (market_limit_minor BETWEEN 0 AND 1000000000000);

-- Every change of that limit: who, when, from what to what.
CREATE TABLE market_limits (
    cooperative_id uuid        NOT NULL REFERENCES cooperatives,
    number         integer     NOT NULL CHECK (number >= 1),
    before_minor   bigint      NOT NULL,
    after_minor    bigint      NOT NULL,
    changed_by     uuid        NOT NULL,
    changed_at     timestamptz NOT NULL,
    PRIMARY KEY (cooperative_id, number),
    CHECK (before_minor <> after_minor)
);

CREATE TRIGGER market_limits_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON market_limits
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TYPE charge_refusal ADD VALUE 'not_admitted';
ALTER TYPE charge_refusal ADD VALUE 'limit_reached';
