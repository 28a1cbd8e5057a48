-- Stores a variable that is no secret, unless there is one of that name: then nothing happens, and whoever made it has
-- committed. Index: primary key.
INSERT INTO variables (name, value, created_by, updated_by)
VALUES ($1, $2, $3, $3)
ON CONFLICT (name) DO NOTHING
RETURNING name
