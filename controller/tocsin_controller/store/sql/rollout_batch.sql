-- Who is in the next batch of a rollout, with what was left of earlier ones, and whether their hosts are there.
-- Indexes: rollout_waits_by_run, primary keys.
SELECT w.execution_id, w.agent_id, w.batch, a.name, coalesce(a.status, 'removed') AS status
FROM rollout_waits AS w
LEFT JOIN agents AS a ON a.id = w.agent_id
WHERE w.run_id = $1 AND w.batch <= $2
ORDER BY w.execution_id
