-- Patronage, the surplus of a year (SHU), and members' meetings with their votes and minutes.

-- What the articles (AD/ART) say beside what is in 0001: whether ballots are secret, and what becomes of fractions of a rupiah.
CREATE TYPE surplus_rounding AS ENUM ('floor', 'largest_remainder');
ALTER TABLE cooperatives
    ADD COLUMN ballots_are_secret boolean          NOT NULL DEFAULT false,
    ADD COLUMN surplus_rounding   surplus_rounding NOT NULL DEFAULT 'floor';

-- A member's part of a surplus, moved to their savings.
ALTER TYPE movement_reason ADD VALUE 'surplus';

CREATE TYPE patronage_role AS ENUM ('seller', 'buyer');
CREATE TYPE meeting_kind AS ENUM ('annual', 'extraordinary');
CREATE TYPE meeting_state AS ENUM ('called', 'open', 'counted', 'closed');
CREATE TYPE motion_kind AS ENUM ('accounts', 'surplus', 'loss', 'plan', 'officers', 'articles', 'other');
CREATE TYPE ballot_choice AS ENUM ('yes', 'no', 'abstain');

-- Who owned a shop when it opened: a shop never changes hands. Patronage of a shop is its owner's.
CREATE TABLE patronage_shops (
    shop_id   uuid        PRIMARY KEY,
    owner_id  uuid        NOT NULL,
    opened_at timestamptz NOT NULL
);

CREATE INDEX patronage_shops_of_owner ON patronage_shops (owner_id);

-- Completed parcels of shops of a cooperative, as orders told them. `completed_on` is the day in western Indonesia (WIB).
CREATE TABLE patronage_parcels (
    parcel_id      uuid        PRIMARY KEY,
    cooperative_id uuid        NOT NULL,
    buyer_id       uuid        NOT NULL,
    goods_minor    bigint      NOT NULL CHECK (goods_minor BETWEEN 0 AND 1000000000000000),
    lines          jsonb       NOT NULL,
    completed_at   timestamptz NOT NULL,
    completed_on   date        NOT NULL
);

-- What of each refund belongs to a parcel, whether or not the parcel was, or will ever be, completed.
CREATE TABLE patronage_refunds (
    parcel_id   uuid        NOT NULL,
    refund_id   uuid        NOT NULL,
    goods_minor bigint      NOT NULL CHECK (goods_minor BETWEEN 0 AND 1000000000000000),
    lines       jsonb       NOT NULL,
    refunded_at timestamptz NOT NULL,
    PRIMARY KEY (parcel_id, refund_id)
);

-- What a parcel counts for a party: a shop, a member of a joint listing, an account. Made anew from the two tables above.
CREATE TABLE patronage_entries (
    parcel_id       uuid           NOT NULL REFERENCES patronage_parcels,
    role            patronage_role NOT NULL,
    party_id        uuid           NOT NULL,
    cooperative_id  uuid           NOT NULL,
    completed_at    timestamptz    NOT NULL,
    completed_on    date           NOT NULL,
    completed_minor bigint         NOT NULL CHECK (completed_minor >= 0),
    refunded_minor  bigint         NOT NULL,
    PRIMARY KEY (parcel_id, role, party_id),
    CONSTRAINT patronage_refunds_at_most_what_was_completed CHECK (refunded_minor BETWEEN 0 AND completed_minor)
) WITH (fillfactor = 90);

CREATE INDEX patronage_entries_of_party ON patronage_entries (party_id, cooperative_id, completed_on);
CREATE INDEX patronage_entries_of_year ON patronage_entries (cooperative_id, completed_on);

-- A meeting of members. From `open` on its rule and its number of members stand; `counted` ends the votes and makes the
-- minutes, which two officers sign; then it is `closed`.
CREATE TABLE meetings (
    meeting_id          uuid          PRIMARY KEY,
    cooperative_id      uuid          NOT NULL REFERENCES cooperatives,
    kind                meeting_kind  NOT NULL,
    year                smallint      NOT NULL CHECK (year BETWEEN 1945 AND 9999),
    held_at             timestamptz   NOT NULL,
    is_online           boolean       NOT NULL,
    invited_on          date          NOT NULL,
    invitation_days     smallint      NOT NULL,
    ballots_are_secret  boolean       NOT NULL,
    agenda              jsonb         NOT NULL,
    due_on              date          NOT NULL,
    state               meeting_state NOT NULL DEFAULT 'called',
    called_by           uuid          NOT NULL,
    called_at           timestamptz   NOT NULL,
    opened_by           uuid,
    opened_at           timestamptz,
    members             integer       CHECK (members >= 0),
    quorum_numerator    smallint,
    quorum_denominator  smallint,
    quorum_is_more_than boolean,
    quorum              integer       CHECK (quorum >= 0),
    present_at_opening  integer       CHECK (present_at_opening >= 0),
    minutes             text,
    minutes_sha256      text          CHECK (minutes_sha256 ~ '^[0-9a-f]{64}$'),
    counted_at          timestamptz,
    closed_at           timestamptz,
    UNIQUE (meeting_id, cooperative_id),
    CHECK ((opened_at IS NULL) OR (quorum IS NOT NULL AND members IS NOT NULL AND present_at_opening IS NOT NULL)),
    CONSTRAINT meetings_open_with_their_quorum CHECK (opened_at IS NULL OR present_at_opening >= quorum),
    CHECK ((state IN ('counted', 'closed')) = (minutes IS NOT NULL)),
    CHECK ((minutes IS NULL) = (minutes_sha256 IS NULL)),
    CHECK ((minutes IS NULL) = (counted_at IS NULL)),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL))
);

CREATE INDEX meetings_of_cooperative ON meetings (cooperative_id, held_at DESC, meeting_id);

-- Minutes are written once: nobody edits them, or what they were made of, once the votes are counted.
CREATE FUNCTION meeting_minutes_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.minutes IS NOT NULL AND (NEW.minutes, NEW.minutes_sha256, NEW.counted_at)
       IS DISTINCT FROM (OLD.minutes, OLD.minutes_sha256, OLD.counted_at) OR OLD.state = 'closed' THEN
        RAISE EXCEPTION 'the minutes of meeting % are sealed', OLD.meeting_id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER meeting_minutes_stay BEFORE UPDATE ON meetings FOR EACH ROW EXECUTE FUNCTION meeting_minutes_stay();

-- The attendance list.
CREATE TABLE meeting_roll (
    meeting_id     uuid        NOT NULL,
    member_id      uuid        NOT NULL,
    cooperative_id uuid        NOT NULL,
    entered_by     uuid        NOT NULL,
    is_self        boolean     NOT NULL,
    present_at     timestamptz NOT NULL,
    PRIMARY KEY (meeting_id, member_id),
    FOREIGN KEY (meeting_id, cooperative_id) REFERENCES meetings (meeting_id, cooperative_id),
    FOREIGN KEY (member_id, cooperative_id) REFERENCES members (member_id, cooperative_id)
);

CREATE TRIGGER meeting_roll_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON meeting_roll
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The allocation is in basis points by fund; only a motion on the surplus has one.
CREATE TABLE motions (
    motion_id  uuid        PRIMARY KEY,
    meeting_id uuid        NOT NULL REFERENCES meetings,
    number     smallint    NOT NULL CHECK (number >= 1),
    kind       motion_kind NOT NULL,
    text       text        NOT NULL CHECK (text <> ''),
    allocation jsonb,
    moved_by   uuid        NOT NULL,
    moved_at   timestamptz NOT NULL,
    yes        integer,
    no         integer,
    abstain    integer,
    is_carried boolean,
    UNIQUE (meeting_id, number),
    UNIQUE (motion_id, meeting_id),
    CHECK ((kind = 'surplus') = (allocation IS NOT NULL)),
    CHECK ((yes IS NULL) = (is_carried IS NULL) AND (no IS NULL) = (yes IS NULL) AND (abstain IS NULL) = (yes IS NULL)),
    CHECK (is_carried IS NULL OR is_carried = (2 * yes > yes + no + abstain))
);

-- Who has voted on what: once, and only who is on the roll. What they chose is in `ballots`.
CREATE TABLE votes_cast (
    motion_id  uuid        NOT NULL,
    member_id  uuid        NOT NULL,
    meeting_id uuid        NOT NULL,
    entered_by uuid        NOT NULL,
    CONSTRAINT votes_are_cast_once PRIMARY KEY (motion_id, member_id),
    FOREIGN KEY (motion_id, meeting_id) REFERENCES motions (motion_id, meeting_id),
    CONSTRAINT votes_are_of_those_present FOREIGN KEY (meeting_id, member_id) REFERENCES meeting_roll (meeting_id, member_id)
);

CREATE TRIGGER votes_cast_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON votes_cast
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One row per vote. A secret one names nobody; its id is random and it has no time. See decision 0024 on what it still tells.
CREATE TABLE ballots (
    ballot_id uuid          PRIMARY KEY,
    motion_id uuid          NOT NULL REFERENCES motions,
    choice    ballot_choice NOT NULL,
    member_id uuid
);

CREATE INDEX ballots_of_motion ON ballots (motion_id);

-- Two different officers sign the same minutes.
CREATE TABLE minutes_signatures (
    meeting_id     uuid         NOT NULL REFERENCES meetings,
    role           officer_role NOT NULL CHECK (role IN ('ketua', 'sekretaris')),
    account_id     uuid         NOT NULL,
    minutes_sha256 text         NOT NULL,
    signed_at      timestamptz  NOT NULL,
    PRIMARY KEY (meeting_id, role),
    CONSTRAINT minutes_are_signed_by_two_people UNIQUE (meeting_id, account_id)
);

CREATE TRIGGER minutes_signatures_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON minutes_signatures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A year's surplus as it was divided, once; a negative one is a loss that the reserve met.
CREATE TABLE surplus_runs (
    cooperative_id       uuid             NOT NULL REFERENCES cooperatives,
    year                 smallint         NOT NULL,
    motion_id            uuid             NOT NULL REFERENCES motions,
    surplus_minor        bigint           NOT NULL,
    allocation           jsonb            NOT NULL,
    rounding             surplus_rounding NOT NULL,
    capital_base         capital_base     NOT NULL,
    savings_total_minor  bigint           NOT NULL,
    dealings_total_minor bigint           NOT NULL,
    members_minor        bigint           NOT NULL CHECK (members_minor >= 0),
    members              integer          NOT NULL,
    funds                jsonb            NOT NULL,
    undistributed_minor  bigint           NOT NULL CHECK (undistributed_minor >= 0),
    distributed_by       uuid             NOT NULL,
    distributed_at       timestamptz      NOT NULL,
    CONSTRAINT surplus_is_divided_once PRIMARY KEY (cooperative_id, year)
);

-- What a member got, and of what: the exact share follows from the two bases and their totals.
CREATE TABLE surplus_shares (
    cooperative_id uuid     NOT NULL,
    year           smallint NOT NULL,
    member_id      uuid     NOT NULL,
    savings_minor  bigint   NOT NULL CHECK (savings_minor >= 0),
    dealings_minor bigint   NOT NULL CHECK (dealings_minor >= 0),
    capital_minor  bigint   NOT NULL CHECK (capital_minor >= 0),
    service_minor  bigint   NOT NULL CHECK (service_minor >= 0),
    PRIMARY KEY (cooperative_id, year, member_id),
    FOREIGN KEY (cooperative_id, year) REFERENCES surplus_runs,
    FOREIGN KEY (member_id, cooperative_id) REFERENCES members (member_id, cooperative_id)
);

CREATE INDEX surplus_shares_of_member ON surplus_shares (member_id, year);

CREATE TRIGGER surplus_runs_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON surplus_runs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER surplus_shares_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON surplus_shares
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
