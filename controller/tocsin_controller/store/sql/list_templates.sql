-- Templates by name. Index: primary key; there are at most a thousand.
SELECT name, description, snapshot, created_by, created_at
FROM templates
ORDER BY name
LIMIT $1
