-- A run that waited for something else was just let go: what is not in its first batch is taken out of everybody's reach
-- again, and hosts that are away are waited for from the instant on at which it may begin. With $3 that is now, or the
-- instant that it waits for besides; else it waits for yet another thing. Returns in how long it may begin.
-- Indexes: rollout_waits_by_run, primary keys.
WITH x AS (
    SELECT w.execution_id, w.batch > (r.rollout ->> 'released')::int AS is_held,
           w.batch > jsonb_array_length(r.rollout -> 'sizes') AS is_late
    FROM rollout_waits AS w
    JOIN runs AS r ON r.id = w.run_id
    WHERE w.run_id = $1
), held AS (
    UPDATE queue AS q
    SET ready_at = CASE WHEN x.is_held OR NOT $3 THEN 'infinity' WHEN q.not_before > now() THEN q.not_before END,
        expires_at = 'infinity'
    FROM x
    WHERE q.execution_id = x.execution_id
    RETURNING q.not_before
), told AS (
    UPDATE executions AS e
    SET reason = CASE WHEN x.is_late THEN 'host_offline' ELSE 'rollout_waits' END
    FROM x
    WHERE e.id = x.execution_id
), begins AS (
    SELECT greatest(now(), max(not_before)) AS at FROM held
)
UPDATE runs
SET rollout = rollout || jsonb_build_object('waits_until', begins.at + make_interval(secs => $2))
FROM begins
WHERE id = $1 AND rollout IS NOT NULL
RETURNING extract(epoch FROM begins.at - now())::float8 AS begins_in_secs
