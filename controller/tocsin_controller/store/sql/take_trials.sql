-- What an agent is to try and was not told yet, oldest first; from now on it counts as told. Each is taken by one caller.
-- Index: connection_trials_by_agent.
UPDATE connection_trials SET told_at = now()
WHERE id IN (
    SELECT id FROM connection_trials
    WHERE agent_id = $1 AND told_at IS NULL AND expires_at >= now()
    ORDER BY id LIMIT $2::int FOR UPDATE SKIP LOCKED
)
RETURNING id, connection
