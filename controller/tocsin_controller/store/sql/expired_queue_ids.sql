-- Executions that no agent took in time, without touching them. Index: queue_expiry.
SELECT execution_id, route FROM queue WHERE expires_at < now() AND uncertain_since IS NULL ORDER BY expires_at LIMIT 500
