-- How executions ended, by job, of those whose ends were told by events with ids in [$1, $2). Index: primary key.
SELECT job_id, count(*) FILTER (WHERE severity = 'success') AS succeeded,
       count(*) FILTER (WHERE severity = 'error') AS failed
FROM events
WHERE id >= $1 AND id < $2 AND kind = 'execution.completed' AND job_id IS NOT NULL
GROUP BY job_id
