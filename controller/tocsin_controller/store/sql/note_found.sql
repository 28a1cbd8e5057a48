-- Lost executions whose agent is back and still has them: said where people look, until the result replaces it. Returns
-- those for which that is new. The status is wrapped as in start_executions. Index: primary key.
UPDATE executions AS e
SET message = f.message
FROM unnest($1::uuid[], $2::text[]) AS f (execution_id, message)
WHERE e.id = f.execution_id AND e.id = ANY($1::uuid[]) AND coalesce(e.status, '') = 'lost'
    AND e.message IS DISTINCT FROM f.message
RETURNING e.id, e.job_id, e.agent_id
