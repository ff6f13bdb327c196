-- Day partitions also when they are made late: rows that went to the default partition meanwhile (the machine slept for
-- days, the clock jumped) move to the partition of their day. Before, they kept it from ever being made.
CREATE OR REPLACE FUNCTION keep_partitions(days_ahead integer, outbox_days integer, inbox_days integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    parent    text;
    moment    text;
    kept_days integer;
    day       date;
    partition text;
    bounds    text;
    child     record;
    today     date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('keep_partitions'));
    FOR parent, moment, kept_days IN VALUES ('outbox', 'written_at', outbox_days), ('inbox', 'occurred_at', inbox_days) LOOP
        FOR day IN SELECT today + i FROM generate_series(0, days_ahead) AS i LOOP
            partition := parent || '_' || to_char(day, 'YYYYMMDD');
            IF to_regclass(format('%I', partition)) IS NULL THEN
                -- The parent first, as every writer does; nothing comes to the default partition from here on.
                EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent);
                bounds := format('%1$I >= %2$L AND %1$I < %3$L', moment, day::text || ' 00:00:00+00',
                    (day + 1)::text || ' 00:00:00+00');
                EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', partition, parent);
                EXECUTE format('WITH late AS (DELETE FROM %I WHERE %s RETURNING *) INSERT INTO %I SELECT * FROM late',
                    parent || '_default', bounds, partition);
                EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition,
                    day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
            END IF;
        END LOOP;
        FOR child IN
            SELECT relname FROM pg_class JOIN pg_inherits ON pg_inherits.inhrelid = pg_class.oid
             WHERE pg_inherits.inhparent = parent::regclass AND relname ~ '_[0-9]{8}$'
               AND to_date(right(relname, 8), 'YYYYMMDD') < today - kept_days
        LOOP
            EXECUTE format('DROP TABLE %I', child.relname);
        END LOOP;
    END LOOP;
END $$;
