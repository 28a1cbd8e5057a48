-- One pipeline run. Index: primary key.
SELECT id, group_name, status, trigger, created_at, finished_at FROM pipeline_runs WHERE id = $1 AND group_name = $2
