-- Runs that nobody approved in time, for one controller: the others skip them. Index: approvals_due.
SELECT run_id, job_id, job_version
FROM approvals
WHERE expires_at <= now()
ORDER BY expires_at
LIMIT 100
FOR UPDATE SKIP LOCKED
