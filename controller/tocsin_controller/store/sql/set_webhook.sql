-- The job's webhook; the one it had is gone with this. Index: primary key.
INSERT INTO webhooks (job_id, token_hash, token_prefix, created_by)
VALUES ($1, $2, $3, $4)
ON CONFLICT (job_id) DO UPDATE
SET token_hash = excluded.token_hash, token_prefix = excluded.token_prefix, created_by = excluded.created_by,
    created_at = now()
