-- Where these pipeline runs stand: running while a step is open, otherwise as its steps ended. One that ended is told
-- of once, and again only if a late result or a retry changed how. Returns those that are to be told of. The caller
-- holds their locks. A step that never ran is fine if one above it did not run or did not end as it should have.
-- Indexes: primary keys, pipeline_steps_open.
WITH standing AS (
    SELECT p.id, CASE
        WHEN EXISTS (SELECT FROM pipeline_steps AS s WHERE s.pipeline_run_id = p.id AND s.is_open) THEN 'running'
        WHEN c.failed > 0 THEN 'failed'
        WHEN c.cancelled > 0 THEN 'cancelled'
        WHEN c.skipped > 0 OR c.stuck > 0 OR c.steps = 0 THEN 'incomplete'
        ELSE 'succeeded'
    END AS status
    FROM pipeline_runs AS p
    CROSS JOIN LATERAL (
        SELECT count(*) AS steps, count(*) FILTER (WHERE r.status IN ('failed', 'timed_out', 'lost')) AS failed,
               count(*) FILTER (WHERE r.status = 'cancelled') AS cancelled,
               count(*) FILTER (WHERE r.status = 'skipped') AS skipped,
               count(*) FILTER (WHERE s.run_id IS NULL AND NOT EXISTS (
                   SELECT FROM unmet_pipeline_edges AS e
                   WHERE e.pipeline_run_id = s.pipeline_run_id AND e.job_id = s.job_id
               )) AS stuck
        FROM pipeline_steps AS s
        LEFT JOIN runs AS r ON r.id = s.run_id
        WHERE s.pipeline_run_id = p.id
            AND NOT EXISTS (SELECT FROM pipeline_steps AS o WHERE o.pipeline_run_id = p.id AND o.is_open)
    ) AS c
    WHERE p.id = ANY($1::uuid[])
), settled AS (
    UPDATE pipeline_runs AS p
    SET status = s.status, told = CASE WHEN s.status = 'running' THEN p.told ELSE s.status END,
        finished_at = CASE WHEN s.status <> 'running' THEN coalesce(p.finished_at, now()) END
    FROM standing AS s, pipeline_runs AS before
    WHERE p.id = s.id AND before.id = p.id
        AND (p.status <> s.status OR (s.status <> 'running' AND p.told IS DISTINCT FROM s.status))
    RETURNING p.id, p.group_name, p.status, p.created_at, p.finished_at, before.told AS told_before
)
SELECT id, group_name, status, created_at, finished_at
FROM settled
WHERE status <> 'running' AND status IS DISTINCT FROM told_before
