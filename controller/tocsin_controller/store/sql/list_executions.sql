-- A page of executions, newest first, by any mixture of filters; at most $10 are counted, so a long history costs no
-- more than a short one. Indexes: primary key, executions_by_job, executions_by_run, executions_not_succeeded.
SELECT e.*, v.definition ->> 'name' AS job_name, a.name AS agent_name, r.trigger, r.params,
       l.agent_id AS lease_agent_id, l.fence AS lease_fence
FROM (
    SELECT *
    FROM executions
    WHERE ($1::uuid IS NULL OR id < $1) AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR job_id = $3)
        AND ($4::uuid IS NULL OR run_id = $4) AND ($5::uuid IS NULL OR agent_id = $5)
        AND ($6::timestamptz IS NULL OR started_at >= $6) AND ($7::uuid[] IS NULL OR job_id = ANY($7))
    ORDER BY id DESC
    OFFSET $8 LIMIT $9
) AS e
LEFT JOIN job_versions AS v ON v.job_id = e.job_id AND v.version = e.job_version
LEFT JOIN runs AS r ON r.id = e.run_id
LEFT JOIN leases AS l ON l.execution_id = e.id
LEFT JOIN agents AS a ON a.id = coalesce(e.agent_id, l.agent_id)
ORDER BY e.id DESC
