-- A page of jobs by name, with how many match, counted up to $7 (one row with id NULL when the page is empty).
-- Reads the index in order and stops at the cap; a rare search reads all jobs. Index: jobs_name_unique, or
-- jobs_by_group when a group is given.
WITH matching AS MATERIALIZED (
    SELECT id, name
    FROM jobs
    WHERE ($1::text IS NULL OR status = $1)
        AND ($2::text IS NULL OR group_name = $2)
        AND ($3::text IS NULL OR name ILIKE $3 OR (definition -> 'task')::text ILIKE $3)
        AND ($4::text IS NULL OR name > $4)
    ORDER BY name
    LIMIT $7
), page AS (
    SELECT id FROM matching ORDER BY name OFFSET $5 LIMIT $6
)
SELECT j.id, j.name, j.group_name, j.status, j.version, j.definition, j.created_by, j.created_at, j.updated_at,
       j.quarantined_reason, j.pause, t.next_fire_at, t.anchor, counted.total
FROM (SELECT count(*) AS total FROM matching) AS counted
LEFT JOIN (page JOIN jobs AS j USING (id) LEFT JOIN timers AS t ON t.job_id = j.id) ON true
ORDER BY j.name
