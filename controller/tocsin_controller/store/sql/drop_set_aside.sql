-- What was given up is not to be done any more. Returns its kind; nothing when it was not set aside.
-- Index: primary key.
DELETE FROM outbox WHERE id = $1 AND set_aside_at IS NOT NULL RETURNING kind
