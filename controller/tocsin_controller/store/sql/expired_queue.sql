-- Executions that no agent took in time leave the queue; not what may have been handed out. Index: queue_expiry.
DELETE FROM queue
WHERE execution_id IN (
    SELECT execution_id FROM queue WHERE expires_at < now() AND uncertain_since IS NULL
    ORDER BY expires_at LIMIT 500 FOR UPDATE SKIP LOCKED
)
RETURNING execution_id, route, run_id, job_id, job_version, attempt_number
