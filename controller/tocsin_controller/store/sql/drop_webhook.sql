-- The job has no webhook any more; nothing when it had none. Index: primary key.
DELETE FROM webhooks WHERE job_id = $1 RETURNING token_prefix
