-- The first request with this key gets a row. A repeated one gets nothing; while the first has not committed it waits
-- for that. Index: primary key.
INSERT INTO idempotency_keys (principal, key, request_hash, response)
VALUES ($1, $2, $3, '{}')
ON CONFLICT (principal, key) DO NOTHING
RETURNING true
