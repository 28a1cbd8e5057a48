-- The job's webhook; the one it had is gone with this. No row when the key of a sealed secret is known no more. Indexes:
-- primary keys.
INSERT INTO webhooks (job_id, token_hash, token_prefix, created_by, sealed, key_id)
SELECT $1, $2, $3, $4, $5, $6
WHERE $6::bytea IS NULL OR EXISTS (SELECT FROM encryption_keys WHERE key_id = $6 FOR KEY SHARE)
ON CONFLICT (job_id) DO UPDATE
SET token_hash = excluded.token_hash, token_prefix = excluded.token_prefix, created_by = excluded.created_by,
    sealed = excluded.sealed, key_id = excluded.key_id, created_at = now()
RETURNING job_id
