-- The dependencies of a job are these and no others. Index: job_dependencies_by_job.
WITH wanted AS (
    SELECT * FROM unnest($2::uuid[], $3::int[], $4::text[]) AS w (parent_id, within_secs, condition)
), gone AS (
    DELETE FROM job_dependencies AS d
    WHERE d.job_id = $1 AND d.parent_id NOT IN (SELECT parent_id FROM wanted)
)
INSERT INTO job_dependencies (parent_id, job_id, within_secs, condition)
SELECT parent_id, $1, within_secs, condition FROM wanted
ON CONFLICT (parent_id, job_id) DO UPDATE SET within_secs = excluded.within_secs, condition = excluded.condition
