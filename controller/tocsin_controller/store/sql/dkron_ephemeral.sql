-- Jobs that are to be gone after a success, have succeeded since they were last saved, and are awaited by no other.
-- Indexes: jobs_ephemeral, runs_by_job, job_dependencies' primary key.
SELECT j.id
FROM jobs AS j
WHERE j.definition #>> '{compat,dkron,job,ephemeral}' = 'true'
    AND EXISTS (
        SELECT FROM runs AS r
        WHERE r.job_id = j.id AND r.status = 'succeeded' AND r.finished_at > j.updated_at
    )
    AND NOT EXISTS (SELECT FROM job_dependencies AS d WHERE d.parent_id = j.id)
LIMIT $1
