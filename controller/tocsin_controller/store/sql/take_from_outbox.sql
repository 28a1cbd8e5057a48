-- The oldest due entries of one kind, locked until the transaction ends: nobody else gets them meanwhile, and if this
-- one fails they are there as before. Index: outbox_due.
SELECT id, payload, attempts
FROM outbox
WHERE kind = $1 AND set_aside_at IS NULL AND due_at <= now()
ORDER BY due_at
LIMIT $2
FOR UPDATE SKIP LOCKED
