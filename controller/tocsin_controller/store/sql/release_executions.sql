-- They wait for an agent now, and no longer for a place. Index: executions_by_run.
UPDATE executions SET reason = NULL WHERE run_id = ANY($1::uuid[]) AND finished_at IS NULL AND reason = 'waiting_for_place'
