-- Who exists, how they prove it, and how they can be reached. All personal data of the network's accounts is in
-- accounts.name and contacts.value; erasing a person is a matter of these two.

CREATE TABLE accounts (
    id            uuid        PRIMARY KEY,
    kind          text        NOT NULL CHECK (kind IN ('person', 'client')),
    name          text,
    wants_notices boolean     NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL,
    registered_at timestamptz,  -- since when they may sign in; an account with a phone only: since that was verified
    erased_at     timestamptz,
    CONSTRAINT erased_account_has_no_name CHECK (erased_at IS NULL OR name IS NULL)
);

CREATE TABLE contacts (
    id          uuid        PRIMARY KEY,
    account_id  uuid        NOT NULL REFERENCES accounts,
    kind        text        NOT NULL CHECK (kind IN ('phone', 'email')),
    value       text        NOT NULL,
    added_at    timestamptz NOT NULL,
    verified_at timestamptz,
    CONSTRAINT contact_belongs_to_one_account UNIQUE (kind, value),
    CONSTRAINT account_has_one_contact_of_a_kind UNIQUE (account_id, kind)
);

CREATE TABLE passwords (
    account_id uuid        PRIMARY KEY REFERENCES accounts,
    hash       text        NOT NULL,
    set_at     timestamptz NOT NULL
);

CREATE TABLE clients (
    account_id  uuid   PRIMARY KEY REFERENCES accounts,
    scopes      text[] NOT NULL,
    secret_hash bytea  NOT NULL,
    made_by     uuid   NOT NULL
);

CREATE TABLE roles (
    account_id uuid        NOT NULL REFERENCES accounts,
    role       text        NOT NULL CHECK (role ~ '^(operator|government:[0-9]{2}(\.[0-9]{2})?)$'),
    granted_at timestamptz NOT NULL,
    granted_by uuid,  -- null: from the command line
    PRIMARY KEY (account_id, role)
);

-- A session is a family of refresh tokens; ending it deletes it.
CREATE TABLE sessions (
    id         uuid        PRIMARY KEY,
    account_id uuid        NOT NULL REFERENCES accounts,
    method     text        NOT NULL CHECK (method IN ('password', 'code')),
    started_at timestamptz NOT NULL,
    used_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX sessions_of_account ON sessions (account_id, started_at DESC, id DESC);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Used tokens are kept until they expire, so that a stolen one is noticed when it comes back.
CREATE TABLE refresh_tokens (
    hash       bytea       PRIMARY KEY,
    session_id uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

-- The newest one-time code of a contact. The digits follow from `id` under a key that is not in the database.
CREATE TABLE codes (
    contact_id    uuid        PRIMARY KEY REFERENCES contacts ON DELETE CASCADE,
    id            uuid        NOT NULL,
    expires_at    timestamptz NOT NULL,
    attempts_left smallint    NOT NULL CHECK (attempts_left >= 0),
    used_at       timestamptz
);

-- When each bucket is full again (GCRA). Keys are keyed hashes, no contact or address can be read from them. Unlogged:
-- losing it in a crash costs nothing but some patience of attackers.
CREATE UNLOGGED TABLE rate_limits (
    key     bytea       PRIMARY KEY,
    full_at timestamptz NOT NULL
);

CREATE INDEX rate_limits_age ON rate_limits (full_at);

-- Private keys are encrypted with a key that is not in the database, and dropped when they are no longer current.
CREATE TABLE signing_keys (
    id          text        PRIMARY KEY,
    state       text        NOT NULL CHECK (state IN ('next', 'current', 'previous')),
    public_key  jsonb       NOT NULL,
    private_key bytea,
    made_at     timestamptz NOT NULL,
    retired_at  timestamptz,
    CHECK ((state = 'previous') = (retired_at IS NOT NULL)),
    CHECK ((state = 'previous') = (private_key IS NULL))
);

CREATE UNIQUE INDEX one_signing_key_per_state ON signing_keys (state) WHERE state <> 'previous';

-- The audit counts facts; it has no business with contacts and secrets.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lumbung_audit') THEN
        REVOKE ALL ON contacts, passwords, clients, codes, refresh_tokens, signing_keys FROM lumbung_audit;
    END IF;
END $$;
