-- How the last attempt on each host of a run ended; an attempt that nobody took counts for the host of the one before.
-- Indexes: executions_by_run, primary keys.
SELECT h.agent_id, coalesce(a.name, '') AS name, h.status
FROM (
    SELECT coalesce(e.agent_id, before.agent_id) AS agent_id, e.status, e.attempt_number, e.id
    FROM executions AS e
    LEFT JOIN executions AS before ON before.id = e.retry_of
    WHERE e.run_id = $1 AND NOT EXISTS (SELECT FROM executions AS n WHERE n.run_id = $1 AND n.retry_of = e.id)
) AS h
LEFT JOIN agents AS a ON a.id = h.agent_id
WHERE h.agent_id IS NOT NULL
ORDER BY h.id
