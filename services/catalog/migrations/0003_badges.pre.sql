-- Who is a member of which cooperative and who holds which certificate, as told by others; what a shop shows of it; and
-- a category in which only certified people sell.

INSERT INTO categories (slug, name, position) VALUES ('pangan-olahan', 'Pangan olahan (P-IRT)', 15);

CREATE TABLE cooperative_members (
    member_id      uuid    PRIMARY KEY,
    cooperative_id uuid    NOT NULL,
    account_id     uuid    NOT NULL,
    is_member      boolean NOT NULL
);

CREATE INDEX cooperative_members_of_account ON cooperative_members (account_id, cooperative_id) WHERE is_member;

-- `expires_at` is null when only the revocation was heard of.
CREATE TABLE person_certificates (
    certificate_id uuid        PRIMARY KEY,
    person_id      uuid        NOT NULL,
    scheme         text        NOT NULL,
    expires_at     timestamptz,
    revoked_at     timestamptz
);

CREATE INDEX person_certificates_of_person ON person_certificates (person_id, scheme) WHERE revoked_at IS NULL;

-- What the shop shows: badge to the second (Unix time) at which it ends, null for never. Made anew when a fact changes.
ALTER TABLE shops ADD COLUMN badges jsonb NOT NULL DEFAULT '{}';

-- Whether a badge is shown now: it is there, and has not ended.
CREATE FUNCTION shows_badge(badges jsonb, badge text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE RETURN
    badges ? badge AND coalesce((badges ->> badge)::bigint > extract(epoch FROM now()), true);
