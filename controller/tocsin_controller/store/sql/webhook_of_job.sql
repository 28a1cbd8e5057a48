-- What is shown of a job's webhook. Index: primary key.
SELECT token_prefix, created_by, created_at FROM webhooks WHERE job_id = $1
