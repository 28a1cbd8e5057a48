-- Of the newest thousand runs of a job with ids in a range: the newest that happened, and the newest that was skipped.
-- And, however old, the oldest that is still open. Index: runs_by_job, runs_open.
WITH newest AS (
    SELECT id, job_id, job_version, status, reason, started_at, finished_at
    FROM runs
    WHERE job_id = $1 AND id >= $2 AND id < $3
    ORDER BY id DESC
    LIMIT 1000
)
(SELECT 'happened' AS part, n.* FROM newest AS n WHERE n.status <> 'skipped' ORDER BY n.id DESC LIMIT 1)
UNION ALL
(SELECT 'skipped', n.* FROM newest AS n WHERE n.status = 'skipped' ORDER BY n.id DESC LIMIT 1)
UNION ALL
(SELECT 'open', r.id, r.job_id, r.job_version, r.status, r.reason, r.started_at, r.finished_at
 FROM runs AS r
 WHERE r.job_id = $1 AND r.finished_at IS NULL AND r.id < $3
 ORDER BY r.id
 LIMIT 1)
