-- Takes executions out of the queue before anybody took them. Index: primary key.
DELETE FROM queue
WHERE execution_id = ANY($1::uuid[])
RETURNING execution_id, run_id, job_id, job_version, attempt_number
