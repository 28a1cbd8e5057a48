-- Backfills of a job, newest first, or the one that $2 names. Indexes: backfills_by_job, primary key.
SELECT *
FROM backfills
WHERE ($1::uuid IS NULL OR job_id = $1) AND ($2::uuid IS NULL OR id = $2)
ORDER BY id DESC
LIMIT 100
