-- What each of these jobs waits for, with the newest run of that which was not skipped. Looks at no more than the
-- newest hundred runs of each. Indexes: job_dependencies_by_job, runs_by_job.
SELECT d.job_id AS waiting_id, d.parent_id AS job_id, p.name AS job_name, d.condition, d.within_secs,
       r.id AS run_id, r.status, r.finished_at, now() AS now
FROM job_dependencies AS d
LEFT JOIN jobs AS p ON p.id = d.parent_id
LEFT JOIN LATERAL (
    SELECT n.id, n.status, n.finished_at
    FROM (SELECT id, status, finished_at FROM runs WHERE job_id = d.parent_id ORDER BY id DESC LIMIT 100) AS n
    WHERE n.status <> 'skipped'
    ORDER BY n.id DESC
    LIMIT 1
) AS r ON true
WHERE d.job_id = ANY($1::uuid[])
ORDER BY p.name
