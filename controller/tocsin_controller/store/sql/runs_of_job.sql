-- As runs_newest, for one job. Index: runs_by_job.
WITH newest AS MATERIALIZED (
    SELECT id, status
    FROM runs
    WHERE job_id = $7 AND id < $1 AND id >= $2
    ORDER BY id DESC
    LIMIT $6
), matching AS MATERIALIZED (
    SELECT id FROM newest WHERE $3::text IS NULL OR status = $3
)
SELECT (SELECT count(*) FROM matching) AS total,
       (SELECT CASE WHEN count(*) = $6 THEN (array_agg(id ORDER BY id))[1] END FROM newest) AS looked_back_to,
       ARRAY(SELECT id FROM matching ORDER BY id DESC OFFSET $4 LIMIT $5) AS ids
