-- Executions with what is shown beside them, newest first. Index: primary keys.
SELECT e.*, v.definition ->> 'name' AS job_name, v.definition -> 'task' AS task_snapshot, a.name AS agent_name,
       r.trigger, r.params, r.scheduled_for, r.approval, l.agent_id AS lease_agent_id, l.fence AS lease_fence
FROM executions AS e
LEFT JOIN job_versions AS v ON v.job_id = e.job_id AND v.version = e.job_version
LEFT JOIN runs AS r ON r.id = e.run_id
LEFT JOIN leases AS l ON l.execution_id = e.id
LEFT JOIN agents AS a ON a.id = coalesce(e.agent_id, l.agent_id)
WHERE e.id = ANY($1::uuid[])
ORDER BY e.id DESC
