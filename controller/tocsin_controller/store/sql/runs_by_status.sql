-- As runs_newest, for one status other than `succeeded`. Index: runs_not_succeeded.
WITH newest AS MATERIALIZED (
    SELECT id
    FROM runs
    WHERE status = $3 AND status <> 'succeeded' AND id < $1 AND id >= $2
    ORDER BY id DESC
    LIMIT $6
)
SELECT (SELECT count(*) FROM newest) AS total,
       (SELECT CASE WHEN count(*) = $6 THEN (array_agg(id ORDER BY id))[1] END FROM newest) AS looked_back_to,
       ARRAY(SELECT id FROM newest ORDER BY id DESC OFFSET $4 LIMIT $5) AS ids
