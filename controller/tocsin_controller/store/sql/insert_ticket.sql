-- A ticket that stands in for the key $4, once and for $5 seconds. Index: primary key.
INSERT INTO idempotency_keys (principal, key, request_hash, response)
VALUES ($1, $2, '', jsonb_build_object('execution_id', $3::text, 'key_id', $4::text))
RETURNING created_at + make_interval(secs => $5)
