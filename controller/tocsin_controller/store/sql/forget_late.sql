-- Hosts of a rollout are not waited for any longer. Index: rollout_waits_by_run.
DELETE FROM rollout_waits WHERE run_id = $1 AND batch >= $2
