-- Jobs with their definitions, by name after $1, at most $2. Index: jobs_name_unique, in order.
SELECT id, name, status, version, definition, created_by, created_at, updated_at
FROM jobs
WHERE name > $1
ORDER BY name
LIMIT $2
