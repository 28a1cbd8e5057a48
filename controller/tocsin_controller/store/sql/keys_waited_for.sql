-- The keys that somebody waits for, by skipping along the index: costs what there are keys, not runs.
-- Index: places_waiting.
WITH RECURSIVE keys AS (
    (SELECT key FROM places WHERE held_at IS NULL ORDER BY key LIMIT 1)
    UNION ALL
    SELECT next.key
    FROM keys
    CROSS JOIN LATERAL (
        SELECT p.key FROM places AS p WHERE p.held_at IS NULL AND p.key > keys.key ORDER BY p.key LIMIT 1
    ) AS next
)
SELECT key FROM keys LIMIT 10000
