-- Takes all executions that only this agent could run out of the queue. Index: queue_lanes.
DELETE FROM queue
WHERE route = $1
RETURNING execution_id, run_id, job_id, job_version, attempt_number
