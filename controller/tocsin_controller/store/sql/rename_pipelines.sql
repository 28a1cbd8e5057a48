-- The pipeline runs of a group go with its name, and its schedule unless the other group has one; that of a group
-- without another name ($2 is NULL) goes. Indexes: pipeline_runs_by_group, primary key.
WITH runs AS (
    UPDATE pipeline_runs SET group_name = $2 WHERE group_name = $1 AND $2::text IS NOT NULL
), gone AS (
    DELETE FROM pipeline_schedules
    WHERE group_name = $1 AND ($2::text IS NULL OR EXISTS (SELECT FROM pipeline_schedules WHERE group_name = $2))
    RETURNING group_name
)
UPDATE pipeline_schedules SET group_name = $2
WHERE group_name = $1 AND $2::text IS NOT NULL AND NOT EXISTS (SELECT FROM pipeline_schedules WHERE group_name = $2)
