-- Some jobs that run this script, by name. Index: jobs_by_script.
SELECT name
FROM jobs
WHERE definition -> 'task' ->> 'script_name' = $1
ORDER BY name
LIMIT $2
