-- name: schema
-- `sent_at` is milliseconds since 1970.
CREATE TABLE IF NOT EXISTS message (
    sequence        INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    idempotency_key TEXT UNIQUE,
    channel         TEXT NOT NULL CHECK (channel IN ('sms', 'whatsapp', 'email')),
    recipient       TEXT NOT NULL,
    content         TEXT NOT NULL,
    sent_at         INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS message_to ON message (recipient, sequence);

-- name: insert_message
-- The key decides: a repeated one touches no row.
INSERT INTO message (id, idempotency_key, channel, recipient, content, sent_at)
VALUES (:id, :idempotency_key, :channel, :recipient, :content, :sent_at)
ON CONFLICT (idempotency_key) DO NOTHING;

-- name: message_by_key
SELECT id, channel, recipient, content FROM message WHERE idempotency_key = :idempotency_key;

-- name: newest_messages
SELECT id, channel, recipient, content, sent_at FROM message ORDER BY sequence DESC LIMIT :at_most;

-- name: newest_messages_to
SELECT id, channel, recipient, content, sent_at FROM message
 WHERE recipient = :recipient ORDER BY sequence DESC LIMIT :at_most;
