-- The row that a claim in this lane would take first. Index: queue_lanes.
SELECT execution_id, run_id, job_id, job_version, attempt_number
FROM queue
WHERE route = $1 AND priority = $2 AND ready_at IS NULL AND position > $3
ORDER BY position
LIMIT 1
