-- What is shown of a job's webhook. Index: primary key.
SELECT token_prefix, created_by, created_at, sealed IS NOT NULL AS is_signed FROM webhooks WHERE job_id = $1
