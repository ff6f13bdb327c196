-- Queries of members' meetings: the meeting's row is locked first; whoever votes shares that lock, whoever counts does not.

-- name: rules_for_officer
-- What the articles say of meetings and surplus, to an officer of the cooperative and nobody else.
SELECT c.cooperative_id, c.name, c.book_year_end_month, c.quorum_numerator, c.quorum_denominator, c.quorum_is_more_than,
       c.invitation_days, c.capital_base::text, c.ballots_are_secret, c.surplus_rounding::text, o.role::text AS office
  FROM cooperatives AS c
  JOIN officers AS o ON o.cooperative_id = c.cooperative_id AND o.account_id = :account_id AND o.ended_at IS NULL
 WHERE c.cooperative_id = :cooperative_id;

-- name: rules_for_member
-- The same for a member, by which the caller's own membership is found too.
SELECT c.cooperative_id, c.name, c.book_year_end_month, c.quorum_numerator, c.quorum_denominator, c.quorum_is_more_than,
       c.invitation_days, c.capital_base::text, c.ballots_are_secret, c.surplus_rounding::text, m.member_id
  FROM cooperatives AS c
  JOIN members AS m ON m.cooperative_id = c.cooperative_id AND m.account_id = :account_id
                   AND m.state IN ('active', 'suspended')
 WHERE c.cooperative_id = :cooperative_id;

-- name: save_meeting_rules
-- As the articles were changed; meetings that are open keep the rule they opened with.
UPDATE cooperatives
   SET quorum_numerator = :quorum_numerator, quorum_denominator = :quorum_denominator,
       quorum_is_more_than = :quorum_is_more_than, invitation_days = :invitation_days,
       ballots_are_secret = :ballots_are_secret, surplus_rounding = :surplus_rounding::surplus_rounding,
       capital_base = :capital_base::capital_base
 WHERE cooperative_id = :cooperative_id
   AND EXISTS (SELECT FROM officers WHERE officers.cooperative_id = cooperatives.cooperative_id
                                      AND account_id = :account_id AND ended_at IS NULL AND role = 'ketua');

-- name: insert_meeting
-- A meeting is called by an officer.
INSERT INTO meetings (meeting_id, cooperative_id, kind, year, held_at, is_online, invited_on, invitation_days,
                      ballots_are_secret, agenda, due_on, called_by, called_at)
VALUES (:meeting_id, :cooperative_id, :kind::meeting_kind, :year, :held_at, :is_online, :invited_on, :invitation_days,
        :ballots_are_secret, :agenda::jsonb, :due_on, :called_by, :called_at);

-- name: lock_meeting_for_officer
-- For whoever changes the meeting: votes in flight end first, later ones see what was decided.
SELECT m.meeting_id, m.cooperative_id, m.kind::text, m.year, m.held_at, m.is_online, m.invited_on, m.invitation_days,
       m.ballots_are_secret, m.agenda, m.due_on, m.state::text, m.members, m.quorum_numerator, m.quorum_denominator,
       m.quorum_is_more_than, m.quorum, m.present_at_opening, m.opened_at, m.minutes, m.minutes_sha256, m.counted_at,
       m.closed_at, o.role::text AS office
  FROM meetings AS m
  JOIN officers AS o ON o.cooperative_id = m.cooperative_id AND o.account_id = :account_id AND o.ended_at IS NULL
 WHERE m.meeting_id = :meeting_id AND m.cooperative_id = :cooperative_id
   FOR UPDATE OF m;

-- name: share_meeting_for_officer
-- For an officer who writes attendance or a show of hands down: many may at once.
SELECT m.meeting_id, m.state::text, m.is_online, m.held_at, m.ballots_are_secret, NULL::uuid AS member_id,
       o.role::text AS office
  FROM meetings AS m
  JOIN officers AS o ON o.cooperative_id = m.cooperative_id AND o.account_id = :account_id AND o.ended_at IS NULL
 WHERE m.meeting_id = :meeting_id AND m.cooperative_id = :cooperative_id
   FOR SHARE OF m;

-- name: share_meeting_for_member
-- For a member who is there or votes: many may at once, but none while the votes are counted.
SELECT m.meeting_id, m.state::text, m.is_online, m.held_at, m.ballots_are_secret, p.member_id, NULL::text AS office
  FROM meetings AS m
  JOIN members AS p ON p.cooperative_id = m.cooperative_id AND p.account_id = :account_id
                   AND p.state IN ('active', 'suspended')
 WHERE m.meeting_id = :meeting_id AND m.cooperative_id = :cooperative_id
   FOR SHARE OF m;

-- name: count_members
-- Everybody in the register has one vote, whatever the savings (UU 25/1992 art. 24); the suspended count too.
SELECT count(*) FROM members WHERE cooperative_id = :cooperative_id AND state IN ('active', 'suspended');

-- name: count_present
-- How many are on the roll.
SELECT count(*) FROM meeting_roll WHERE meeting_id = :meeting_id;

-- name: add_to_roll
-- Members of this cooperative only; who is on it already stays as entered first. The ids that are on the roll now.
WITH wanted AS (
    SELECT p.member_id, p.cooperative_id
      FROM members AS p
     WHERE p.cooperative_id = :cooperative_id AND p.member_id = ANY(:member_ids::uuid[])
       AND p.state IN ('active', 'suspended')
), added AS (
    INSERT INTO meeting_roll (meeting_id, member_id, cooperative_id, entered_by, is_self, present_at)
    SELECT :meeting_id, member_id, cooperative_id, :entered_by, :is_self, :present_at FROM wanted ORDER BY member_id
    ON CONFLICT (meeting_id, member_id) DO NOTHING
)
SELECT member_id FROM wanted;

-- name: open_meeting
-- From now on its rule stands, and members may vote.
UPDATE meetings
   SET state = 'open', opened_by = :opened_by, opened_at = :opened_at, members = :members,
       quorum_numerator = :quorum_numerator, quorum_denominator = :quorum_denominator,
       quorum_is_more_than = :quorum_is_more_than, quorum = :quorum, present_at_opening = :present
 WHERE meeting_id = :meeting_id AND state = 'called';

-- name: add_motion
-- Numbered under the meeting's lock.
INSERT INTO motions (motion_id, meeting_id, number, kind, text, allocation, moved_by, moved_at)
SELECT :motion_id, :meeting_id, 1 + count(*), :kind::motion_kind, :text, :allocation::jsonb, :moved_by, :moved_at
  FROM motions WHERE meeting_id = :meeting_id
RETURNING number;

-- name: motion_of_meeting
-- A motion by its id is one of this meeting, or there is none.
SELECT motion_id, kind::text FROM motions WHERE motion_id = :motion_id AND meeting_id = :meeting_id;

-- name: cast_vote
-- Once per member and motion: the primary key decides. Who is not on the roll violates the key into it.
INSERT INTO votes_cast (motion_id, member_id, meeting_id, entered_by)
VALUES (:motion_id, :member_id, :meeting_id, :entered_by);

-- name: put_ballot_into_box
-- Apart from who voted; `member_id` is NULL when ballots are secret.
INSERT INTO ballots (ballot_id, motion_id, choice, member_id)
VALUES (:ballot_id, :motion_id, :choice::ballot_choice, :member_id);

-- name: member_without_account
-- For whom officers may vote by a show of hands: a member of this cooperative who cannot sign in.
SELECT member_id FROM members
 WHERE member_id = :member_id AND cooperative_id = :cooperative_id AND account_id IS NULL
   AND state IN ('active', 'suspended');

-- name: shake_the_box
-- Secret ballots are written anew in random order, in one transaction: neither their place nor their transaction number
-- says any longer who brought them.
WITH taken AS (
    DELETE FROM ballots USING motions
     WHERE motions.motion_id = ballots.motion_id AND motions.meeting_id = :meeting_id AND ballots.member_id IS NULL
    RETURNING ballots.motion_id, ballots.choice
)
INSERT INTO ballots (ballot_id, motion_id, choice)
SELECT gen_random_uuid(), motion_id, choice FROM taken ORDER BY random();

-- name: count_ballots
-- Each motion with its votes; a motion that nobody voted on has none.
SELECT m.motion_id, m.number, m.kind::text, m.text, m.allocation, m.moved_by,
       count(b.ballot_id) FILTER (WHERE b.choice = 'yes') AS yes, count(b.ballot_id) FILTER (WHERE b.choice = 'no') AS no,
       count(b.ballot_id) FILTER (WHERE b.choice = 'abstain') AS abstain
  FROM motions AS m
  LEFT JOIN ballots AS b ON b.motion_id = m.motion_id
 WHERE m.meeting_id = :meeting_id
 GROUP BY m.motion_id
 ORDER BY m.number;

-- name: open_ballots
-- Who voted what, where votes are open: part of the minutes.
SELECT b.motion_id, b.member_id, b.choice::text
  FROM ballots AS b JOIN motions AS m ON m.motion_id = b.motion_id
 WHERE m.meeting_id = :meeting_id AND b.member_id IS NOT NULL
 ORDER BY b.motion_id, b.member_id;

-- name: roll
-- In the order of the register.
SELECT r.member_id, p.register_number, r.is_self, r.present_at
  FROM meeting_roll AS r JOIN members AS p ON p.member_id = r.member_id
 WHERE r.meeting_id = :meeting_id
 ORDER BY p.register_number, r.member_id;

-- name: save_results
-- What the count gave, per motion.
UPDATE motions SET yes = r.yes, no = r.no, abstain = r.abstain, is_carried = r.is_carried
  FROM unnest(:motion_ids::uuid[], :yes::int[], :no::int[], :abstain::int[], :carried::boolean[])
       AS r (motion_id, yes, no, abstain, is_carried)
 WHERE motions.motion_id = r.motion_id;

-- name: seal_minutes
-- The votes are over; what is written now is what two officers sign.
UPDATE meetings
   SET state = 'counted', minutes = :minutes, minutes_sha256 = :minutes_sha256, counted_at = :counted_at,
       members = coalesce(members, :members)
 WHERE meeting_id = :meeting_id AND state IN ('called', 'open');

-- name: results
-- What was decided, for the fact that is published.
SELECT is_carried FROM motions WHERE meeting_id = :meeting_id ORDER BY number;

-- name: sign_minutes
-- One signature per office and per person: the keys decide.
INSERT INTO minutes_signatures (meeting_id, role, account_id, minutes_sha256, signed_at)
VALUES (:meeting_id, :role::officer_role, :account_id, :minutes_sha256, :signed_at);

-- name: signatures
-- Who signed what.
SELECT role::text, account_id, minutes_sha256, signed_at FROM minutes_signatures WHERE meeting_id = :meeting_id ORDER BY role;

-- name: close_meeting
-- With the second signature.
UPDATE meetings SET state = 'closed', closed_at = :closed_at WHERE meeting_id = :meeting_id AND state = 'counted';

-- name: meeting_for
-- For officers and members of the cooperative; to anybody else there is none.
SELECT m.meeting_id, m.cooperative_id, c.name AS cooperative_name, m.kind::text, m.year, m.held_at, m.is_online,
       m.invited_on, m.invitation_days, m.ballots_are_secret, m.agenda, m.due_on, m.state::text,
       m.members, m.quorum_numerator, m.quorum_denominator, m.quorum_is_more_than, m.quorum, m.present_at_opening,
       m.opened_at, m.minutes, m.minutes_sha256, m.counted_at, m.closed_at,
       (SELECT count(*) FROM meeting_roll AS r WHERE r.meeting_id = m.meeting_id) AS present
  FROM meetings AS m JOIN cooperatives AS c USING (cooperative_id)
 WHERE m.meeting_id = :meeting_id AND m.cooperative_id = :cooperative_id
   AND (EXISTS (SELECT FROM officers AS o WHERE o.cooperative_id = m.cooperative_id AND o.account_id = :account_id
                                            AND o.ended_at IS NULL)
        OR EXISTS (SELECT FROM members AS p WHERE p.cooperative_id = m.cooperative_id AND p.account_id = :account_id
                                              AND p.state IN ('active', 'suspended')));

-- name: meetings_for
-- Newest first, for officers and members; NULL where the caller is neither.
SELECT m.meeting_id, m.kind::text, m.year, m.held_at, m.state::text, m.due_on, m.members, m.quorum, m.present_at_opening
  FROM meetings AS m
 WHERE m.cooperative_id = :cooperative_id
   AND (:before_at::timestamptz IS NULL OR (m.held_at, m.meeting_id) < (:before_at::timestamptz, :before_id::uuid))
 ORDER BY m.held_at DESC, m.meeting_id DESC
 LIMIT :limit::integer;

-- name: motions_of
-- In their order, with the votes so far left out: they are nobody's to see before the count.
SELECT m.motion_id, m.number, m.kind::text, m.text, m.allocation, m.yes, m.no, m.abstain, m.is_carried,
       (SELECT count(*) FROM votes_cast AS v WHERE v.motion_id = m.motion_id) AS votes_cast,
       EXISTS (SELECT FROM votes_cast AS v JOIN members AS p USING (member_id)
                WHERE v.motion_id = m.motion_id AND p.account_id = :account_id) AS has_voted
  FROM motions AS m
 WHERE m.meeting_id = :meeting_id
 ORDER BY m.number;

-- name: names_of_members
-- For the printed minutes: names are kept here and not in what is sealed, so that people can be forgotten.
SELECT p.member_id, p.register_number, p.name
  FROM members AS p JOIN meeting_roll AS r USING (member_id)
 WHERE r.meeting_id = :meeting_id;

-- name: officers_who_signed
-- Names of those officers who are members, for the printed minutes.
SELECT s.role::text, s.account_id, s.signed_at, p.name
  FROM minutes_signatures AS s
  JOIN meetings AS m USING (meeting_id)
  LEFT JOIN members AS p ON p.cooperative_id = m.cooperative_id AND p.account_id = s.account_id AND p.state <> 'ended'
 WHERE s.meeting_id = :meeting_id
 ORDER BY s.role;
