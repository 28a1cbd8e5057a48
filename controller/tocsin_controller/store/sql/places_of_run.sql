-- What a run waits for, and who is before it: those that hold the key, then those that wait, in their order.
-- Index: primary keys, places_by_key.
SELECT mine.key, mine.at_most, mine.asked_at, other.run_id, other.job_id, other.held_at,
       v.definition ->> 'name' AS job_name
FROM places AS mine
LEFT JOIN LATERAL (
    SELECT o.*
    FROM places AS o
    WHERE o.key = mine.key AND o.run_id <> mine.run_id
        AND (o.held_at IS NOT NULL OR (o.asked_at, o.run_id) < (mine.asked_at, mine.run_id))
    ORDER BY o.held_at NULLS LAST, o.asked_at, o.run_id
    LIMIT 100
) AS other ON true
LEFT JOIN job_versions AS v ON v.job_id = other.job_id AND v.version = other.job_version
WHERE mine.run_id = $1 AND mine.held_at IS NULL
ORDER BY mine.key, other.held_at NULLS LAST, other.asked_at, other.run_id
