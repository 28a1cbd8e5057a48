-- How many runs in a row have failed; the row is locked. Index: primary key.
UPDATE streaks SET failures = $2, is_told = $3 WHERE job_id = $1
