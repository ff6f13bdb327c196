-- Double entry. Tables are written by the functions of 0002 only; what is here holds for everybody, the owner included.

CREATE TYPE ledger_kind AS ENUM ('asset', 'liability', 'equity', 'income', 'expense');
CREATE TYPE ledger_side AS ENUM ('debit', 'credit');
CREATE TYPE ledger_hold_state AS ENUM ('pending', 'posted', 'voided', 'expired');

-- An account. Its balance counts in its normal side: a liability with a credit of 5 has 5, an asset has -5.
-- Bounds are NULL when there is none. What holds will take out counts as gone, what they will bring as there already.
CREATE TABLE ledger_accounts (
    id                uuid        PRIMARY KEY,
    code              text        NOT NULL UNIQUE CHECK (code <> ''),
    kind              ledger_kind NOT NULL,
    normal_side       ledger_side NOT NULL,
    currency          text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    balance_min_minor bigint,
    balance_max_minor bigint,
    balance_minor     bigint      NOT NULL DEFAULT 0,
    held_out_minor    bigint      NOT NULL DEFAULT 0 CHECK (held_out_minor >= 0),
    held_in_minor     bigint      NOT NULL DEFAULT 0 CHECK (held_in_minor >= 0),
    version           bigint      NOT NULL DEFAULT 0,
    opened_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (id, currency),
    CONSTRAINT ledger_accounts_not_below_minimum CHECK (balance_minor - held_out_minor >= balance_min_minor),
    CONSTRAINT ledger_accounts_not_above_maximum CHECK (balance_minor + held_in_minor <= balance_max_minor)
) WITH (fillfactor = 70);

-- Money that is promised from one account to another: settled (in part or whole), voided or expired, once.
CREATE TABLE ledger_holds (
    id                uuid              PRIMARY KEY,
    debit_account_id  uuid              NOT NULL,
    credit_account_id uuid              NOT NULL,
    currency          text              NOT NULL,
    amount_minor      bigint            NOT NULL CHECK (amount_minor BETWEEN 1 AND 1000000000000000),
    reason            text              NOT NULL CHECK (reason <> ''),
    reference         jsonb             NOT NULL DEFAULT '{}',
    meta              jsonb             NOT NULL DEFAULT '{}',
    event_at          timestamptz       NOT NULL,
    created_at        timestamptz       NOT NULL,
    expires_at        timestamptz,
    state             ledger_hold_state NOT NULL DEFAULT 'pending',
    posted_minor      bigint,
    resolved_at       timestamptz,
    fingerprint       bytea             NOT NULL,
    FOREIGN KEY (debit_account_id, currency) REFERENCES ledger_accounts (id, currency),
    FOREIGN KEY (credit_account_id, currency) REFERENCES ledger_accounts (id, currency),
    CHECK (debit_account_id <> credit_account_id),
    CHECK ((state = 'pending') = (resolved_at IS NULL)),
    CHECK ((state = 'posted') = (posted_minor IS NOT NULL)),
    CONSTRAINT ledger_holds_post_at_most_what_is_held CHECK (posted_minor BETWEEN 1 AND amount_minor)
);

CREATE INDEX ledger_holds_due ON ledger_holds (expires_at) WHERE state = 'pending';

-- A transfer; its id comes from the client. The last key says that its last leg is there when the transaction commits.
CREATE TABLE ledger_transfers (
    id          uuid        PRIMARY KEY,
    currency    text        NOT NULL,
    legs        smallint    NOT NULL CHECK (legs >= 2),
    reason      text        NOT NULL CHECK (reason <> ''),
    reference   jsonb       NOT NULL DEFAULT '{}',
    meta        jsonb       NOT NULL DEFAULT '{}',
    hold_id     uuid        UNIQUE REFERENCES ledger_holds,
    event_at    timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    fingerprint bytea       NOT NULL
);

CREATE INDEX ledger_transfers_reference ON ledger_transfers USING gin (reference jsonb_path_ops);

CREATE TABLE ledger_entries (
    transfer_id         uuid        NOT NULL REFERENCES ledger_transfers,
    leg                 smallint    NOT NULL CHECK (leg >= 1),
    account_id          uuid        NOT NULL,
    currency            text        NOT NULL,
    side                ledger_side NOT NULL,
    amount_minor        bigint      NOT NULL CHECK (amount_minor BETWEEN 1 AND 1000000000000000),
    account_version     bigint      NOT NULL CHECK (account_version >= 1),
    balance_after_minor bigint      NOT NULL,
    PRIMARY KEY (transfer_id, leg),
    UNIQUE (account_id, account_version),
    FOREIGN KEY (account_id, currency) REFERENCES ledger_accounts (id, currency)
);

ALTER TABLE ledger_transfers ADD CONSTRAINT ledger_transfers_have_their_last_leg
    FOREIGN KEY (id, legs) REFERENCES ledger_entries (transfer_id, leg) DEFERRABLE INITIALLY DEFERRED;

CREATE TRIGGER ledger_transfers_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_accounts_stay BEFORE DELETE OR TRUNCATE ON ledger_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_holds_stay BEFORE DELETE OR TRUNCATE ON ledger_holds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- All legs of a transfer come in one statement: balanced, in one currency, each account once, each continuing its account.
CREATE FUNCTION ledger_entries_agree() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    wrong uuid;
BEGIN
    SELECT t.id INTO wrong
      FROM added AS n
      JOIN ledger_transfers AS t ON t.id = n.transfer_id
     GROUP BY t.id
    HAVING count(*) <> t.legs OR max(n.leg) <> t.legs  -- with the primary key: these are legs 1 to t.legs
        OR count(DISTINCT n.account_id) <> t.legs
        OR bool_or(n.currency <> t.currency)
        OR sum(CASE n.side WHEN 'debit' THEN n.amount_minor ELSE -n.amount_minor END) <> 0
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the legs of transfer % do not balance in one currency', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transfers_balance';
    END IF;
    SELECT n.account_id INTO wrong
      FROM added AS n
      JOIN ledger_accounts AS a ON a.id = n.account_id
      LEFT JOIN ledger_entries AS before
        ON before.account_id = n.account_id AND before.account_version = n.account_version - 1
     WHERE (before.account_id IS NULL AND n.account_version <> 1)
        OR n.account_version > a.version
        OR n.balance_after_minor <> coalesce(before.balance_after_minor, 0)
           + CASE WHEN n.side = a.normal_side THEN n.amount_minor ELSE -n.amount_minor END
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'an entry does not continue account %', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entries_continue_their_account';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_entries_agree AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_agree();

-- What an account is never changes; only its figures do, and those are proved by its last entry when the transaction commits.
CREATE FUNCTION ledger_account_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.code, NEW.kind, NEW.normal_side, NEW.currency, NEW.opened_at)
       IS DISTINCT FROM (OLD.id, OLD.code, OLD.kind, OLD.normal_side, OLD.currency, OLD.opened_at) THEN
        RAISE EXCEPTION 'account % keeps what it was opened as', OLD.code USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER ledger_account_keeps BEFORE UPDATE ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION ledger_account_keeps();

CREATE FUNCTION ledger_account_agrees() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    account ledger_accounts;
    last    ledger_entries;
BEGIN
    SELECT * INTO account FROM ledger_accounts WHERE id = NEW.id;
    SELECT * INTO last FROM ledger_entries WHERE account_id = NEW.id ORDER BY account_version DESC LIMIT 1;
    IF (account.version, account.balance_minor)
       IS DISTINCT FROM (coalesce(last.account_version, 0), coalesce(last.balance_after_minor, 0)) THEN
        RAISE EXCEPTION 'the balance of account % is not that of its last entry', account.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_accounts_agree_with_entries';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ledger_account_agrees AFTER INSERT OR UPDATE ON ledger_accounts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_account_agrees();

-- A hold changes once: from pending to what became of it.
CREATE FUNCTION ledger_hold_resolves_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'pending' OR NEW.state = 'pending'
       OR (NEW.id, NEW.debit_account_id, NEW.credit_account_id, NEW.currency, NEW.amount_minor, NEW.reason,
           NEW.reference, NEW.meta, NEW.event_at, NEW.created_at, NEW.expires_at, NEW.fingerprint)
       IS DISTINCT FROM (OLD.id, OLD.debit_account_id, OLD.credit_account_id, OLD.currency, OLD.amount_minor, OLD.reason,
           OLD.reference, OLD.meta, OLD.event_at, OLD.created_at, OLD.expires_at, OLD.fingerprint) THEN
        RAISE EXCEPTION 'hold % is resolved once, and keeps the rest', OLD.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER ledger_hold_resolves_once BEFORE UPDATE ON ledger_holds
    FOR EACH ROW EXECUTE FUNCTION ledger_hold_resolves_once();
