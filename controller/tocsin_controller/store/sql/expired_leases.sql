-- Leases that nobody renewed in time, with how long ago they ran out: a page of them, after the execution $1.
-- Whole table: it holds what runs now. Index: primary key.
SELECT execution_id, agent_id, fence, seq, run_id, job_id, job_version, attempt_number, scheduled_for, started,
       cancel_requested_at IS NOT NULL AS is_cancel_requested,
       extract(epoch FROM now() - expires_at)::float8 AS overdue_secs
FROM leases
WHERE expires_at < now() AND execution_id > $1
ORDER BY execution_id
LIMIT 1000
