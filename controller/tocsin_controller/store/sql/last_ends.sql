-- When the last run of each of these jobs ended, among its newest hundred. Index: runs_by_job, read from its end.
SELECT j.job_id, (
    SELECT max(r.finished_at)
    FROM (SELECT finished_at FROM runs WHERE runs.job_id = j.job_id ORDER BY id DESC LIMIT 100) AS r
) AS last_end
FROM unnest($1::uuid[]) AS j (job_id)
