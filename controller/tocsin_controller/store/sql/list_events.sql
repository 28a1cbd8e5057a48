-- A page of events, newest first, with how many there are among the newest $5 (one row with id NULL when the page
-- is empty). Never reads more than $5 index entries. Index: primary key.
WITH newest AS MATERIALIZED (
    SELECT id
    FROM events
    WHERE ($1::timestamptz IS NULL OR at >= $1) AND ($2::uuid IS NULL OR id < $2)
    ORDER BY id DESC
    LIMIT $5
), page AS (
    SELECT id FROM newest ORDER BY id DESC OFFSET $3 LIMIT $4
)
SELECT e.id, e.kind, e.severity, e.message, e.job_id, e.run_id, e.execution_id, e.agent_id, e.api_key_id,
       e.api_key_name, e.details, e.at, counted.total
FROM (SELECT count(*) AS total FROM newest) AS counted
LEFT JOIN (page JOIN events AS e USING (id)) ON true
ORDER BY e.id DESC
