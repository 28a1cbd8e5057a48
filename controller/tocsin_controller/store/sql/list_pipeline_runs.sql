-- A page of a group's pipeline runs, newest first, with how many match, counted up to $6 (one row with id NULL when the
-- page is empty). Index: pipeline_runs_by_group.
WITH matching AS MATERIALIZED (
    SELECT id
    FROM pipeline_runs
    WHERE group_name = $1 AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR id < $3)
    ORDER BY id DESC
    LIMIT $6
), page AS (
    SELECT id FROM matching ORDER BY id DESC OFFSET $4 LIMIT $5
)
SELECT p.id, p.group_name, p.status, p.trigger, p.created_at, p.finished_at, counted.total
FROM (SELECT count(*) AS total FROM matching) AS counted
LEFT JOIN (page JOIN pipeline_runs AS p USING (id)) ON true
ORDER BY p.id DESC
