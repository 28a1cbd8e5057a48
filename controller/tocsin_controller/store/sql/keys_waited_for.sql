-- The keys on which somebody waits who may get a place now, or for whom older runs are still to be asked to end. Keys
-- are found by skipping along the index; each costs what holds it and waits for it. Index: places_waiting,
-- places_by_key.
WITH RECURSIVE keys AS (
    (SELECT key FROM places WHERE held_at IS NULL ORDER BY key LIMIT 1)
    UNION ALL
    SELECT next.key
    FROM keys
    CROSS JOIN LATERAL (
        SELECT p.key FROM places AS p WHERE p.held_at IS NULL AND p.key > keys.key ORDER BY p.key LIMIT 1
    ) AS next
)
SELECT keys.key
FROM keys
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE p.held_at IS NOT NULL) AS held,
           min(p.at_most) FILTER (WHERE p.held_at IS NOT NULL) AS strictest,
           max(p.at_most) FILTER (WHERE p.held_at IS NULL) AS most,
           bool_or(p.is_replacing AND p.held_at IS NULL) AS is_replacing,
           count(*) FILTER (WHERE p.replaced_by IS NULL) AS unasked
    FROM places AS p
    WHERE p.key = keys.key
) AS stand
WHERE stand.held < least(stand.most, stand.strictest) OR (stand.is_replacing AND stand.unasked > stand.most)
LIMIT 10000
