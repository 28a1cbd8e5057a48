-- How executions stand by the minute in which they were made: the id ranges [$2, $3) of the minutes $1. Looks at no more
-- than $4 rows of each. Index: primary key.
SELECT m.minute, e.status, count(*) AS count
FROM unnest($1::timestamptz[], $2::uuid[], $3::uuid[]) AS m (minute, low, high)
CROSS JOIN LATERAL (
    SELECT status FROM executions WHERE id >= m.low AND id < m.high ORDER BY id LIMIT $4
) AS e
GROUP BY m.minute, e.status
