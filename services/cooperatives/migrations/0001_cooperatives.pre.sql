-- Cooperatives, their officers, who applies, who is a member, and the register that is never edited.

CREATE TYPE cooperative_kind AS ENUM ('primer', 'sekunder');
CREATE TYPE capital_base AS ENUM ('principal_and_mandatory', 'all_savings');
CREATE TYPE officer_role AS ENUM ('ketua', 'sekretaris', 'bendahara', 'pengawas');
CREATE TYPE application_state AS ENUM ('waiting', 'approved', 'rejected');
CREATE TYPE member_state AS ENUM ('candidate', 'active', 'suspended', 'ended');
CREATE TYPE end_reason AS ENUM ('resigned', 'died', 'dismissed', 'dissolved');
CREATE TYPE register_change AS ENUM ('admitted', 'suspended', 'resumed', 'ended');

-- The figures from book_year_end_month to capital_base are what the articles (AD/ART) say.
-- `admitted` and `register_position` count without gap: whoever changes the register holds this row's lock.
CREATE TABLE cooperatives (
    cooperative_id          uuid             PRIMARY KEY,
    name                    text             NOT NULL CHECK (name <> ''),
    kind                    cooperative_kind NOT NULL,
    region_code             text             COLLATE "C" NOT NULL,
    legal_number            text,
    national_number         text,
    book_year_end_month     smallint         NOT NULL DEFAULT 12 CHECK (book_year_end_month BETWEEN 1 AND 12),
    principal_savings_minor bigint           NOT NULL CHECK (principal_savings_minor BETWEEN 1 AND 1000000000000),
    withdrawal_limit_minor  bigint           NOT NULL CHECK (withdrawal_limit_minor >= 0),
    quorum_numerator        smallint         NOT NULL DEFAULT 1,
    quorum_denominator      smallint         NOT NULL DEFAULT 2,
    quorum_is_more_than     boolean          NOT NULL DEFAULT true,
    invitation_days         smallint         NOT NULL DEFAULT 14 CHECK (invitation_days BETWEEN 0 AND 90),
    capital_base            capital_base     NOT NULL DEFAULT 'principal_and_mandatory',
    admitted                bigint           NOT NULL DEFAULT 0 CHECK (admitted >= 0),
    register_position       bigint           NOT NULL DEFAULT 0 CHECK (register_position >= 0),
    registered_by           uuid             NOT NULL,
    registered_at           timestamptz      NOT NULL,
    CONSTRAINT cooperatives_legal_number_is_one_of_a_kind UNIQUE (legal_number),
    CONSTRAINT cooperatives_national_number_is_one_of_a_kind UNIQUE (national_number),
    CHECK (quorum_numerator BETWEEN 1 AND quorum_denominator)
) WITH (fillfactor = 80);

CREATE INDEX cooperatives_of_region ON cooperatives (region_code, cooperative_id);
CREATE INDEX cooperatives_name ON cooperatives USING gin (lower(name) gin_trgm_ops);

-- How much mandatory savings a member owes per month, and from which month on.
CREATE TABLE dues (
    cooperative_id uuid   NOT NULL REFERENCES cooperatives,
    from_month     date   NOT NULL CHECK (extract(day FROM from_month) = 1),
    monthly_minor  bigint NOT NULL CHECK (monthly_minor BETWEEN 0 AND 1000000000000),
    PRIMARY KEY (cooperative_id, from_month)
);

-- Those of the past stay, with the day on which they left.
CREATE TABLE officers (
    officer_id     uuid         PRIMARY KEY,
    cooperative_id uuid         NOT NULL REFERENCES cooperatives,
    account_id     uuid         NOT NULL,
    role           officer_role NOT NULL,
    appointed_by   uuid         NOT NULL,
    appointed_at   timestamptz  NOT NULL,
    ended_at       timestamptz
);

CREATE UNIQUE INDEX officers_hold_one_office ON officers (account_id, cooperative_id) WHERE ended_at IS NULL;
CREATE INDEX officers_of_cooperative ON officers (cooperative_id) WHERE ended_at IS NULL;

-- People of whom identity said that they are to be forgotten: a token that is still valid opens nothing here.
CREATE TABLE erased_accounts (
    account_id uuid        PRIMARY KEY,
    erased_at  timestamptz NOT NULL
);

-- `identity_hash` is a keyed hash of the identity number: it finds who applies twice and cannot be read back.
CREATE TABLE applications (
    application_id uuid              PRIMARY KEY,
    cooperative_id uuid              NOT NULL REFERENCES cooperatives,
    account_id     uuid,
    name           text,
    phone          text,
    identity_hash  bytea,
    region_code    text              COLLATE "C" NOT NULL,
    state          application_state NOT NULL DEFAULT 'waiting',
    entered_by     uuid              NOT NULL,
    applied_at     timestamptz       NOT NULL,
    decided_by     uuid,
    decided_at     timestamptz,
    member_id      uuid,
    CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CHECK ((state = 'approved') = (member_id IS NOT NULL)),
    CONSTRAINT applications_are_decided_by_another CHECK (decided_by <> account_id)
);

CREATE UNIQUE INDEX applications_wait_once ON applications (cooperative_id, account_id) WHERE state = 'waiting';
CREATE UNIQUE INDEX applications_identity_waits_once ON applications (cooperative_id, identity_hash) WHERE state = 'waiting';
CREATE INDEX applications_of_cooperative ON applications (cooperative_id, application_id);

-- A candidate becomes a member (active) with a register number when the principal savings are paid in full.
CREATE TABLE members (
    member_id       uuid         PRIMARY KEY,
    cooperative_id  uuid         NOT NULL REFERENCES cooperatives,
    state           member_state NOT NULL DEFAULT 'candidate',
    register_number bigint       CHECK (register_number >= 1),
    account_id      uuid,
    name            text,
    phone           text,
    identity_hash   bytea,
    region_code     text         COLLATE "C" NOT NULL,
    is_founder      boolean      NOT NULL DEFAULT false,
    is_to_be_erased boolean      NOT NULL DEFAULT false,
    approved_by     uuid         NOT NULL,
    approved_at     timestamptz  NOT NULL,
    admitted_at     timestamptz,
    ended_at        timestamptz,
    end_reason      end_reason,
    UNIQUE (cooperative_id, register_number),
    UNIQUE (member_id, cooperative_id),
    CHECK ((register_number IS NULL) = (admitted_at IS NULL)),
    CHECK (state NOT IN ('active', 'suspended') OR register_number IS NOT NULL),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CHECK ((state = 'ended') = (end_reason IS NOT NULL))
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX members_account_is_one_member ON members (account_id, cooperative_id) WHERE state <> 'ended';
CREATE UNIQUE INDEX members_identity_is_one_member ON members (cooperative_id, identity_hash) WHERE state <> 'ended';
CREATE INDEX members_of_cooperative ON members (cooperative_id, member_id);
CREATE INDEX members_of_account ON members (account_id) WHERE account_id IS NOT NULL;

-- The register (buku daftar anggota): what happened to whom, one line after the other, never edited. No names: those are in members.
CREATE TABLE register_entries (
    cooperative_id uuid            NOT NULL REFERENCES cooperatives,
    position       bigint          NOT NULL CHECK (position >= 1),
    member_id      uuid            NOT NULL REFERENCES members,
    change         register_change NOT NULL,
    reason         end_reason,
    entered_by     uuid            NOT NULL,
    entered_at     timestamptz     NOT NULL,
    PRIMARY KEY (cooperative_id, position),
    CHECK ((change = 'ended') = (reason IS NOT NULL))
);

CREATE UNIQUE INDEX register_admits_once ON register_entries (member_id) WHERE change = 'admitted';
CREATE INDEX register_of_member ON register_entries (member_id, position);

CREATE TRIGGER register_entries_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON register_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A code that an officer hands to a member, who types it once to join the membership to an account. Only its hash is here.
CREATE TABLE link_codes (
    code_hash  bytea       PRIMARY KEY,
    member_id  uuid        NOT NULL REFERENCES members,
    made_by    uuid        NOT NULL,
    made_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    used_by    uuid
);

CREATE UNIQUE INDEX link_codes_one_at_a_time ON link_codes (member_id) WHERE used_at IS NULL;
