-- name: find_session
-- The session behind a cookie; an expired one is as good as none.
SELECT session_id, account_id, sealed, access_expires_at, basket, basket_count
  FROM sessions
 WHERE session_id = :session_id
   AND expires_at > :now;

-- name: put_basket
-- A guest's basket; the row of a visitor begins here, so that visitors who only look cost no row.
INSERT INTO sessions (session_id, basket, basket_count, created_at, expires_at)
VALUES (:session_id, :basket, :basket_count, :now, :expires_at)
    ON CONFLICT (session_id) DO UPDATE
   SET basket = excluded.basket,
       basket_count = excluded.basket_count;

-- name: count_basket
-- The number beside the basket on every page, as orders last told it.
UPDATE sessions
   SET basket_count = :basket_count
 WHERE session_id = :session_id
   AND basket_count <> :basket_count;

-- name: begin_session
-- Signing in is a new session under a new cookie: one that was known before signing in is worth nothing after it.
INSERT INTO sessions (session_id, account_id, sealed, access_expires_at, basket, basket_count, created_at, expires_at)
VALUES (:session_id, :account_id, :sealed, :access_expires_at, :basket, :basket_count, :now, :expires_at);

-- name: end_session
-- Signing out, and the guest's session after signing in.
DELETE FROM sessions
 WHERE session_id = :session_id;

-- name: end_sessions_of_account
-- Who asked to be forgotten is signed out everywhere.
DELETE FROM sessions
 WHERE account_id = :account_id;

-- name: claim_refresh
-- One process at a time refreshes the tokens of a session: refresh tokens work once. A lease, because the call to
-- identity happens outside of any transaction and its process may die.
UPDATE sessions
   SET refresh_until = now() + interval '10 seconds'
 WHERE session_id = :session_id
   AND sealed IS NOT NULL
   AND access_expires_at <= :due
   AND (refresh_until IS NULL OR refresh_until < now())
RETURNING sealed;

-- name: store_refresh
-- The new tokens; the lease ends.
UPDATE sessions
   SET sealed = :sealed,
       access_expires_at = :access_expires_at,
       refresh_until = NULL
 WHERE session_id = :session_id;

-- name: release_refresh
-- Identity could not be asked: the next page may try at once.
UPDATE sessions
   SET refresh_until = NULL
 WHERE session_id = :session_id;

-- name: forget_expired
-- Sessions that nobody can use any more.
DELETE FROM sessions
 WHERE expires_at <= :now;
