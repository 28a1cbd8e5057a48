-- The type of a script that is about to be changed or deleted. Whoever saves a job that runs it waits until that is
-- done, and the other way round. Index: primary key.
SELECT script_type FROM scripts WHERE name = $1 FOR UPDATE
