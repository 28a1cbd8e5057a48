-- Try again what was given up, as if it had never failed. Returns its kind; nothing when it was not set aside.
-- Index: primary key.
UPDATE outbox
SET set_aside_at = NULL, attempts = 0, due_at = now()
WHERE id = $1 AND set_aside_at IS NOT NULL
RETURNING kind
