-- How far a rollout is, and further hosts that it did not reach; call it with the run locked. Index: primary key.
UPDATE runs
SET rollout = $2,
    not_reached = CASE WHEN $3::text IS NULL THEN not_reached ELSE coalesce(not_reached, '[]') || $3::text::jsonb END
WHERE id = $1
