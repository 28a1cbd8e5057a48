-- Where executions without a lease stand; locked, because a late result may replace `lost`. Index: primary key.
SELECT id AS execution_id, agent_id, fence, status, run_id, job_id, job_version, attempt_number
FROM executions
WHERE id = ANY($1::uuid[])
ORDER BY id
FOR UPDATE
