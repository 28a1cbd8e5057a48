-- Whether what a run set off has ended; no row when it has not begun. Index: primary key.
SELECT finished_at IS NOT NULL AS is_over FROM pipeline_runs WHERE id = $1
