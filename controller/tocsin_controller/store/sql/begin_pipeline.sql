-- Begins a pipeline run: its steps are these roots and everything below them, as the dependencies are now. Once: of
-- several that try, one does. Returns whether this one did. Indexes: primary keys, job_dependencies_by_job.
WITH RECURSIVE begun AS (
    INSERT INTO pipeline_runs (id, group_name, trigger, status, created_at)
    VALUES ($1, $2, $3, 'running', $4)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), reached (job_id) AS (
    SELECT unnest($5::uuid[])
    UNION
    SELECT d.job_id FROM reached AS r JOIN job_dependencies AS d ON d.parent_id = r.job_id
), steps AS (
    INSERT INTO pipeline_steps (pipeline_run_id, job_id)
    SELECT b.id, r.job_id FROM begun AS b CROSS JOIN reached AS r
), edges AS (
    INSERT INTO pipeline_edges (pipeline_run_id, parent_id, job_id, within_secs, condition)
    SELECT b.id, d.parent_id, d.job_id, d.within_secs, d.condition
    FROM begun AS b
    CROSS JOIN reached AS r
    JOIN job_dependencies AS d ON d.job_id = r.job_id
    WHERE d.job_id <> ALL($5::uuid[])
)
SELECT id FROM begun
