-- A page of runs, newest first. Indexes: primary key, runs_by_job, runs_not_succeeded.
SELECT r.*, v.definition ->> 'name' AS job_name
FROM (
    SELECT *
    FROM runs
    WHERE ($1::uuid IS NULL OR id < $1) AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR job_id = $3)
    ORDER BY id DESC
    OFFSET $4 LIMIT $5
) AS r
LEFT JOIN job_versions AS v ON v.job_id = r.job_id AND v.version = r.job_version
ORDER BY r.id DESC
