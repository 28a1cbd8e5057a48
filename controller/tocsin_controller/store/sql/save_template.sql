-- A new template or the new content of an old one; a new one only while there are fewer than $5. No row: there are
-- too many. Two at once may pass the limit by one. Index: primary key.
INSERT INTO templates (name, description, snapshot, created_by)
SELECT $1, $2, $3, $4
WHERE (SELECT count(*) FROM templates) < $5 OR EXISTS (SELECT FROM templates WHERE name = $1)
ON CONFLICT (name) DO UPDATE
SET description = excluded.description, snapshot = excluded.snapshot, created_by = excluded.created_by,
    created_at = now()
RETURNING name, description, snapshot, created_by, created_at
