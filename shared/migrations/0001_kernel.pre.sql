-- The tables that make delivery boring: the same in every service's database.

-- The event log. `id` counts per topic (sequence outbox_id_<topic>), `xid` is the transaction that wrote the row.
CREATE TABLE outbox (
    topic         text        NOT NULL,
    id            bigint      NOT NULL,
    xid           xid8        NOT NULL,
    event_id      uuid        NOT NULL,
    type          text        NOT NULL,
    record_key    text        NOT NULL,
    ordering_key  text        NOT NULL,
    occurred_at   timestamptz NOT NULL,
    traceparent   text,
    data          json        NOT NULL,
    written_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, id, written_at)
) PARTITION BY RANGE (written_at);

CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER outbox_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- How far the relay is, per topic. holes[i] was passed over; once every transaction below hole_xids[i] has ended
-- (0: not yet noted) and it is still empty, it never comes.
CREATE TABLE outbox_cursor (
    topic      text     PRIMARY KEY,
    last_id    bigint   NOT NULL DEFAULT 0,
    holes      bigint[] NOT NULL DEFAULT '{}',
    hole_xids  bigint[] NOT NULL DEFAULT '{}',
    version    bigint   NOT NULL DEFAULT 0,
    CHECK (cardinality(holes) = cardinality(hole_xids))
);

CREATE FUNCTION outbox_add_topic(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SEQUENCE IF NOT EXISTS %I CACHE 1', 'outbox_id_' || name);
    INSERT INTO outbox_cursor (topic) VALUES (name) ON CONFLICT DO NOTHING;
END $$;

-- What each handler group has recorded. Partitioned by the event's own time, which never changes between deliveries.
CREATE TABLE inbox (
    handler_group text        NOT NULL,
    source        text        NOT NULL,
    event_id      uuid        NOT NULL,
    occurred_at   timestamptz NOT NULL,
    type          text        NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (event_id, handler_group, source, occurred_at)
) PARTITION BY RANGE (occurred_at);

CREATE TABLE inbox_default PARTITION OF inbox DEFAULT;

-- A key with a row here waits: its events are set aside in dead_letters, in order, until the row is gone.
CREATE TABLE parked_keys (
    handler_group text        NOT NULL,
    ordering_key  text        NOT NULL,
    parked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (handler_group, ordering_key)
);

CREATE TYPE dead_letter_state AS ENUM ('dead', 'retry', 'behind', 'done', 'discarded');

CREATE TABLE dead_letters (
    position      bigint            PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    handler_group text              NOT NULL,
    ordering_key  text              NOT NULL,
    state         dead_letter_state NOT NULL,
    reason        text              NOT NULL,
    attempts      integer           NOT NULL DEFAULT 1,
    due_at        timestamptz,
    source        text              NOT NULL,
    event_id      uuid              NOT NULL,
    type          text              NOT NULL,
    occurred_at   timestamptz       NOT NULL,
    traceparent   text,
    topic         text              NOT NULL,
    partition     integer           NOT NULL,
    "offset"      bigint            NOT NULL,
    record_key    text              NOT NULL,
    data          bytea             NOT NULL,
    first_at      timestamptz       NOT NULL DEFAULT clock_timestamp(),
    last_at       timestamptz       NOT NULL DEFAULT clock_timestamp(),
    CHECK ((state = 'retry') = (due_at IS NOT NULL))
);

CREATE INDEX dead_letters_open ON dead_letters (handler_group, ordering_key, position)
    WHERE state IN ('dead', 'retry', 'behind');
CREATE INDEX dead_letters_due ON dead_letters (handler_group, due_at) WHERE state = 'retry';

-- What operators did to dead letters, kept for ever.
CREATE TABLE dead_letter_actions (
    id         bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    position   bigint      NOT NULL REFERENCES dead_letters,
    action     text        NOT NULL CHECK (action IN ('redrive', 'discard')),
    outcome    text        NOT NULL,
    actor      text        NOT NULL,
    note       text        NOT NULL DEFAULT '',
    acted_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TRIGGER dead_letter_actions_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dead_letter_actions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The answers given to commands with an Idempotency-Key, written in the transaction of their effect.
CREATE TABLE idempotency_keys (
    principal_id uuid        NOT NULL,
    route        text        NOT NULL,
    key          text        NOT NULL,
    fingerprint  bytea       NOT NULL,
    status       smallint    NOT NULL,
    body         bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (principal_id, route, key)
);

CREATE INDEX idempotency_keys_age ON idempotency_keys USING brin (created_at);

-- Calls to other organisations: leased by a row, made outside of any transaction, answered in another one.
CREATE TYPE call_state AS ENUM ('waiting', 'done', 'failed');

CREATE TABLE calls_out (
    id            uuid        PRIMARY KEY,
    purpose       text        NOT NULL,
    subject       text        NOT NULL,
    request       jsonb       NOT NULL,
    state         call_state  NOT NULL DEFAULT 'waiting',
    attempts      integer     NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    give_up_at    timestamptz NOT NULL,
    leased_until  timestamptz,
    last_error    text,
    traceparent   text,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at   timestamptz,
    UNIQUE (purpose, subject)
);

CREATE INDEX calls_out_due ON calls_out (purpose, due_at) WHERE state = 'waiting';

-- Day partitions: made ahead, dropped when old. Runs with the owner's rights, so that services need none.
CREATE FUNCTION keep_partitions(days_ahead integer, outbox_days integer, inbox_days integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    parent text;
    day    date;
    child  record;
    today  date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('keep_partitions'));
    FOREACH parent IN ARRAY ARRAY['outbox', 'inbox'] LOOP
        FOR day IN SELECT today + i FROM generate_series(0, days_ahead) AS i LOOP
            IF to_regclass(format('%I', parent || '_' || to_char(day, 'YYYYMMDD'))) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    parent || '_' || to_char(day, 'YYYYMMDD'), parent,
                    day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
            END IF;
        END LOOP;
        FOR child IN
            SELECT relname FROM pg_class JOIN pg_inherits ON pg_inherits.inhrelid = pg_class.oid
             WHERE pg_inherits.inhparent = parent::regclass AND relname ~ '_[0-9]{8}$'
               AND to_date(right(relname, 8), 'YYYYMMDD')
                 < today - CASE parent WHEN 'outbox' THEN outbox_days ELSE inbox_days END
        LOOP
            EXECUTE format('DROP TABLE %I', child.relname);
        END LOOP;
    END LOOP;
END $$;

SELECT keep_partitions(3, 30, 60);
