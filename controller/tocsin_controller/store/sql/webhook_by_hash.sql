-- Whose webhook this is. Index: unique token_hash.
SELECT job_id, token_prefix, sealed FROM webhooks WHERE token_hash = $1
