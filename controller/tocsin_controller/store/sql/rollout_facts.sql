-- How rollouts stand; call it with the runs locked. Executions of the last batch, those waited for, are held until it is
-- begun; of the others those that are still noted are. Indexes: primary key, rollout_waits_by_run.
SELECT r.id AS run_id, r.job_id, r.job_version, r.rollout, r.open_executions AS open,
       r.failed + r.timed_out + r.lost AS failures, now() AS now, w.early, w.late
FROM runs AS r
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE batch <= jsonb_array_length(r.rollout -> 'sizes')) AS early,
           count(*) FILTER (WHERE batch > jsonb_array_length(r.rollout -> 'sizes')) AS late
    FROM rollout_waits
    WHERE run_id = r.id
) AS w
WHERE r.id = ANY($1::uuid[]) AND r.rollout IS NOT NULL
ORDER BY r.id
