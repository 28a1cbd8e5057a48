-- Executions of a run with where they wait, or who has them, the open ones first. Indexes: executions_by_run, primary
-- keys.
SELECT e.id, e.status, e.reason, e.message, e.attempt_number, e.created_at, e.started_at, e.finished_at,
       e.cancel_requested_at, coalesce(l.agent_id, e.agent_id) AS agent_id, a.name AS agent_name,
       a.status AS agent_status, a.last_seen_at AS agent_seen_at, q.route,
       nullif(q.ready_at, 'infinity') AS ready_at, q.ready_at = 'infinity' AS is_held,
       nullif(q.expires_at, 'infinity') AS expires_at, q.uncertain_since IS NOT NULL AS is_uncertain,
       q.limited_job IS NOT NULL AS is_limited, u.execution_id IS NOT NULL AS is_unjudged, l.handed_at
FROM executions AS e
LEFT JOIN queue AS q ON q.execution_id = e.id
LEFT JOIN leases AS l ON l.execution_id = e.id
LEFT JOIN unjudged_results AS u ON u.execution_id = e.id
LEFT JOIN agents AS a ON a.id = coalesce(l.agent_id, e.agent_id)
WHERE e.run_id = $1
ORDER BY e.finished_at IS NOT NULL, e.id
LIMIT $2
