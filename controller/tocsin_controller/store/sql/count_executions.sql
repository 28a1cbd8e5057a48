-- How many executions match, counted no further than $8. Indexes as in list_executions.
SELECT count(*) FROM (
    SELECT FROM executions
    WHERE ($1::text IS NULL OR status = $1) AND ($2::uuid IS NULL OR job_id = $2)
        AND ($3::uuid IS NULL OR run_id = $3) AND ($4::uuid IS NULL OR agent_id = $4)
        AND ($5::timestamptz IS NULL OR started_at >= $5) AND ($6::uuid[] IS NULL OR job_id = ANY($6))
    LIMIT $7
) AS matching
