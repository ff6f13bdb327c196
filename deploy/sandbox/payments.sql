-- name: schema
-- Times are milliseconds since 1970, amounts whole rupiah. `paid_minor` is what the buyer really sent.
CREATE TABLE IF NOT EXISTS charge (
    sequence          INTEGER PRIMARY KEY,
    partner_reference TEXT NOT NULL UNIQUE,
    reference         TEXT NOT NULL UNIQUE,
    kind              TEXT NOT NULL CHECK (kind IN ('qris', 'va')),
    amount_minor      INTEGER NOT NULL CHECK (amount_minor > 0),
    qr_content        TEXT UNIQUE,
    account_number    TEXT,
    account_name      TEXT NOT NULL DEFAULT '',
    status            TEXT NOT NULL CHECK (status IN ('open', 'paid', 'cancelled', 'refused')),
    paid_minor        INTEGER NOT NULL DEFAULT 0,
    paid_at           INTEGER,
    expires_at        INTEGER NOT NULL,
    created_at        INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS charge_open_account ON charge (account_number) WHERE status = 'open';
CREATE TABLE IF NOT EXISTS refund (
    partner_refund_no TEXT PRIMARY KEY,
    refund_no         TEXT NOT NULL UNIQUE,
    partner_reference TEXT NOT NULL REFERENCES charge (partner_reference),
    amount_minor      INTEGER NOT NULL CHECK (amount_minor > 0),
    refunded_at       INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS refund_of_charge ON refund (partner_reference);
CREATE TABLE IF NOT EXISTS notification (
    id                INTEGER PRIMARY KEY,
    partner_reference TEXT NOT NULL REFERENCES charge (partner_reference),
    body              BLOB NOT NULL,
    due_at            INTEGER NOT NULL,
    attempts          INTEGER NOT NULL DEFAULT 0,
    state             TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given_up')),
    last_answer       TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS notification_due ON notification (due_at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS notification_of_charge ON notification (partner_reference);
CREATE TABLE IF NOT EXISTS external_id (
    day         TEXT NOT NULL,
    external_id TEXT NOT NULL,
    PRIMARY KEY (day, external_id)
) WITHOUT ROWID;

-- name: remember_external_id
-- Touches no row when the id was used today: that is the duplicate.
INSERT INTO external_id (day, external_id) VALUES (:day, :external_id) ON CONFLICT DO NOTHING;

-- name: forget_external_ids
-- Ids are unique per day only, so older days are of no use.
DELETE FROM external_id WHERE day < :day;

-- name: insert_charge
-- Touches no row when the merchant's reference, or an open account number, is there already.
INSERT INTO charge (partner_reference, reference, kind, amount_minor, qr_content, account_number, account_name,
                    status, paid_minor, paid_at, expires_at, created_at)
VALUES (:partner_reference, :reference, :kind, :amount_minor, :qr_content, :account_number, :account_name,
        :status, :paid_minor, :paid_at, :expires_at, :created_at)
ON CONFLICT DO NOTHING;

-- name: charge_by_partner_reference
SELECT sequence, partner_reference, reference, kind, amount_minor, qr_content, account_number, account_name, status,
       paid_minor, paid_at, expires_at, created_at
  FROM charge WHERE partner_reference = :partner_reference;

-- name: charge_by_reference
SELECT sequence, partner_reference, reference, kind, amount_minor, qr_content, account_number, account_name, status,
       paid_minor, paid_at, expires_at, created_at
  FROM charge WHERE reference = :reference;

-- name: charge_by_qr_content
SELECT sequence, partner_reference, reference, kind, amount_minor, qr_content, account_number, account_name, status,
       paid_minor, paid_at, expires_at, created_at
  FROM charge WHERE qr_content = :qr_content;

-- name: charge_by_account_number
-- An account number may serve again after its charge ended: the newest one is meant.
SELECT sequence, partner_reference, reference, kind, amount_minor, qr_content, account_number, account_name, status,
       paid_minor, paid_at, expires_at, created_at
  FROM charge WHERE account_number = :account_number ORDER BY sequence DESC LIMIT 1;

-- name: newest_charges
SELECT sequence, partner_reference, reference, kind, amount_minor, qr_content, account_number, account_name, status,
       paid_minor, paid_at, expires_at, created_at
  FROM charge ORDER BY sequence DESC LIMIT :at_most;

-- name: mark_paid
-- A charge is paid once; the second of two buyers at the same moment touches no row.
UPDATE charge SET status = 'paid', paid_minor = :paid_minor, paid_at = :paid_at
 WHERE partner_reference = :partner_reference AND status <> 'paid';

-- name: mark_cancelled
UPDATE charge SET status = 'cancelled' WHERE partner_reference = :partner_reference AND status = 'open';

-- name: refund_by_number
SELECT partner_refund_no, refund_no, partner_reference, amount_minor, refunded_at
  FROM refund WHERE partner_refund_no = :partner_refund_no;

-- name: refunded_total
SELECT coalesce(sum(amount_minor), 0) AS total FROM refund WHERE partner_reference = :partner_reference;

-- name: insert_refund
INSERT INTO refund (partner_refund_no, refund_no, partner_reference, amount_minor, refunded_at)
VALUES (:partner_refund_no, :refund_no, :partner_reference, :amount_minor, :refunded_at);

-- name: insert_notification
INSERT INTO notification (partner_reference, body, due_at) VALUES (:partner_reference, :body, :due_at);

-- name: due_notifications
SELECT id, body, attempts FROM notification WHERE state = 'waiting' AND due_at <= :now ORDER BY due_at, id LIMIT 200;

-- name: next_due
SELECT min(due_at) AS due_at FROM notification WHERE state = 'waiting' AND due_at > :now;

-- name: record_attempt
UPDATE notification SET attempts = attempts + 1, state = :state, due_at = :due_at, last_answer = :last_answer
 WHERE id = :id;

-- name: notifications_of
SELECT id, attempts, state, due_at, last_answer FROM notification WHERE partner_reference = :partner_reference
 ORDER BY id;
