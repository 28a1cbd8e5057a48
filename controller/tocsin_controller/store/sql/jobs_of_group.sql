-- The jobs of a group, or whose name holds a text literally. Index: jobs_by_group.
SELECT id FROM jobs
WHERE ($1::text IS NULL OR group_name = $1) AND ($2::text IS NULL OR name ILIKE $2)
LIMIT 1000
