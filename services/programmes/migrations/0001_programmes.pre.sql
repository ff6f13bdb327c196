-- Trainings and who takes part, certificates, the aid register, and the figures of regions.

CREATE TYPE enrolment_state AS ENUM ('waiting', 'enrolled', 'withdrawn', 'passed', 'failed');
CREATE TYPE aid_state AS ENUM ('proposed', 'granted', 'refused');
CREATE TYPE aid_kind AS ENUM ('money', 'equipment', 'material', 'service');

-- `taken` counts the seats: enrolments in state enrolled, passed or failed. Whoever changes one holds this row's lock.
CREATE TABLE trainings (
    training_id     uuid        PRIMARY KEY,
    title           text        NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    scheme          text        NOT NULL CHECK (scheme ~ '^[a-z0-9-]{2,40}$'),
    region_code     text        COLLATE "C" NOT NULL,
    starts_on       date        NOT NULL,
    ends_on         date        NOT NULL,
    capacity        integer     NOT NULL CHECK (capacity BETWEEN 1 AND 100000),
    taken           integer     NOT NULL DEFAULT 0,
    provider        text        NOT NULL,
    skkni_number    text,
    validity_months integer     NOT NULL CHECK (validity_months BETWEEN 1 AND 600),
    created_by      uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    CHECK (starts_on <= ends_on),
    CONSTRAINT trainings_seats CHECK (taken BETWEEN 0 AND capacity)
) WITH (fillfactor = 80);

CREATE INDEX trainings_newest ON trainings (starts_on DESC, training_id DESC);
CREATE INDEX trainings_of_region ON trainings (region_code, starts_on DESC, training_id DESC);

-- `name` is for the certificate, as the person gave it; it goes when the person does, everything else stays.
CREATE TABLE enrolments (
    enrolment_id uuid            PRIMARY KEY,
    training_id  uuid            NOT NULL REFERENCES trainings,
    person_id    uuid            NOT NULL,
    name         text            CHECK (length(name) BETWEEN 1 AND 100),
    state        enrolment_state NOT NULL,
    enrolled_at  timestamptz     NOT NULL,
    changed_at   timestamptz     NOT NULL
);

-- Somebody takes part in a training once; who withdrew may come again.
CREATE UNIQUE INDEX enrolments_once ON enrolments (training_id, person_id) WHERE state <> 'withdrawn';
CREATE INDEX enrolments_queue ON enrolments (training_id, enrolled_at, enrolment_id) WHERE state = 'waiting';
CREATE INDEX enrolments_of_person ON enrolments (person_id, enrolled_at DESC, enrolment_id DESC);

CREATE TABLE attendances (
    enrolment_id uuid        NOT NULL REFERENCES enrolments,
    day          date        NOT NULL,
    recorded_by  uuid        NOT NULL,
    recorded_at  timestamptz NOT NULL,
    PRIMARY KEY (enrolment_id, day)
);

-- The number ends in 60 random bits: who was not given it can neither guess nor count certificates.
CREATE TABLE certificates (
    certificate_id uuid        PRIMARY KEY,
    number         text        COLLATE "C" NOT NULL UNIQUE CHECK (number ~ '^LMB-\d\d-\d{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$'),
    enrolment_id   uuid        NOT NULL UNIQUE REFERENCES enrolments,
    training_id    uuid        NOT NULL REFERENCES trainings,
    person_id      uuid        NOT NULL,
    scheme         text        NOT NULL,
    region_code    text        COLLATE "C" NOT NULL,
    issued_by      uuid        NOT NULL,
    issued_at      timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz,
    revoked_by     uuid,
    revoked_reason text,
    CHECK (issued_at < expires_at),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL) AND (revoked_at IS NULL) = (revoked_reason IS NULL))
);

CREATE INDEX certificates_of_person ON certificates (person_id, issued_at DESC, certificate_id DESC);
CREATE INDEX certificates_of_training ON certificates (training_id);

-- Two persons for the larger ones; nobody grants to themselves. Once a programme, person and year, unless refused.
CREATE TABLE aids (
    aid_id       uuid        PRIMARY KEY,
    programme    text        NOT NULL CHECK (programme ~ '^[a-z0-9-]{2,60}$'),
    year         integer     NOT NULL CHECK (year BETWEEN 2000 AND 9999),
    person_id    uuid        NOT NULL,
    shop_id      uuid,
    kind         aid_kind    NOT NULL,
    amount_minor bigint      NOT NULL CHECK (amount_minor > 0),
    currency     text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    region_code  text        COLLATE "C" NOT NULL,
    state        aid_state   NOT NULL,
    needs_second boolean     NOT NULL,
    proposed_by  uuid        NOT NULL,
    proposed_at  timestamptz NOT NULL,
    decided_by   uuid,
    decided_at   timestamptz,
    CONSTRAINT aids_not_to_oneself CHECK (person_id <> proposed_by AND person_id IS DISTINCT FROM decided_by),
    CONSTRAINT aids_second_person CHECK (state <> 'granted' OR NOT needs_second OR decided_by <> proposed_by),
    CHECK ((state = 'proposed') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL))
);

CREATE UNIQUE INDEX aids_once ON aids (programme, person_id, year) WHERE state <> 'refused';
CREATE INDEX aids_of_person ON aids (person_id, proposed_at DESC, aid_id DESC);
CREATE INDEX aids_of_region ON aids (region_code, proposed_at DESC, aid_id DESC);

-- Copies of what others said, for their regions: a shop, a cooperative, a loan.
CREATE TABLE shops (
    shop_id     uuid PRIMARY KEY,
    owner_id    uuid NOT NULL,
    region_code text COLLATE "C" NOT NULL
);

CREATE TABLE cooperatives (
    cooperative_id uuid PRIMARY KEY,
    region_code    text COLLATE "C" NOT NULL
);

CREATE TABLE loans (
    loan_id        uuid     PRIMARY KEY,
    shop_id        uuid     NOT NULL,
    region_code    text     COLLATE "C" NOT NULL,
    collectability smallint NOT NULL CHECK (collectability BETWEEN 0 AND 5)
);

-- What one unit (a shop, a person, a cooperative) adds to one cell. `pending` is the part that no block has shown yet.
-- A cell's first day says its kind: a month; the first of January for a year; 0001-01-01 for ever.
CREATE TABLE contributions (
    indicator   text   NOT NULL,
    period      date   NOT NULL,
    region_code text   COLLATE "C" NOT NULL,
    unit_id     uuid   NOT NULL,
    value       bigint NOT NULL,
    pending     bigint NOT NULL,
    PRIMARY KEY (indicator, period, region_code, unit_id)
) WITH (fillfactor = 70);

CREATE INDEX contributions_pending ON contributions (indicator, period, region_code) WHERE pending <> 0;

-- The true counters of a cell; `latest_month` is the youngest month of what it counts.
CREATE TABLE cells (
    indicator    text   NOT NULL,
    period       date   NOT NULL,
    region_code  text   COLLATE "C" NOT NULL,
    value        bigint NOT NULL,
    units        bigint NOT NULL,
    latest_month date   NOT NULL,
    PRIMARY KEY (indicator, period, region_code)
) WITH (fillfactor = 70);

-- All that may be seen: sums of blocks, each made by enough units, see the decision 0027. A row is one cell's blocks of
-- a month; `units_least` is the smallest of them. A pool counts in a province, or in '00' (the country): what the cells
-- below could not show apart.
CREATE TABLE shown (
    indicator    text    NOT NULL,
    period       date    NOT NULL,
    region_code  text    COLLATE "C" NOT NULL,
    is_pool      boolean NOT NULL,
    month        date    NOT NULL,
    value        bigint  NOT NULL,
    blocks       integer NOT NULL,
    units_least  integer NOT NULL,
    units_min    integer NOT NULL,
    PRIMARY KEY (period, indicator, region_code, is_pool, month),
    CONSTRAINT shown_blocks_have_enough_units CHECK (units_least >= units_min)
) WITH (fillfactor = 70);

-- What was sold, refunded or listed by a shop that is not known here yet: counted when it is.
CREATE TABLE unplaced (
    shop_id   uuid        NOT NULL,
    indicator text        NOT NULL,
    period    date        NOT NULL,
    value     bigint      NOT NULL,
    month     date        NOT NULL,
    PRIMARY KEY (shop_id, indicator, period)
);
