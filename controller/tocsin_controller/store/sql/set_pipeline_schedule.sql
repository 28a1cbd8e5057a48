-- The schedule of a group is this one. Index: primary key.
INSERT INTO pipeline_schedules (group_name, schedule, generation, anchor, next_fire_at, set_by, timezone, dst)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (group_name) DO UPDATE
SET schedule = excluded.schedule, generation = excluded.generation, anchor = excluded.anchor,
    next_fire_at = excluded.next_fire_at, set_by = excluded.set_by, timezone = excluded.timezone,
    dst = excluded.dst, set_at = now()
