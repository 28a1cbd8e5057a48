-- The steps that wait for each of these, in order of their jobs' ids, from the given one on, so many each.
-- Index: primary key.
SELECT w.pipeline_run_id, w.job_id AS parent_id, c.job_id
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS w (pipeline_run_id, job_id, after)
CROSS JOIN LATERAL (
    SELECT e.job_id
    FROM pipeline_edges AS e
    WHERE e.pipeline_run_id = w.pipeline_run_id AND e.parent_id = w.job_id AND e.job_id > w.after
    ORDER BY e.job_id
    LIMIT $4
) AS c
