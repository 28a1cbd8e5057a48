-- What was given up after too many tries, newest first. Index: outbox_aside (a partial one, usually empty).
SELECT id, kind, payload, attempts, last_error, set_aside_at
FROM outbox
WHERE set_aside_at IS NOT NULL
ORDER BY set_aside_at DESC, id
LIMIT $1
