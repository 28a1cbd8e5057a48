-- Events after the given one, oldest first. Index: primary key.
SELECT id, kind, severity, message, job_id, run_id, execution_id, agent_id, api_key_id, api_key_name, details, at
FROM events
WHERE id > $1
ORDER BY id
LIMIT $2
