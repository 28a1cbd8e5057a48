-- How the executions of each day from $1 on ended, as far as they have been counted. A row per day and per minute of the
-- last days. Index: primary keys.
SELECT c.day, sum(c.succeeded)::bigint AS succeeded, sum(c.failed + c.timed_out + c.lost)::bigint AS failed
FROM (
    SELECT day, succeeded, failed, timed_out, lost FROM day_counts WHERE day >= $1::date
    UNION ALL
    SELECT (minute AT TIME ZONE 'UTC')::date, succeeded, failed, timed_out, lost
    FROM minute_counts
    WHERE minute >= $1::date::timestamp AT TIME ZONE 'UTC'
) AS c (day, succeeded, failed, timed_out, lost)
GROUP BY c.day
