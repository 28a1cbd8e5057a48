-- How many of the attempts before each of these had unknown outcomes, following retry_of (as `is_unknown` in
-- workflow/retrying.py). Only asked for jobs with `on_lost: retry`. Index: primary key.
WITH RECURSIVE chain AS (
    SELECT id AS last, retry_of, 0 AS lost FROM executions WHERE id = ANY($1::uuid[])
    UNION ALL
    SELECT c.last, e.retry_of,
           (e.status = 'lost' OR coalesce(e.reason IN ('interrupted', 'self_fenced'), false))::int
    FROM chain AS c
    JOIN executions AS e ON e.id = c.retry_of
)
SELECT last AS execution_id, sum(lost)::int AS lost FROM chain GROUP BY last
