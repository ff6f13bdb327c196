-- Web sessions, and nothing else: no business data lives here.

-- session_id is the hash of the cookie, so that a copy of this table opens no session. `sealed` holds the tokens and the
-- person's name, encrypted for this row alone. A guest's basket is kept until it is merged into the cart of orders.
CREATE TABLE sessions (
    session_id        bytea       PRIMARY KEY CHECK (length(session_id) = 32),
    account_id        uuid,
    sealed            bytea,
    access_expires_at timestamptz,
    refresh_until     timestamptz,
    basket            jsonb       NOT NULL DEFAULT '{}',
    basket_count      integer     NOT NULL DEFAULT 0 CHECK (basket_count >= 0),
    created_at        timestamptz NOT NULL,
    expires_at        timestamptz NOT NULL,
    CHECK ((sealed IS NULL) = (access_expires_at IS NULL))
);

CREATE INDEX sessions_of_account ON sessions (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX sessions_expired ON sessions (expires_at);
