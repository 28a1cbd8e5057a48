-- A new calendar, or with $4 the new content of an old one; no row when the name is taken. Index: primary key.
INSERT INTO calendars (name, definition, created_by, updated_by)
VALUES ($1, $2, $3, $3)
ON CONFLICT (name) DO UPDATE
SET definition = excluded.definition, updated_by = excluded.updated_by, updated_at = clock_timestamp()
WHERE $4
RETURNING name, xmax = 0 AS is_new
