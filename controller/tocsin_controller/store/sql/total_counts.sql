-- How all counted executions ended, and how many have not, up to $1 of each kind of these. A row per day and per minute
-- of the last days. Index for those that have not ended: executions_not_succeeded.
WITH counted AS (
    SELECT succeeded, failed, timed_out, cancelled, lost, skipped FROM day_counts
    UNION ALL
    SELECT succeeded, failed, timed_out, cancelled, lost, skipped FROM minute_counts
)
SELECT coalesce(sum(succeeded), 0)::bigint AS succeeded, coalesce(sum(failed), 0)::bigint AS failed,
       coalesce(sum(timed_out), 0)::bigint AS timed_out, coalesce(sum(cancelled), 0)::bigint AS cancelled,
       coalesce(sum(lost), 0)::bigint AS lost, coalesce(sum(skipped), 0)::bigint AS skipped,
       (SELECT count(*) FROM (SELECT FROM executions WHERE status = 'running' LIMIT $1) AS r) AS running,
       (SELECT count(*) FROM (SELECT FROM executions WHERE status = 'pending' LIMIT $1) AS p) AS pending,
       (SELECT count(*) FROM (SELECT FROM executions WHERE status = 'pending_approval' LIMIT $1) AS a)
           AS pending_approval
FROM counted
