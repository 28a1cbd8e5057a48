-- How many runs match, counted no further than $3. Indexes as in list_runs.
SELECT count(*) FROM (
    SELECT FROM runs WHERE ($1::text IS NULL OR status = $1) AND ($2::uuid IS NULL OR job_id = $2) LIMIT $3
) AS matching
