-- What each of these steps waits for: the run of that step in the same pipeline run; for jobs outside of it their
-- newest run that was not skipped, as in dependency_states. Indexes: primary keys, pipeline_edges_by_job, runs_by_job.
SELECT w.pipeline_run_id, w.job_id AS waiting_id, c.cause, c.is_open, e.parent_id AS job_id, j.name AS job_name,
       e.condition, e.within_secs, p.job_id IS NOT NULL AS is_inside, r.id AS run_id, r.status, r.finished_at,
       now() AS now
FROM unnest($1::uuid[], $2::uuid[]) AS w (pipeline_run_id, job_id)
JOIN pipeline_steps AS c ON c.pipeline_run_id = w.pipeline_run_id AND c.job_id = w.job_id
JOIN pipeline_edges AS e ON e.pipeline_run_id = w.pipeline_run_id AND e.job_id = w.job_id
LEFT JOIN jobs AS j ON j.id = e.parent_id
LEFT JOIN pipeline_steps AS p ON p.pipeline_run_id = e.pipeline_run_id AND p.job_id = e.parent_id
LEFT JOIN LATERAL (
    SELECT o.id, o.status, CASE WHEN o.open_executions = 0 THEN o.finished_at END AS finished_at
    FROM runs AS o
    WHERE o.id = p.run_id
    UNION ALL
    (
        SELECT n.id, n.status, n.finished_at
        FROM (SELECT id, status, finished_at FROM runs WHERE job_id = e.parent_id ORDER BY id DESC LIMIT 100) AS n
        WHERE p.job_id IS NULL AND n.status <> 'skipped'
        ORDER BY n.id DESC
        LIMIT 1
    )
) AS r ON true
