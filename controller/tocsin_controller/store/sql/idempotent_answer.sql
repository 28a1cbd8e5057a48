-- The answer that a repeated request gets again. Index: primary key.
SELECT request_hash, response FROM idempotency_keys WHERE principal = $1 AND key = $2
