-- What follows from the ends of these runs has all been started. The caller holds the lock of their pipeline runs.
-- Index: pipeline_steps_by_run.
UPDATE pipeline_steps SET is_open = false WHERE run_id = ANY($1::uuid[]) AND is_open
