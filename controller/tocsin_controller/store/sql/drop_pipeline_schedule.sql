-- The group has no schedule any more. Index: primary key.
DELETE FROM pipeline_schedules WHERE group_name = $1 RETURNING group_name
