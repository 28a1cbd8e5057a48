-- These executions of rollouts ended, or are not waited for any more. Index: primary key.
DELETE FROM rollout_waits WHERE execution_id = ANY($1::uuid[])
