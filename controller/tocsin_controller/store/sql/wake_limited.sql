-- One execution of a job ended on an agent: as many as ended may be taken by whoever serves the route. Index: queue_limited.
UPDATE queue
SET ready_at = NULL, limited_job = NULL
WHERE execution_id IN (
    SELECT q.execution_id
    FROM unnest($1::uuid[], $2::text[], $3::int[]) AS w (job_id, route, room)
    CROSS JOIN LATERAL (
        SELECT c.execution_id
        FROM queue AS c
        WHERE c.limited_job = w.job_id AND c.route = w.route AND c.uncertain_since IS NULL
        ORDER BY c.position
        LIMIT w.room
        FOR UPDATE SKIP LOCKED
    ) AS q
)
RETURNING route, priority, position
