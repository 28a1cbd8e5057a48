-- The jobs of a group, each with the jobs of the same group that it waits for. Indexes: jobs_by_group,
-- job_dependencies_by_job.
SELECT j.id, array(
    SELECT d.parent_id
    FROM job_dependencies AS d
    JOIN jobs AS p ON p.id = d.parent_id
    WHERE d.job_id = j.id AND p.group_name = $1
) AS parent_ids
FROM jobs AS j
WHERE j.group_name = $1
