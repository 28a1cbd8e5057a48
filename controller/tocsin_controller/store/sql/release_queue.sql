-- Executions of runs that got their places may be taken from now on, or from the instant on that they wait for besides;
-- not what may have been handed out already. Returns those that may be taken now.
-- Index: executions_by_run, queue primary key.
WITH released AS (
    UPDATE queue AS q
    SET ready_at = CASE WHEN q.not_before > now() THEN q.not_before END,
        expires_at = greatest(now(), q.not_before) + make_interval(secs => r.queue_timeout_secs)
    FROM unnest($1::uuid[], $2::float8[]) AS r (run_id, queue_timeout_secs)
    JOIN executions AS e ON e.run_id = r.run_id AND e.reason = 'waiting_for_place'
    WHERE q.execution_id = e.id AND q.ready_at = 'infinity' AND q.uncertain_since IS NULL
    RETURNING q.route, q.priority, q.position, q.ready_at
)
SELECT route, priority, position FROM released WHERE ready_at IS NULL
