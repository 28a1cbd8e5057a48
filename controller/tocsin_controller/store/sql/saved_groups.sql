-- The groups that were made, with or without jobs. Index: primary key.
SELECT name FROM job_groups ORDER BY name
