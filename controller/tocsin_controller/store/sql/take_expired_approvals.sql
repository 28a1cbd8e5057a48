-- Runs that nobody approved in time, for one controller. Index: approvals_due.
DELETE FROM approvals
WHERE run_id IN (
    SELECT run_id FROM approvals WHERE expires_at <= now() ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED
)
RETURNING run_id, job_id, job_version
