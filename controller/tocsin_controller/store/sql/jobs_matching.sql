-- A few jobs of a group, or with a text in their name; one more than $3 says that there are more. Index: jobs_by_group
-- for a group; a search reads the names until it has found enough.
SELECT id
FROM jobs
WHERE ($1::text IS NULL OR group_name = $1) AND ($2::text IS NULL OR name ILIKE $2)
ORDER BY name
LIMIT $3 + 1
