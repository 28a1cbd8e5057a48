-- A pipeline run goes on, and however it ends is told. The caller holds its lock. Index: primary key.
UPDATE pipeline_runs SET status = 'running', finished_at = NULL, told = NULL WHERE id = $1
