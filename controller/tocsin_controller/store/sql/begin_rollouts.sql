-- Runs that were just written, in the same transaction, go about it in batches: what is not in the first one is taken out
-- of everybody's reach, says what it waits for, and never expires in the queue. Hosts that are away are waited for until
-- a time by the database's clock (G8), which counts from the instant on at which the run may begin. Returns in how long
-- that is. $10 is the lowest id of an execution, which skips the partitions of earlier days. Index: primary keys.
WITH x AS (
    SELECT *
    FROM unnest($4::uuid[], $5::uuid[], $6::int[], $7::uuid[], $8::boolean[], $9::text[], $11::text[])
        AS x (execution_id, run_id, batch, agent_id, is_held, reason, message)
), s AS (
    SELECT s.run_id, s.state, s.wait_secs, greatest(now(), s.ready_at) AS begins_at
    FROM unnest($1::uuid[], $2::jsonb[], $3::float8[], $12::timestamptz[]) AS s (run_id, state, wait_secs, ready_at)
), held AS (
    UPDATE queue AS q
    SET ready_at = CASE WHEN x.is_held THEN 'infinity' ELSE q.ready_at END, expires_at = 'infinity',
        not_before = coalesce(q.not_before, nullif(q.ready_at, 'infinity'))
    FROM x
    WHERE q.execution_id = x.execution_id
), told AS (
    UPDATE executions AS e
    SET reason = x.reason, message = x.message
    FROM x
    WHERE e.id = x.execution_id AND e.id >= $10
), noted AS (
    INSERT INTO rollout_waits (execution_id, run_id, batch, agent_id)
    SELECT execution_id, run_id, batch, agent_id FROM x
)
UPDATE runs AS r
SET rollout = s.state || jsonb_build_object('waits_until', s.begins_at + make_interval(secs => s.wait_secs))
FROM s
WHERE r.id = s.run_id
RETURNING r.id AS run_id, extract(epoch FROM s.begins_at - now())::float8 AS begins_in_secs
