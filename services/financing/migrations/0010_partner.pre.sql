-- Partner delivery: one log per lender with gap-free positions, and the subscriptions that read it.

-- Facts were only kept until somebody delivers them: from now on they are written into the lender's own log.
DROP TABLE lender_facts;

-- How far a lender's log reaches. Whoever writes into a log holds its row here until the commit, so positions come in the
-- order of commits and a rolled back transaction leaves no gap. Positions below first_kept were forgotten.
CREATE TABLE lender_logs (
    lender_id  uuid   PRIMARY KEY REFERENCES lenders,
    head       bigint NOT NULL DEFAULT 0,
    first_kept bigint NOT NULL DEFAULT 1,
    CHECK (head >= 0 AND first_kept BETWEEN 1 AND head + 1)
) WITH (fillfactor = 50);

-- What a lender is told: references and non-personal facts, as they are sent. The body of a webhook stays below 20 kB.
CREATE TABLE lender_log (
    lender_id   uuid        NOT NULL,
    position    bigint      NOT NULL CHECK (position > 0),
    event_id    uuid        NOT NULL,
    type        text        NOT NULL CHECK (type ~ '^[a-z_]+\.[a-z0-9_]+\.v[0-9]+$'),
    subject     text        NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),
    occurred_at timestamptz NOT NULL,
    written_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    consent_id  uuid,
    traceparent text,
    data        text        NOT NULL CONSTRAINT lender_log_data_is_small CHECK (octet_length(data) <= 16000),
    PRIMARY KEY (lender_id, position)
);
-- To find what is old enough to be forgotten.
CREATE INDEX lender_log_by_age ON lender_log USING brin (written_at);

-- The log is append-only; only what the lender's row says is no longer kept may be deleted.
CREATE FUNCTION lender_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM lender_logs WHERE lender_id = OLD.lender_id AND first_kept > OLD.position
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the log of a lender is append-only';
END $$;
CREATE TRIGGER lender_log_stays BEFORE UPDATE OR DELETE ON lender_log
    FOR EACH ROW EXECUTE FUNCTION lender_log_stays();

-- Who reads a log, how far they are, and how it goes. All up to `position` was delivered, or is of a type not wanted.
-- A lease is held by the process that delivers now; its result counts only while the lease is still its own.
CREATE TABLE subscriptions (
    subscription_id  uuid        PRIMARY KEY,
    lender_id        uuid        NOT NULL REFERENCES lenders,
    transport        text        NOT NULL CHECK (transport IN ('webhook', 'kafka', 'pull')),
    state            text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'disabled')),
    state_reason     text,
    types            text[]      NOT NULL DEFAULT '{}',
    url              text        CHECK (length(url) <= 500),
    secret           bytea,
    old_secret       bytea,
    old_secret_until timestamptz,
    position         bigint      NOT NULL DEFAULT 0 CHECK (position >= 0),
    delivered        bigint      NOT NULL DEFAULT 0,
    failed_in_a_row  integer     NOT NULL DEFAULT 0,
    next_attempt_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease            uuid,
    leased_until     timestamptz,
    last_attempt_at  timestamptz,
    last_success_at  timestamptz,
    last_error       text,
    created_at       timestamptz NOT NULL,
    CHECK ((transport = 'webhook') = (url IS NOT NULL) AND (transport = 'webhook') = (secret IS NOT NULL)),
    CHECK ((old_secret IS NULL) = (old_secret_until IS NULL)),
    CHECK ((lease IS NULL) = (leased_until IS NULL)),
    CHECK ((state = 'active') = (state_reason IS NULL))
) WITH (fillfactor = 50);
CREATE INDEX subscriptions_of_lender ON subscriptions (lender_id, subscription_id);
CREATE UNIQUE INDEX subscriptions_one_kafka ON subscriptions (lender_id) WHERE transport = 'kafka';

-- What the provisioning task is to make in Kafka. The password lies here, sealed, only until Kafka has it as SCRAM.
CREATE TABLE kafka_access (
    lender_id       uuid        PRIMARY KEY REFERENCES lenders,
    slug            text        NOT NULL UNIQUE,
    state           text        NOT NULL DEFAULT 'wanted' CHECK (state IN ('wanted', 'ready')),
    sealed_password bytea,
    wanted_at       timestamptz NOT NULL,
    first_ready_at  timestamptz,
    ready_at        timestamptz,
    failures        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_error      text,
    CHECK ((state = 'wanted') = (sealed_password IS NOT NULL))
);
