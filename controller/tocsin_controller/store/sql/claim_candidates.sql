-- The oldest takeable rows of each lane, locked; rows another controller is handing out are skipped.
-- The lower bound per lane steps over dead entries. Index: queue_lanes.
SELECT q.execution_id, q.position, q.route, q.priority, q.job_id, q.job_version
FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::int[]) AS lane (route, priority, low, wanted)
CROSS JOIN LATERAL (
    SELECT c.execution_id, c.position, c.route, c.priority, c.job_id, c.job_version
    FROM queue AS c
    WHERE c.route = lane.route AND c.priority = lane.priority AND c.ready_at IS NULL AND c.position > lane.low
    ORDER BY c.position
    LIMIT lane.wanted
    FOR UPDATE SKIP LOCKED
) AS q
