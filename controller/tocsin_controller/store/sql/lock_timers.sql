-- Keeps tickers off these jobs, or those of a group, until the transaction ends; as lock_timer. Indexes: primary key,
-- jobs_by_group.
SELECT t.job_id
FROM timers AS t
JOIN jobs AS j ON j.id = t.job_id
WHERE j.id = ANY($1::uuid[]) OR j.group_name = $2
ORDER BY t.job_id
FOR UPDATE OF t
