-- Groups that are pipelines: with a schedule, with jobs that wait for others, or with pipeline runs. At most $1, by
-- name, each with its newest pipeline run. Indexes: primary keys, pipeline_runs_by_group.
WITH RECURSIVE ran AS (
    (SELECT group_name FROM pipeline_runs ORDER BY group_name LIMIT 1)
    UNION ALL
    SELECT (SELECT group_name FROM pipeline_runs WHERE group_name > ran.group_name ORDER BY group_name LIMIT 1)
    FROM ran
    WHERE ran.group_name IS NOT NULL
), names AS (
    SELECT group_name FROM ran WHERE group_name IS NOT NULL
    UNION
    SELECT group_name FROM pipeline_schedules
    UNION
    SELECT j.group_name FROM job_dependencies AS d JOIN jobs AS j ON j.id = d.job_id
    ORDER BY group_name
    LIMIT $1
)
SELECT n.group_name, (SELECT count(*) FROM jobs WHERE group_name = n.group_name) AS jobs, s.schedule, s.timezone,
       s.next_fire_at, r.id, r.status, r.trigger, r.created_at, r.finished_at
FROM names AS n
LEFT JOIN pipeline_schedules AS s ON s.group_name = n.group_name
LEFT JOIN LATERAL (
    SELECT id, status, trigger, created_at, finished_at
    FROM pipeline_runs
    WHERE group_name = n.group_name
    ORDER BY id DESC
    LIMIT 1
) AS r ON true
ORDER BY n.group_name
