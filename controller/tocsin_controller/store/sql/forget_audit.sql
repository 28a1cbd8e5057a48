-- Removes at most $2 of the oldest rows of the audit log that are from before $1; how many. The database refuses any other
-- removal. Index: primary key.
SELECT forget_audit($1, $2)
