-- How many jobs there are. Index: jobs_by_type, alone.
SELECT count(*) FROM jobs
