-- As executions_newest, for a few jobs: the newest $8 of each are looked at, and what is older than the oldest of a job
-- that has more is left for the next stretch, so that the order is right. Index: executions_by_job.
WITH newest AS MATERIALIZED (
    SELECT e.id, e.job_id, e.status, e.agent_id
    FROM unnest($5::uuid[]) AS w (job_id)
    CROSS JOIN LATERAL (
        SELECT id, job_id, status, agent_id
        FROM executions
        WHERE job_id = w.job_id AND id < $1 AND id >= $2
        ORDER BY id DESC
        LIMIT $8
    ) AS e
), cut AS MATERIALIZED (
    SELECT max(oldest::text)::uuid AS id
    FROM (SELECT (array_agg(id ORDER BY id))[1] AS oldest FROM newest GROUP BY job_id HAVING count(*) = $8) AS full_ones
), matching AS MATERIALIZED (
    SELECT n.id
    FROM newest AS n, cut
    WHERE (cut.id IS NULL OR n.id >= cut.id)
        AND ($3::text IS NULL OR n.status = $3)
        AND ($4::uuid IS NULL OR n.agent_id = $4)
)
SELECT (SELECT count(*) FROM matching) AS total, (SELECT id FROM cut) AS looked_back_to,
       ARRAY(SELECT id FROM matching ORDER BY id DESC OFFSET $6 LIMIT $7) AS ids
