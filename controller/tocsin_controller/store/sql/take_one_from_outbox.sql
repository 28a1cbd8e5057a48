-- One entry, locked until the transaction ends, if it is still there and nobody else has it. Index: primary key.
SELECT id, payload, attempts
FROM outbox
WHERE id = $1 AND set_aside_at IS NULL AND due_at <= now()
FOR UPDATE SKIP LOCKED
