-- The leases of these executions, locked in one order so that writers never wait in a circle, and how long ago they ran
-- out (negative: they did not), read once they are locked. Index: primary key.
SELECT execution_id, agent_id, fence, run_id, job_id, job_version, attempt_number, scheduled_for, started,
       cancel_requested_at IS NOT NULL AS is_cancel_requested,
       extract(epoch FROM clock_timestamp() - expires_at)::float8 AS overdue_secs
FROM leases
WHERE execution_id = ANY($1::uuid[])
ORDER BY execution_id
FOR UPDATE
