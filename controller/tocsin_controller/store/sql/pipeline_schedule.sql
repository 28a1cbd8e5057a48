-- The schedule of a group. Index: primary key.
SELECT schedule, timezone, dst, next_fire_at FROM pipeline_schedules WHERE group_name = $1
