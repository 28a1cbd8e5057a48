-- What waited for a time that has come (a retry, the end of a blackout) becomes takeable, the oldest 500.
-- Index: queue_delayed.
UPDATE queue
SET ready_at = NULL
WHERE execution_id IN (
    SELECT execution_id FROM queue WHERE ready_at <= now() ORDER BY ready_at LIMIT 500 FOR UPDATE SKIP LOCKED
)
RETURNING route, priority, position
