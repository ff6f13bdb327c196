-- Who was forgotten: an access token outlives its account by minutes, and must not bring a name back.
CREATE TABLE erased_accounts (
    account_id uuid        PRIMARY KEY,
    erased_at  timestamptz NOT NULL
);
