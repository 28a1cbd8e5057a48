-- Who holds a key or waits for it, oldest first. Index: places_by_key.
SELECT run_id, at_most, is_replacing, held_at, replaced_by
FROM places
WHERE key = $1
ORDER BY asked_at, run_id
