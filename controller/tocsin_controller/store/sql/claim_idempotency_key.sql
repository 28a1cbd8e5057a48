-- The first request with this key gets a row; a repeated one gets nothing and reads the stored answer.
INSERT INTO idempotency_keys (principal, key, request_hash, response)
VALUES ($1, $2, $3, $4)
ON CONFLICT (principal, key) DO NOTHING
RETURNING true
