-- Executions that no agent took in time; not what may have been handed out. Index: queue_expiry.
SELECT execution_id, route, run_id, job_id, job_version, attempt_number
FROM queue WHERE expires_at < now() AND uncertain_since IS NULL
ORDER BY expires_at LIMIT 500
