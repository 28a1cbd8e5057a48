-- Events of a moment ago, oldest first. Index: primary key.
SELECT id, kind, severity, message, job_id, run_id, execution_id, agent_id, api_key_id, api_key_name, details, at
FROM events
WHERE id > $1 AND id < $2
ORDER BY id
LIMIT $3
