-- The row that a claim in this lane would take first. Index: queue_lanes.
SELECT execution_id
FROM queue
WHERE route = $1 AND priority = $2 AND ready_at IS NULL AND position > $3
ORDER BY position
LIMIT 1
