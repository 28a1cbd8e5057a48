-- The pipeline runs of a group go with its name. Index: pipeline_runs_by_group.
UPDATE pipeline_runs SET group_name = $2 WHERE group_name = $1
