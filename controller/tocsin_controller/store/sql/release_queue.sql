-- Executions of runs that got their places may be taken from now on; not what may have been handed out already.
-- Index: executions_by_run, queue primary key.
UPDATE queue AS q
SET ready_at = NULL, expires_at = now() + make_interval(secs => r.queue_timeout_secs)
FROM unnest($1::uuid[], $2::float8[]) AS r (run_id, queue_timeout_secs)
JOIN executions AS e ON e.run_id = r.run_id AND e.reason = 'waiting_for_place'
WHERE q.execution_id = e.id AND q.ready_at = 'infinity' AND q.uncertain_since IS NULL
RETURNING q.route, q.priority, q.position
