-- When it fires next; NULL: no more. Index: pipeline_schedules_generation_key.
UPDATE pipeline_schedules SET next_fire_at = $2 WHERE generation = $1
