-- Registry and members. Rows are locked in one order: cooperative, officer, members by id, then applications, and what
-- money.sql has.

-- name: insert_cooperative
-- With its first amount of dues, so that a cooperative without any cannot be.
WITH made AS (
    INSERT INTO cooperatives (cooperative_id, name, kind, region_code, legal_number, national_number,
                              book_year_end_month, principal_savings_minor, withdrawal_limit_minor, quorum_numerator,
                              quorum_denominator, quorum_is_more_than, invitation_days, capital_base, registered_by,
                              registered_at)
    VALUES (:cooperative_id, :name, :kind::cooperative_kind, :region_code, :legal_number, :national_number,
            :book_year_end_month, :principal_savings_minor, :withdrawal_limit_minor, :quorum_numerator,
            :quorum_denominator, :quorum_is_more_than, :invitation_days, :capital_base::capital_base, :registered_by,
            :registered_at)
    RETURNING cooperative_id
)
INSERT INTO dues (cooperative_id, from_month, monthly_minor)
SELECT cooperative_id, :from_month::date, :mandatory_savings_minor FROM made;

-- name: insert_officers
-- All offices of a new cooperative, or one that is given later.
INSERT INTO officers (officer_id, cooperative_id, account_id, role, appointed_by, appointed_at)
SELECT o.officer_id, :cooperative_id, o.account_id, o.role::officer_role, :appointed_by, :appointed_at
  FROM unnest(:officer_ids::uuid[], :account_ids::uuid[], :roles::text[]) AS o (officer_id, account_id, role);

-- name: lock_officer
-- The office of whoever asks, and no other's; locked, so that who is dismissed meanwhile decides nothing more.
SELECT cooperative_id, account_id, role::text
  FROM officers
 WHERE cooperative_id = :cooperative_id AND account_id = :account_id AND ended_at IS NULL
   FOR SHARE;

-- name: officer
-- The same for those who only look.
SELECT cooperative_id, account_id, role::text
  FROM officers
 WHERE cooperative_id = :cooperative_id AND account_id = :account_id AND ended_at IS NULL;

-- name: lock_cooperative
-- For who changes the register, the offices or the articles.
SELECT cooperative_id FROM cooperatives WHERE cooperative_id = :cooperative_id FOR NO KEY UPDATE;

-- name: cooperative
-- One cooperative with its articles.
SELECT cooperative_id, name, kind::text, region_code, legal_number, national_number, book_year_end_month,
       principal_savings_minor, withdrawal_limit_minor, quorum_numerator, quorum_denominator, quorum_is_more_than,
       invitation_days, capital_base::text, registered_at
  FROM cooperatives
 WHERE cooperative_id = :cooperative_id;

-- name: cooperatives
-- By id, which is by time; a region includes the regions in it, a name is found by any part of it.
SELECT cooperative_id, name, kind::text, region_code, registered_at
  FROM cooperatives
 WHERE (:region::text IS NULL OR region_code = :region OR region_code LIKE :region || '.%')
   AND (:part::text IS NULL OR lower(name) LIKE '%' || :part || '%')
   AND (:after::uuid IS NULL OR cooperative_id > :after)
 ORDER BY cooperative_id
 LIMIT :most::integer;

-- name: monthly_dues
-- What holds in a month.
SELECT monthly_minor
  FROM dues
 WHERE cooperative_id = :cooperative_id AND from_month <= :month::date
 ORDER BY from_month DESC
 LIMIT 1;

-- name: officers
-- Who holds an office now.
SELECT account_id, role::text, appointed_at
  FROM officers
 WHERE cooperative_id = :cooperative_id AND ended_at IS NULL
 ORDER BY role, appointed_at;

-- name: acting_officer
-- Whether somebody may act for the cooperative.
SELECT account_id
  FROM officers
 WHERE cooperative_id = :cooperative_id AND ended_at IS NULL AND role <> 'pengawas'
 LIMIT 1;

-- name: put_dues
-- Months that have begun are never changed: who owes what for them is settled.
INSERT INTO dues (cooperative_id, from_month, monthly_minor) VALUES (:cooperative_id, :from_month, :monthly_minor)
    ON CONFLICT (cooperative_id, from_month) DO UPDATE SET monthly_minor = excluded.monthly_minor;

-- name: offices_of_account
-- Where somebody holds an office now, for that person alone.
SELECT o.cooperative_id, c.name AS cooperative_name, o.role::text, o.appointed_at
  FROM officers AS o
  JOIN cooperatives AS c ON c.cooperative_id = o.cooperative_id
 WHERE o.account_id = :account_id AND o.ended_at IS NULL
 ORDER BY o.appointed_at;

-- name: end_office
-- The row stays; the last one of those who act cannot be ended.
UPDATE officers AS o
   SET ended_at = :ended_at
 WHERE o.cooperative_id = :cooperative_id AND o.account_id = :account_id AND o.ended_at IS NULL
   AND (o.role = 'pengawas' OR EXISTS (
            SELECT FROM officers AS other
             WHERE other.cooperative_id = o.cooperative_id AND other.ended_at IS NULL AND other.role <> 'pengawas'
               AND other.account_id <> o.account_id));

-- name: erase_account
-- Remembered, so that a token that is still valid opens nothing.
INSERT INTO erased_accounts (account_id, erased_at) VALUES (:account_id, :erased_at) ON CONFLICT DO NOTHING;

-- name: erased_among
-- Those of these accounts that are to be forgotten.
SELECT account_id FROM erased_accounts WHERE account_id = ANY(:account_ids::uuid[]);

-- name: lock_members
-- For handlers: the batch's members in id order, so that two batches take turns.
SELECT member_id FROM members WHERE member_id = ANY(:member_ids::uuid[]) ORDER BY member_id FOR NO KEY UPDATE;

-- name: insert_application
-- Who is a member already, or waits already, does not apply again: a row comes back only for a new one.
INSERT INTO applications (application_id, cooperative_id, account_id, name, phone, identity_hash, region_code,
                          entered_by, applied_at)
SELECT :application_id::uuid, :cooperative_id::uuid, :account_id::uuid, :name::text, :phone::text,
       :identity_hash::bytea, :region_code::text, :entered_by::uuid, :applied_at::timestamptz
 WHERE NOT EXISTS (SELECT FROM members
                    WHERE cooperative_id = :cooperative_id AND state <> 'ended'
                      AND (account_id = :account_id OR identity_hash = :identity_hash));

-- name: lock_application
-- For its decision, within the officer's own cooperative.
SELECT application_id, account_id, name, phone, identity_hash, region_code, state::text
  FROM applications
 WHERE application_id = :application_id AND cooperative_id = :cooperative_id
   FOR NO KEY UPDATE;

-- name: decide_application
-- What was written about the person lives on in the member, or not at all.
UPDATE applications
   SET state = CASE WHEN :member_id::uuid IS NULL THEN 'rejected' ELSE 'approved' END::application_state,
       member_id = :member_id, decided_by = :decided_by, decided_at = :decided_at,
       name = NULL, phone = NULL, identity_hash = NULL
 WHERE application_id = :application_id AND state = 'waiting';

-- name: applications
-- By id, which is by time; the name of a decided one is the member's.
SELECT a.application_id, coalesce(a.name, m.name) AS name, coalesce(a.phone, m.phone) AS phone,
       a.account_id IS NOT NULL AS has_account, a.region_code, a.state::text, a.applied_at, a.decided_at, a.member_id
  FROM applications AS a
  LEFT JOIN members AS m USING (member_id)
 WHERE a.cooperative_id = :cooperative_id
   AND (:state::text IS NULL OR a.state = :state::application_state)
   AND (:after::uuid IS NULL OR a.application_id > :after)
 ORDER BY a.application_id
 LIMIT :most::integer;

-- name: insert_members
-- Candidates: founders together, others one by one.
INSERT INTO members (member_id, cooperative_id, account_id, name, phone, identity_hash, region_code, is_founder,
                     approved_by, approved_at)
SELECT m.member_id, :cooperative_id, m.account_id, m.name, m.phone, m.identity_hash, m.region_code, :is_founder,
       :approved_by, :approved_at
  FROM unnest(:member_ids::uuid[], :account_ids::uuid[], :names::text[], :phones::text[], :identity_hashes::bytea[],
              :region_codes::text[]) AS m (member_id, account_id, name, phone, identity_hash, region_code);

-- name: lock_member
-- Whoever changes a member, or moves their money, holds this lock.
SELECT member_id, cooperative_id, state::text, account_id, region_code, register_number
  FROM members
 WHERE member_id = :member_id AND cooperative_id = :cooperative_id
   FOR NO KEY UPDATE;

-- name: next_register_number
-- Under the cooperative's lock, so that numbers and positions have no gap.
UPDATE cooperatives
   SET register_position = register_position + 1, admitted = admitted + :admissions::integer
 WHERE cooperative_id = :cooperative_id
RETURNING register_position, admitted;

-- name: insert_register_entry
-- One more line at the end of the register.
INSERT INTO register_entries (cooperative_id, position, member_id, change, reason, entered_by, entered_at)
VALUES (:cooperative_id, :position, :member_id, :change::register_change, :reason::end_reason, :entered_by, :entered_at);

-- name: admit_member
-- The number was taken in this transaction.
UPDATE members
   SET state = 'active', register_number = :register_number, admitted_at = :admitted_at
 WHERE member_id = :member_id AND state = 'candidate';

-- name: set_member_state
-- Between active and suspended.
UPDATE members SET state = :state::member_state WHERE member_id = :member_id;

-- name: end_member
-- The register keeps number and dates; identity number and phone have served their purpose.
UPDATE members
   SET state = 'ended', ended_at = :ended_at, end_reason = :reason::end_reason, identity_hash = NULL, phone = NULL
 WHERE member_id = :member_id;

-- name: members
-- By id, with what each has saved; for officers.
SELECT m.member_id, m.name, m.phone, m.state::text, m.register_number, m.account_id IS NOT NULL AS has_account,
       m.region_code, m.is_founder, m.admitted_at, m.ended_at, m.end_reason::text, s.principal_minor,
       s.mandatory_minor, s.voluntary_minor, s.payable_minor
  FROM members AS m
 CROSS JOIN LATERAL (
        SELECT coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '3101'), 0)::bigint AS principal_minor,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '3102'), 0)::bigint AS mandatory_minor,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '2101'), 0)::bigint AS voluntary_minor,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '2102'), 0)::bigint AS payable_minor
          FROM books AS b JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
         WHERE b.member_id = m.member_id) AS s
 WHERE m.cooperative_id = :cooperative_id
   AND (:member_id::uuid IS NULL OR m.member_id = :member_id)
   AND (:state::text IS NULL OR m.state = :state::member_state)
   AND (:part::text IS NULL OR lower(m.name) LIKE '%' || :part || '%')
   AND (:after::uuid IS NULL OR m.member_id > :after)
 ORDER BY m.member_id
 LIMIT :most::integer;

-- name: memberships
-- A person's own, everywhere.
SELECT m.member_id, m.cooperative_id, c.name AS cooperative_name, m.name, m.state::text, m.register_number,
       m.admitted_at, m.ended_at, s.principal_minor, s.mandatory_minor, s.voluntary_minor, s.payable_minor,
       c.principal_savings_minor, c.market_limit_minor > 0 AS may_pay_at_market
  FROM members AS m
  JOIN cooperatives AS c USING (cooperative_id)
 CROSS JOIN LATERAL (
        SELECT coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '3101'), 0)::bigint AS principal_minor,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '3102'), 0)::bigint AS mandatory_minor,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '2101'), 0)::bigint AS voluntary_minor,
               coalesce(sum(a.balance_minor) FILTER (WHERE b.code = '2102'), 0)::bigint AS payable_minor
          FROM books AS b JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
         WHERE b.member_id = m.member_id) AS s
 WHERE m.account_id = :account_id
 ORDER BY m.member_id;

-- name: register
-- The lines in their order, with the number they are about.
SELECT r.position, r.member_id, m.register_number, m.name, r.change::text, r.reason::text, r.entered_at
  FROM register_entries AS r
  JOIN members AS m USING (member_id)
 WHERE r.cooperative_id = :cooperative_id AND r.position > :after::bigint
 ORDER BY r.position
 LIMIT :most::integer;

-- name: dues
-- What each member owes of the mandatory savings up to a month, month of admission included, and has paid.
WITH rates AS (
    SELECT extract(year FROM from_month)::integer * 12 + extract(month FROM from_month)::integer AS first,
           coalesce(lead(extract(year FROM from_month)::integer * 12 + extract(month FROM from_month)::integer)
                        OVER (ORDER BY from_month), 1000000) AS next,
           monthly_minor
      FROM dues WHERE cooperative_id = :cooperative_id
), owed AS (
    SELECT m.member_id, m.name, m.register_number,
           (SELECT coalesce(sum(r.monthly_minor * greatest(0, least(r.next, n.last) - greatest(r.first, n.first))), 0)
              FROM rates AS r)::bigint AS owed_minor,
           coalesce((SELECT a.balance_minor FROM books AS b JOIN ledger_accounts AS a ON a.id = b.ledger_account_id
                      WHERE b.cooperative_id = m.cooperative_id AND b.code = '3102' AND b.member_id = m.member_id), 0)
               AS paid_minor
      FROM members AS m
     CROSS JOIN LATERAL (
            SELECT extract(year FROM m.admitted_at AT TIME ZONE 'Asia/Jakarta')::integer * 12
                   + extract(month FROM m.admitted_at AT TIME ZONE 'Asia/Jakarta')::integer AS first,
                   extract(year FROM :month::date)::integer * 12 + extract(month FROM :month)::integer + 1 AS last) AS n
     WHERE m.cooperative_id = :cooperative_id AND m.state IN ('active', 'suspended')
       AND (:member_id::uuid IS NULL OR m.member_id = :member_id)
       AND (:after::bigint IS NULL OR m.register_number > :after)
)
SELECT member_id, name, register_number, owed_minor, paid_minor, owed_minor - paid_minor AS behind_minor
  FROM owed
 WHERE NOT :is_behind::boolean OR owed_minor > paid_minor
 ORDER BY register_number
 LIMIT :most::integer;

-- name: end_link_code
-- A new code ends the one before it.
DELETE FROM link_codes WHERE member_id = :member_id AND used_at IS NULL;

-- name: insert_link_code
-- One at a time, under the member's lock.
INSERT INTO link_codes (code_hash, member_id, made_by, made_at, expires_at)
VALUES (:code_hash, :member_id, :made_by, :made_at, :expires_at);

-- name: member_of_link_code
-- The member is locked before the code, as by those who make codes.
SELECT member_id FROM link_codes WHERE code_hash = :code_hash;

-- name: use_link_code
-- The code is used by the first who types it, in its time, and not by the officer who made it: whoever holds a membership
-- spends its savings, which nobody shall arrange alone.
UPDATE link_codes
   SET used_at = :used_at, used_by = :used_by
 WHERE code_hash = :code_hash AND used_at IS NULL AND expires_at > :used_at AND made_by <> :used_by;

-- name: lock_any_member
-- Found by a link code, which says which cooperative it is of.
SELECT member_id, cooperative_id, state::text, account_id, region_code, register_number
  FROM members
 WHERE member_id = :member_id
   FOR NO KEY UPDATE;

-- name: link_member
-- Once: a membership keeps its account.
UPDATE members
   SET account_id = :account_id, phone = NULL
 WHERE member_id = :member_id AND account_id IS NULL AND state <> 'ended';

-- name: members_of_account
-- Every membership of a person who is to be forgotten.
SELECT member_id FROM members WHERE account_id = ANY(:account_ids::uuid[]);

-- name: forget_members
-- A living membership keeps its name, as the register must; of an ended one it goes when nothing is owed any more.
UPDATE members
   SET account_id = NULL, phone = NULL, identity_hash = CASE WHEN state = 'ended' THEN NULL ELSE identity_hash END,
       is_to_be_erased = true
 WHERE account_id = :account_id
RETURNING member_id;

-- name: forget_applications
-- What waits is withdrawn by rejecting it: who applied is gone.
UPDATE applications
   SET state = CASE state WHEN 'waiting' THEN 'rejected' ELSE state END,
       decided_at = coalesce(decided_at, :erased_at), account_id = NULL, name = NULL, phone = NULL, identity_hash = NULL
 WHERE account_id = :account_id;

-- name: forget_officers
-- Offices of a person who is gone end, the last one too: an operator gives the cooperative a new one.
UPDATE officers SET ended_at = :erased_at WHERE account_id = :account_id AND ended_at IS NULL;
