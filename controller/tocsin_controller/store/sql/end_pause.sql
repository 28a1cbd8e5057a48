-- The job's schedule acts again; its row is locked. Index: primary key.
UPDATE jobs SET status = $2, pause = NULL, updated_at = now() WHERE id = $1
