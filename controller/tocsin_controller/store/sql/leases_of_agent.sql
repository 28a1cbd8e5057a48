-- What an agent runs now. Index: leases_by_agent.
SELECT l.execution_id, l.run_id, l.job_id, l.started, l.handed_at, v.definition ->> 'name' AS job_name
FROM leases AS l
LEFT JOIN job_versions AS v ON v.job_id = l.job_id AND v.version = l.job_version
WHERE l.agent_id = $1
ORDER BY l.handed_at
LIMIT 1000
