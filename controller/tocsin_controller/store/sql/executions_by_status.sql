-- As executions_newest, for one status other than `succeeded`. Index: executions_not_succeeded; jobs by primary key.
WITH newest AS MATERIALIZED (
    SELECT id, job_id, agent_id
    FROM executions
    WHERE status = $3 AND status <> 'succeeded' AND id < $1 AND id >= $2
    ORDER BY id DESC
    LIMIT $9
), matching AS MATERIALIZED (
    SELECT n.id
    FROM newest AS n
    WHERE ($4::uuid IS NULL OR n.agent_id = $4)
        AND (($5::text IS NULL AND $6::text IS NULL)
            OR EXISTS (
                SELECT FROM jobs AS j
                WHERE j.id = n.job_id AND ($5 IS NULL OR j.group_name = $5) AND ($6 IS NULL OR j.name ILIKE $6)
            ))
)
SELECT (SELECT count(*) FROM matching) AS total,
       (SELECT CASE WHEN count(*) = $9 THEN (array_agg(id ORDER BY id))[1] END FROM newest) AS looked_back_to,
       ARRAY(SELECT id FROM matching ORDER BY id DESC OFFSET $7 LIMIT $8) AS ids
