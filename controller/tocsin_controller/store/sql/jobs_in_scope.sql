-- Jobs of a group, or kept as code by $2, by name from $3 on. Index: jobs_by_group for a group, jobs_by_keeper for a
-- keeper, jobs_name_unique when neither is given.
SELECT id, name, status, version, definition, pause
FROM jobs
WHERE ($1::text IS NULL OR group_name = $1)
    AND ($2::text IS NULL OR definition ->> 'managed_by' = $2)
    AND ($3::text IS NULL OR name > $3)
ORDER BY name
LIMIT $4
