-- Uses up a ticket: of two who show it at once, one gets a row, with the key that it stands in for. Index: primary key.
DELETE FROM idempotency_keys
WHERE principal = $1 AND key = $2 AND response ->> 'execution_id' = $3
    AND created_at > now() - make_interval(secs => $4)
RETURNING (response ->> 'key_id')::uuid
