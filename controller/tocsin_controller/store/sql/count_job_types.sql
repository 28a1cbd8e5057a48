-- How many jobs there are of each type of task and schedule. Index: jobs_by_type, alone.
SELECT task_type, schedule_type, count(*) AS count FROM jobs GROUP BY task_type, schedule_type
