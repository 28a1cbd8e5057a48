-- A new script or the new content of an old one; a new one only while there are fewer than $5. No row: there are too
-- many. Two at once may pass the limit by one. Index: primary key.
INSERT INTO scripts (name, script_type, code, updated_by)
SELECT $1, $2, $3, $4
WHERE (SELECT count(*) FROM scripts) < $5 OR EXISTS (SELECT FROM scripts WHERE name = $1)
ON CONFLICT (name) DO UPDATE
SET script_type = excluded.script_type, code = excluded.code, updated_by = excluded.updated_by, updated_at = now()
RETURNING name
