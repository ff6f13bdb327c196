-- The way in: everything that moves or holds money goes through ledger_post.

CREATE TYPE ledger_step_kind AS ENUM ('post', 'hold', 'settle', 'release');

-- One step of a batch as it was read; `outcome` is what a release makes of its hold.
CREATE TYPE ledger_step AS (
    number       integer,
    kind         ledger_step_kind,
    id           uuid,
    hold_id      uuid,
    amount_minor bigint,
    outcome      ledger_hold_state,
    reason       text,
    reference    jsonb,
    meta         jsonb,
    event_at     timestamptz,
    expires_at   timestamptz,
    legs         jsonb,
    fingerprint  bytea
);

-- What a step does to an account: how much it moves, and by how much it changes what is held. NULL: not an amount.
CREATE TYPE ledger_leg AS (
    number      integer,
    leg         smallint,
    account_id  uuid,
    side        ledger_side,
    moves_minor bigint,
    holds_minor bigint
);

CREATE FUNCTION ledger_amount(amount numeric) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN CASE WHEN amount BETWEEN 1 AND 1000000000000000 AND amount = trunc(amount) THEN amount::bigint END;

-- Locks accounts in id order, which is the order of everybody.
CREATE FUNCTION ledger_lock(account_ids uuid[]) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM ledger_accounts WHERE id = ANY(account_ids) ORDER BY id FOR NO KEY UPDATE;
END $$;

-- Opens accounts that are not there yet.
CREATE FUNCTION ledger_open(accounts jsonb) RETURNS void LANGUAGE sql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO ledger_accounts (id, code, kind, normal_side, currency, balance_min_minor, balance_max_minor)
    SELECT id, code, kind, normal_side, currency, balance_min_minor, balance_max_minor
      FROM jsonb_to_recordset(accounts) AS a (id uuid, code text, kind ledger_kind, normal_side ledger_side,
                                              currency text, balance_min_minor bigint, balance_max_minor bigint)
     ORDER BY code
        ON CONFLICT (code) DO NOTHING;
$$;

-- Decides a batch step by step in the order given, and writes what it accepts by one statement per table.
-- A step is {kind, id, event_at, reason, reference, meta, legs: [{account_id, side, amount_minor}]} to post or hold
-- (a hold has two legs), {kind, id, hold_id, amount_minor, ...} to settle, {kind, hold_id, outcome} to release.
-- Verdicts: done, exists (it was done before), or why not, with the account that is to blame. With all_or_nothing, one
-- refusal leaves the rest 'not_done'.
CREATE FUNCTION ledger_post(steps jsonb, all_or_nothing boolean)
RETURNS TABLE (number integer, verdict text, account_id uuid) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wanted    ledger_step[];
    parts     ledger_leg[];  -- their legs, those of holds included
    ids       uuid[];     -- of the accounts, in order
    below     bigint[];   -- how far each account is above its lower bound; NULL: it has none
    above     bigint[];   -- how far each account is below its upper bound
    verdicts  text[];
    blamed    uuid[];
    resolved  uuid[];     -- holds that this batch has resolved
    step      record;
    decision  text;
    blame     uuid;
    at        timestamptz;
    i         integer;
    attempts  integer := 0;
BEGIN
    SELECT array_agg((s.number, s.kind, s.id, s.hold_id, ledger_amount(s.amount_minor), s.outcome, s.reason,
                      coalesce(s.reference, '{}'), coalesce(s.meta, '{}'), s.event_at, s.expires_at, s.legs,
                      sha256(convert_to(jsonb_build_array(
                          s.kind, s.hold_id, s.amount_minor, s.outcome, s.reason, coalesce(s.reference, '{}'),
                          coalesce(s.meta, '{}'), extract(epoch FROM s.event_at), extract(epoch FROM s.expires_at),
                          s.legs)::text, 'UTF8')))::ledger_step
                     ORDER BY s.number)
      INTO wanted
      FROM ROWS FROM (jsonb_to_recordset(steps) AS (
               kind ledger_step_kind, id uuid, hold_id uuid, amount_minor numeric, outcome ledger_hold_state,
               reason text, reference jsonb, meta jsonb, event_at timestamptz, expires_at timestamptz, legs jsonb
           )) WITH ORDINALITY AS s (kind, id, hold_id, amount_minor, outcome, reason, reference, meta, event_at,
                                    expires_at, legs, number);
    SELECT array_agg((l.number, l.leg, l.account_id, l.side, l.moves_minor, l.holds_minor)::ledger_leg
                     ORDER BY l.number, l.leg)
      INTO parts
      FROM (SELECT s.number, l.leg, l.account_id, l.side,
                   CASE s.kind WHEN 'post' THEN ledger_amount(l.amount_minor) ELSE 0 END AS moves_minor,
                   CASE s.kind WHEN 'hold' THEN ledger_amount(l.amount_minor) ELSE 0 END AS holds_minor
              FROM unnest(wanted) AS s
             CROSS JOIN ROWS FROM (jsonb_to_recordset(s.legs) AS (account_id uuid, side ledger_side, amount_minor numeric))
                   WITH ORDINALITY AS l (account_id, side, amount_minor, leg)
             WHERE s.kind IN ('post', 'hold')
            UNION ALL
            SELECT s.number, l.leg, l.account_id, l.side,
                   CASE s.kind WHEN 'settle' THEN s.amount_minor ELSE 0 END, -h.amount_minor
              FROM unnest(wanted) AS s
              JOIN ledger_holds AS h ON h.id = s.hold_id
             CROSS JOIN LATERAL (VALUES (1, h.debit_account_id, 'debit'::ledger_side),
                                        (2, h.credit_account_id, 'credit')) AS l (leg, account_id, side)
             WHERE s.kind IN ('settle', 'release')) AS l;

    PERFORM ledger_lock(ARRAY(SELECT l.account_id FROM unnest(parts) AS l));
    at := clock_timestamp();

    <<attempt>> LOOP
        SELECT array_agg(a.id ORDER BY a.id),
               array_agg(a.balance_minor - a.held_out_minor - a.balance_min_minor ORDER BY a.id),
               array_agg(a.balance_max_minor - a.balance_minor - a.held_in_minor ORDER BY a.id)
          INTO ids, below, above
          FROM ledger_accounts AS a
         WHERE a.id IN (SELECT l.account_id FROM unnest(parts) AS l);
        verdicts := '{}';
        blamed := '{}';
        resolved := '{}';

        FOR step IN
            SELECT s.number, s.kind, s.hold_id, s.outcome, s.fingerprint, s.amount_minor, s.reason, s.event_at,
                   min(s.number) OVER (PARTITION BY s.kind = 'hold', s.kind = 'release', coalesce(s.id, s.hold_id)) AS first,
                   coalesce(t.fingerprint, k.fingerprint) AS known,
                   h.state, h.amount_minor AS held_minor, h.expires_at,
                   g.legs, g.found, g.accounts, g.currencies, g.amounts, g.difference, g.places, g.moves, g.holds, g.downs
              FROM unnest(wanted) AS s
              LEFT JOIN ledger_transfers AS t ON t.id = s.id AND s.kind IN ('post', 'settle')
              LEFT JOIN ledger_holds AS k ON k.id = s.id AND s.kind = 'hold'
              LEFT JOIN ledger_holds AS h ON h.id = s.hold_id
              LEFT JOIN (SELECT l.number, count(*) AS legs, count(a.id) AS found,
                                count(DISTINCT l.account_id) AS accounts, count(DISTINCT a.currency) AS currencies,
                                count(l.moves_minor + l.holds_minor) AS amounts,
                                sum((l.moves_minor + l.holds_minor) * CASE l.side WHEN 'debit' THEN 1 ELSE -1 END)
                                    AS difference,
                                array_agg(p.place::integer ORDER BY l.leg) AS places,
                                array_agg(l.moves_minor ORDER BY l.leg) AS moves,
                                array_agg(l.holds_minor ORDER BY l.leg) AS holds,
                                array_agg(l.side <> a.normal_side ORDER BY l.leg) AS downs
                           FROM unnest(parts) AS l
                           LEFT JOIN unnest(ids) WITH ORDINALITY AS p (id, place) ON p.id = l.account_id
                           LEFT JOIN ledger_accounts AS a ON a.id = p.id
                          GROUP BY l.number) AS g ON g.number = s.number
             ORDER BY s.number
        LOOP
            blame := NULL;
            decision := CASE
                WHEN step.first <> step.number THEN
                    CASE WHEN wanted[step.first].fingerprint <> step.fingerprint THEN 'id_taken'
                         WHEN verdicts[step.first] = 'done' THEN 'again'
                         ELSE verdicts[step.first] END
                WHEN step.known IS NOT NULL THEN
                    CASE WHEN step.known = step.fingerprint THEN 'exists' ELSE 'id_taken' END
                WHEN step.kind IN ('settle', 'release') THEN
                    CASE WHEN step.state IS NULL OR step.legs IS NULL THEN 'hold_unknown'  -- or not there yet when we read
                         WHEN step.kind = 'release' AND step.state = step.outcome THEN 'exists'
                         WHEN step.state <> 'pending' OR step.hold_id = ANY(resolved) THEN 'hold_resolved'
                         WHEN step.kind = 'settle' AND step.amount_minor IS NULL THEN 'amount_out_of_range'
                         WHEN step.kind = 'settle' AND step.amount_minor > step.held_minor THEN 'hold_exceeded'
                         WHEN step.kind = 'settle' AND step.expires_at <= at THEN 'hold_expired'
                         WHEN step.kind = 'release' AND step.outcome = 'expired' AND step.expires_at <= at IS NOT TRUE
                             THEN 'hold_not_due'
                         ELSE 'done' END
                WHEN coalesce(step.legs, 0) < 2 THEN 'too_few_legs'
                WHEN step.amounts < step.legs THEN 'amount_out_of_range'
                WHEN step.found < step.legs THEN 'account_unknown'
                WHEN step.accounts < step.legs THEN 'account_twice'
                WHEN step.currencies > 1 THEN 'mixed_currency'
                WHEN step.difference <> 0 THEN 'unbalanced'
                WHEN step.kind = 'hold' AND step.legs > 2 THEN 'too_many_legs'
                ELSE 'done'
            END;
            IF decision = 'done' THEN
                -- What a leg takes, and what it holds, comes out of the room on the side towards which it moves.
                FOR i IN 1 .. step.legs LOOP
                    IF step.moves[i] + step.holds[i] <= 0 THEN
                        CONTINUE;
                    ELSIF step.downs[i] AND below[step.places[i]] < step.moves[i] + step.holds[i] THEN
                        decision := 'below_minimum';
                        blame := ids[step.places[i]];
                        EXIT;
                    ELSIF NOT step.downs[i] AND above[step.places[i]] < step.moves[i] + step.holds[i] THEN
                        decision := 'above_maximum';
                        blame := ids[step.places[i]];
                        EXIT;
                    END IF;
                END LOOP;
            END IF;
            IF decision = 'done' THEN
                FOR i IN 1 .. step.legs LOOP
                    IF step.downs[i] THEN
                        below[step.places[i]] := below[step.places[i]] - step.moves[i] - step.holds[i];
                        above[step.places[i]] := above[step.places[i]] + step.moves[i];
                    ELSE
                        above[step.places[i]] := above[step.places[i]] - step.moves[i] - step.holds[i];
                        below[step.places[i]] := below[step.places[i]] + step.moves[i];
                    END IF;
                END LOOP;
                IF step.kind IN ('settle', 'release') THEN
                    resolved := resolved || step.hold_id;
                END IF;
            END IF;
            verdicts := verdicts || decision;
            blamed := blamed || blame;
        END LOOP;

        IF all_or_nothing AND EXISTS (SELECT FROM unnest(verdicts) AS v WHERE v NOT IN ('done', 'again', 'exists')) THEN
            verdicts := array_replace(array_replace(verdicts, 'done', 'not_done'), 'again', 'not_done');
        END IF;
        EXIT attempt WHEN NOT 'done' = ANY(verdicts);

        BEGIN
            INSERT INTO ledger_holds (id, debit_account_id, credit_account_id, currency, amount_minor, reason, reference,
                                      meta, event_at, created_at, expires_at, fingerprint)
            SELECT s.id, d.account_id, c.account_id, a.currency, d.holds_minor, s.reason, s.reference, s.meta, s.event_at,
                   at, s.expires_at, s.fingerprint
              FROM unnest(wanted) AS s
              JOIN unnest(parts) AS d ON d.number = s.number AND d.side = 'debit'
              JOIN unnest(parts) AS c ON c.number = s.number AND c.side = 'credit'
              JOIN ledger_accounts AS a ON a.id = d.account_id
             WHERE s.kind = 'hold' AND verdicts[s.number] = 'done';

            INSERT INTO ledger_transfers (id, currency, legs, reason, reference, meta, hold_id, event_at, created_at,
                                          fingerprint)
            SELECT s.id, min(a.currency), count(*), s.reason, s.reference, s.meta, s.hold_id, s.event_at, at, s.fingerprint
              FROM unnest(wanted) AS s
              JOIN unnest(parts) AS l ON l.number = s.number
              JOIN ledger_accounts AS a ON a.id = l.account_id
             WHERE s.kind IN ('post', 'settle') AND verdicts[s.number] = 'done'
             GROUP BY s.id, s.reason, s.reference, s.meta, s.hold_id, s.event_at, s.fingerprint;

            UPDATE ledger_accounts AS a
               SET balance_minor = a.balance_minor + d.moves_minor,
                   version = a.version + d.entries,
                   held_out_minor = a.held_out_minor + d.held_out_minor,
                   held_in_minor = a.held_in_minor + d.held_in_minor
              FROM (SELECT l.account_id, count(*) FILTER (WHERE l.moves_minor > 0) AS entries,
                           sum(CASE WHEN l.side = b.normal_side THEN l.moves_minor ELSE -l.moves_minor END) AS moves_minor,
                           coalesce(sum(l.holds_minor) FILTER (WHERE l.side <> b.normal_side), 0) AS held_out_minor,
                           coalesce(sum(l.holds_minor) FILTER (WHERE l.side = b.normal_side), 0) AS held_in_minor
                      FROM unnest(parts) AS l
                      JOIN ledger_accounts AS b ON b.id = l.account_id
                     WHERE verdicts[l.number] = 'done'
                     GROUP BY l.account_id) AS d
             WHERE a.id = d.account_id;

            INSERT INTO ledger_entries (transfer_id, leg, account_id, currency, side, amount_minor, account_version,
                                        balance_after_minor)
            SELECT wanted[l.number].id, l.leg, l.account_id, a.currency, l.side, l.moves_minor,
                   a.version - count(*) OVER (PARTITION BY l.account_id) + row_number() OVER running,
                   a.balance_minor - sum(d.moves_minor) OVER (PARTITION BY l.account_id) + sum(d.moves_minor) OVER running
              FROM unnest(parts) AS l
              JOIN ledger_accounts AS a ON a.id = l.account_id
             CROSS JOIN LATERAL (SELECT CASE WHEN l.side = a.normal_side THEN l.moves_minor ELSE -l.moves_minor END
                                        AS moves_minor) AS d
             WHERE l.moves_minor > 0 AND verdicts[l.number] = 'done'
            WINDOW running AS (PARTITION BY l.account_id ORDER BY l.number);

            UPDATE ledger_holds AS h
               SET state = CASE s.kind WHEN 'settle' THEN 'posted' ELSE s.outcome END,
                   posted_minor = CASE s.kind WHEN 'settle' THEN s.amount_minor END,
                   resolved_at = at
              FROM unnest(wanted) AS s
             WHERE s.kind IN ('settle', 'release') AND verdicts[s.number] = 'done' AND h.id = s.hold_id;
            EXIT attempt;
        EXCEPTION WHEN unique_violation THEN
            -- Somebody took one of the ids for other accounts since we looked; now it is there to be seen.
            attempts := attempts + 1;
            IF attempts = 3 THEN
                RAISE;
            END IF;
        END;
    END LOOP attempt;

    RETURN QUERY SELECT v.number::integer, v.verdict, v.blamed
      FROM unnest(array_replace(verdicts, 'again', 'exists'), blamed) WITH ORDINALITY AS v (verdict, blamed, number);
END $$;

-- Who may write rows gets the functions instead; who may only read keeps reading.
DO $$
DECLARE
    member record;
    name   text;
BEGIN
    REVOKE EXECUTE ON FUNCTION ledger_lock(uuid[]), ledger_open(jsonb), ledger_post(jsonb, boolean) FROM PUBLIC;
    FOR member IN
        SELECT DISTINCT acl.grantee::regrole AS role
          FROM pg_class AS c, aclexplode(c.relacl) AS acl
         WHERE c.oid = 'ledger_entries'::regclass AND acl.privilege_type = 'INSERT' AND acl.grantee <> c.relowner
    LOOP
        FOREACH name IN ARRAY ARRAY['ledger_accounts', 'ledger_holds', 'ledger_transfers', 'ledger_entries'] LOOP
            EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %I FROM %s', name, member.role);
        END LOOP;
        EXECUTE format('GRANT EXECUTE ON FUNCTION ledger_lock(uuid[]), ledger_open(jsonb), ledger_post(jsonb, boolean)'
                       ' TO %s', member.role);
    END LOOP;
END $$;
