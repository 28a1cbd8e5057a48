-- The schedule of a group. Index: primary key.
SELECT schedule, next_fire_at FROM pipeline_schedules WHERE group_name = $1
