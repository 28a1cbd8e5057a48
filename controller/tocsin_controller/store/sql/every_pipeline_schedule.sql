-- The schedules of all groups, for an export; there are no more than groups. Index: primary key.
SELECT group_name, schedule, timezone, dst FROM pipeline_schedules ORDER BY group_name
