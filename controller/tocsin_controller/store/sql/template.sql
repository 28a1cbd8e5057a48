-- One template. Index: primary key.
SELECT name, description, snapshot, created_by, created_at
FROM templates
WHERE name = $1
