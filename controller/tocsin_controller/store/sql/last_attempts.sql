-- The newest execution of each of these runs that has one. Index: executions_by_run, one look-up a run.
SELECT last.id
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN LATERAL (SELECT id FROM executions WHERE run_id = w.id ORDER BY id DESC LIMIT 1) AS last
