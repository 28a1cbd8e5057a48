-- The distinct lanes (route, priority) that hold takeable work, by skipping along the index: costs what there are
-- lanes, not rows. Index: queue_lanes.
WITH RECURSIVE lanes AS (
    (SELECT route, priority FROM queue WHERE ready_at IS NULL ORDER BY route, priority LIMIT 1)
    UNION ALL
    SELECT next.route, next.priority
    FROM lanes
    CROSS JOIN LATERAL (
        SELECT q.route, q.priority
        FROM queue AS q
        WHERE q.ready_at IS NULL AND (q.route, q.priority) > (lanes.route, lanes.priority)
        ORDER BY q.route, q.priority
        LIMIT 1
    ) AS next
)
SELECT route, priority FROM lanes LIMIT 10000
