-- name: contact
-- Whose contact it is, and the password that goes with it: all that sign-in and registration ask first.
SELECT c.id, c.account_id, c.verified_at, p.hash
  FROM contacts c
  LEFT JOIN passwords p USING (account_id)
 WHERE c.kind = :kind AND c.value = :value;

-- name: insert_account
-- A person or a machine client.
INSERT INTO accounts (id, kind, name, wants_notices, created_at, registered_at)
VALUES (:id, :kind, :name, :wants_notices, :now, :registered_at);

-- name: claim_contact
-- The constraint decides who has a contact; no row when somebody else was first.
INSERT INTO contacts (id, account_id, kind, value, added_at)
VALUES (:id, :account_id, :kind, :value, :now)
    ON CONFLICT (kind, value) DO NOTHING
RETURNING id;

-- name: set_password
-- Also replaces a hash that was made with older parameters.
INSERT INTO passwords (account_id, hash, set_at)
VALUES (:account_id, :hash, :now)
    ON CONFLICT (account_id) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at;

-- name: drop_password
-- For contacts whose owner turns out not to be who set the password, and for erased accounts.
DELETE FROM passwords WHERE account_id = :account_id;

-- name: lock_account
-- The first lock of every change of an account; no row when it is erased.
SELECT id FROM accounts WHERE id = :id AND erased_at IS NULL FOR UPDATE;

-- name: account
-- Read after the lock, so that it is what the lock protects. A path for the token and for the person's own page.
SELECT a.id, a.kind, a.name, a.wants_notices, a.registered_at, p.hash,
       ARRAY(SELECT r.role FROM roles r WHERE r.account_id = a.id ORDER BY r.role) AS roles
  FROM accounts a
  LEFT JOIN passwords p ON p.account_id = a.id
 WHERE a.id = :id AND a.erased_at IS NULL;

-- name: contacts_of
-- The person's own contacts.
SELECT kind, value, verified_at FROM contacts WHERE account_id = :account_id ORDER BY kind;

-- name: mark_registered
-- True once: when the account becomes able to sign in.
UPDATE accounts SET registered_at = :now WHERE id = :id AND registered_at IS NULL;

-- name: mark_verified
-- True once: when the contact is proven to be the account's.
UPDATE contacts SET verified_at = :now WHERE id = :id AND account_id = :account_id AND verified_at IS NULL;

-- name: want_notices
-- The person's own choice.
UPDATE accounts SET wants_notices = :wanted WHERE id = :id AND erased_at IS NULL;

-- name: erase_account
-- What remains is the id, so that other services' facts keep their subject.
UPDATE accounts SET erased_at = :now, name = NULL, wants_notices = false WHERE id = :id AND erased_at IS NULL;

-- name: drop_contacts
-- Takes the codes with it.
DELETE FROM contacts WHERE account_id = :account_id;

-- name: drop_roles
-- An erased account may do nothing.
DELETE FROM roles WHERE account_id = :account_id;

-- name: grant_role
-- Granting twice is granting once.
INSERT INTO roles (account_id, role, granted_at, granted_by)
VALUES (:account_id, :role, :now, :granted_by)
    ON CONFLICT DO NOTHING;

-- name: withdraw_role
-- Tokens that name the role die within their lifetime.
DELETE FROM roles WHERE account_id = :account_id AND role = :role;

-- name: issue_code
-- A new code replaces the older one of the contact.
INSERT INTO codes (contact_id, id, expires_at, attempts_left)
VALUES (:contact_id, :id, :expires_at, :attempts)
    ON CONFLICT (contact_id) DO UPDATE
   SET id = excluded.id, expires_at = excluded.expires_at, attempts_left = excluded.attempts_left, used_at = NULL;

-- name: attempt_code
-- An attempt is spent before the digits are compared, and the row stays locked: of two that are right, one wins.
UPDATE codes
   SET attempts_left = attempts_left - 1
 WHERE contact_id = :contact_id AND used_at IS NULL AND expires_at > :now AND attempts_left > 0
RETURNING id;

-- name: use_code
-- Once.
UPDATE codes SET used_at = :now WHERE contact_id = :contact_id AND id = :id AND used_at IS NULL;

-- name: insert_session
-- Signed in.
INSERT INTO sessions (id, account_id, method, started_at, used_at, expires_at)
VALUES (:id, :account_id, :method, :now, :now, :expires_at);

-- name: insert_refresh_token
-- Only its hash: who reads the database cannot use it.
INSERT INTO refresh_tokens (hash, session_id, expires_at) VALUES (:hash, :session_id, :expires_at);

-- name: refresh_token
-- Whose token it is, used or not.
SELECT t.session_id, s.account_id
  FROM refresh_tokens t
  JOIN sessions s ON s.id = t.session_id
 WHERE t.hash = :hash;

-- name: lock_session
-- After the account, before its tokens.
SELECT id FROM sessions WHERE id = :id FOR UPDATE;

-- name: use_refresh_token
-- Once; no row when it was used before or is too old.
UPDATE refresh_tokens
   SET used_at = :now
 WHERE hash = :hash AND used_at IS NULL AND expires_at > :now;

-- name: refresh_token_was_used
-- Tells a stolen token that comes back from one that is merely too old.
SELECT used_at IS NOT NULL FROM refresh_tokens WHERE hash = :hash;

-- name: extend_session
-- A session lives as long as its newest token.
UPDATE sessions SET used_at = :now, expires_at = :expires_at WHERE id = :id;

-- name: sessions_of
-- The person's own, newest first, from a position on.
SELECT id, method, started_at, used_at, expires_at
  FROM sessions
 WHERE account_id = :account_id AND expires_at > :now
   AND (started_at, id) < (:before_at::timestamptz, :before_id::uuid)
 ORDER BY started_at DESC, id DESC
 LIMIT :most;

-- name: end_session
-- The person's own only; takes the whole family of refresh tokens with it.
DELETE FROM sessions WHERE id = :id AND account_id = :account_id;

-- name: end_sessions
-- All of them.
DELETE FROM sessions WHERE account_id = :account_id;

-- name: insert_client
-- The secret is known to its holder only.
INSERT INTO clients (account_id, scopes, secret_hash, made_by) VALUES (:account_id, :scopes, :secret_hash, :made_by);

-- name: client
-- For client_credentials.
SELECT c.scopes, c.secret_hash
  FROM clients c
  JOIN accounts a ON a.id = c.account_id
 WHERE c.account_id = :account_id AND a.erased_at IS NULL;

-- name: take_from_limit
-- GCRA in one statement: no row when the bucket is empty. The database's clock, as several processes share the bucket.
-- No bucket takes longer to fill than its burst: one that says so was written before the clock was set back, and counts
-- as full; else nobody could sign in until the old time comes again.
INSERT INTO rate_limits AS l (key, full_at)
VALUES (:key, clock_timestamp() + make_interval(secs => :every_seconds::double precision))
    ON CONFLICT (key) DO UPDATE
   SET full_at = CASE WHEN l.full_at <= clock_timestamp()
                                      + make_interval(secs => :every_seconds::double precision * :burst::integer)
                      THEN greatest(l.full_at, clock_timestamp()) ELSE clock_timestamp() END
               + make_interval(secs => :every_seconds::double precision)
 WHERE l.full_at > clock_timestamp() + make_interval(secs => :every_seconds::double precision * :burst::integer)
    OR greatest(l.full_at, clock_timestamp()) + make_interval(secs => :every_seconds::double precision)
       <= clock_timestamp()
        + make_interval(secs => :every_seconds::double precision * :burst::integer)
RETURNING true;

-- name: give_back_to_limit
-- Who was right has not tried to guess.
UPDATE rate_limits SET full_at = full_at - make_interval(secs => :every_seconds::double precision) WHERE key = :key;

-- name: add_signing_key
-- Of two processes that start together, one makes the key.
INSERT INTO signing_keys (id, state, public_key, private_key, made_at)
VALUES (:id, :state, :public_key::jsonb, :private_key, :now)
    ON CONFLICT (state) WHERE state <> 'previous' DO NOTHING;

-- name: lock_signing_keys
-- Rotations take turns.
SELECT id, state FROM signing_keys WHERE state <> 'previous' ORDER BY id FOR UPDATE;

-- name: retire_current_key
-- It signs nothing more; tokens that it signed are still good.
UPDATE signing_keys SET state = 'previous', private_key = NULL, retired_at = :now WHERE state = 'current';

-- name: promote_next_key
-- Verifiers have known it since it became the next one.
UPDATE signing_keys SET state = 'current' WHERE state = 'next';

-- name: drop_retired_keys
-- No token that they signed is still good.
DELETE FROM signing_keys WHERE state = 'previous' AND retired_at < :before;

-- name: current_signing_key
-- Read for every token, so that all processes change over at once.
SELECT id, private_key FROM signing_keys WHERE state = 'current';

-- name: published_keys
-- Current, next and previous.
SELECT public_key FROM signing_keys ORDER BY made_at DESC, id;

-- name: signing_key_states
-- To see which are missing.
SELECT state FROM signing_keys WHERE state <> 'previous';

-- name: buyers_who_want_notices
-- One verified contact each, the phone first.
SELECT DISTINCT ON (a.id) a.id AS account_id, c.id AS contact_id
  FROM accounts a
  JOIN contacts c ON c.account_id = a.id
 WHERE a.id = ANY(:account_ids::uuid[]) AND a.wants_notices AND c.verified_at IS NOT NULL
 ORDER BY a.id, c.kind DESC;

-- name: address_of_contact
-- Read at the last moment: a contact that was erased meanwhile gets nothing.
SELECT kind, value FROM contacts WHERE id = :id;

-- name: forget_expired_sessions
-- In portions, so that nobody waits for it.
DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < :now LIMIT 5000);

-- name: forget_expired_refresh_tokens
-- Of sessions that go on.
DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens WHERE expires_at < :now LIMIT 5000);

-- name: forget_expired_codes
-- They could not be used any more.
DELETE FROM codes WHERE contact_id IN (SELECT contact_id FROM codes WHERE expires_at < :now LIMIT 5000);

-- name: forget_full_buckets
-- A full bucket is the same as none.
DELETE FROM rate_limits WHERE key IN (SELECT key FROM rate_limits WHERE full_at < statement_timestamp() LIMIT 5000);
