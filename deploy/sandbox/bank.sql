-- name: schema
-- Times are milliseconds since 1970. A file is kept as it came; its lines are settled when their time has come.
CREATE TABLE IF NOT EXISTS transfer_file (
    batch_id    TEXT PRIMARY KEY,
    raw         BLOB NOT NULL,
    received_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS transfer_line (
    batch_id       TEXT NOT NULL REFERENCES transfer_file (batch_id),
    number         INTEGER NOT NULL,
    line_id        TEXT NOT NULL,
    bank_code      TEXT NOT NULL,
    account_number TEXT NOT NULL,
    holder_name    TEXT NOT NULL,
    amount_minor   INTEGER NOT NULL CHECK (amount_minor > 0),
    reason         TEXT NOT NULL DEFAULT '',
    settles_at     INTEGER NOT NULL,
    PRIMARY KEY (batch_id, number)
);

-- name: insert_file
-- The batch's id decides: a repeated one touches no row.
INSERT INTO transfer_file (batch_id, raw, received_at) VALUES (:batch_id, :raw, :received_at) ON CONFLICT DO NOTHING;

-- name: file
SELECT batch_id, raw, received_at FROM transfer_file WHERE batch_id = :batch_id;

-- name: newest_files
SELECT batch_id, received_at, (SELECT count(*) FROM transfer_line AS l WHERE l.batch_id = f.batch_id) AS lines
  FROM transfer_file AS f ORDER BY received_at DESC LIMIT :at_most;

-- name: insert_line
INSERT INTO transfer_line (batch_id, number, line_id, bank_code, account_number, holder_name, amount_minor, reason,
                           settles_at)
VALUES (:batch_id, :number, :line_id, :bank_code, :account_number, :holder_name, :amount_minor, :reason, :settles_at);

-- name: line_to
-- Whether anything was ever sent to an account.
SELECT line_id FROM transfer_line WHERE account_number = :account_number LIMIT 1;

-- name: lines
SELECT number, line_id, bank_code, account_number, holder_name, amount_minor, reason, settles_at
  FROM transfer_line WHERE batch_id = :batch_id ORDER BY number;

-- name: settled_lines
-- What the bank knows by now, in the order of the file.
SELECT number, line_id, amount_minor, reason, settles_at
  FROM transfer_line WHERE batch_id = :batch_id AND settles_at <= :now ORDER BY number;
