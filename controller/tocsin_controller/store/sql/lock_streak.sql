-- How many runs in a row have failed, locked; a job without a row has one then. Index: primary key.
INSERT INTO streaks AS s (job_id) VALUES ($1)
ON CONFLICT (job_id) DO UPDATE SET failures = s.failures
RETURNING failures, is_told
