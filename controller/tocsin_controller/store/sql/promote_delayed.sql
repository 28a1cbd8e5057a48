-- Retries whose waiting time is over become takeable. Index: queue_delayed.
UPDATE queue
SET ready_at = NULL
WHERE execution_id IN (
    SELECT execution_id FROM queue WHERE ready_at <= now() ORDER BY ready_at LIMIT 500 FOR UPDATE SKIP LOCKED
)
RETURNING route, priority, position
