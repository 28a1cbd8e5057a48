-- These are within the limit; they wait for it no longer. Index: primary keys.
WITH counted AS (
    UPDATE leases SET is_counted = true WHERE execution_id = ANY($1::uuid[])
)
UPDATE executions SET reason = NULL WHERE id = ANY($1::uuid[]) AND coalesce(reason, '') = 'max_per_agent'
