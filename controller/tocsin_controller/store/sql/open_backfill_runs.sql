-- The runs of a backfill that have not ended. Indexes: runs_open for the job, primary key.
SELECT r.id
FROM runs AS r JOIN backfill_runs AS b ON b.run_id = r.id AND b.backfill_id = $1
WHERE r.job_id = $2 AND r.finished_at IS NULL
