-- Those of these executions that wait for approval. Their runs' approvals are locked: nobody decides meanwhile.
-- Index: primary keys.
SELECT e.id AS execution_id, e.run_id, e.job_id, e.job_version, e.attempt_number
FROM executions AS e
JOIN approvals AS a ON a.run_id = e.run_id
WHERE e.id = ANY($1::uuid[]) AND coalesce(e.status, '') = 'pending_approval'
ORDER BY a.run_id
FOR UPDATE OF a
