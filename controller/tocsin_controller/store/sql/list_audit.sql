-- A page of the audit log, newest first, with how many rows match among the newest $7 looked at (one row with id NULL when
-- the page is empty). Never looks at more than $7 rows. Index: primary key, or audit_log_by_operation with $1.
WITH newest AS MATERIALIZED (
    SELECT id, at, actor_key_name
    FROM audit_log
    WHERE ($1::text IS NULL OR operation = $1) AND ($4::uuid IS NULL OR id < $4)
    ORDER BY id DESC
    LIMIT $7
), matching AS MATERIALIZED (
    SELECT id
    FROM newest
    WHERE ($2::text IS NULL OR actor_key_name ILIKE $2) AND ($3::timestamptz IS NULL OR at >= $3)
), page AS (
    SELECT id FROM matching ORDER BY id DESC OFFSET $5 LIMIT $6
)
SELECT a.id, a.at, a.actor_key_id, a.actor_key_name, a.actor_address, a.operation, a.resource_type, a.resource_id,
       a.details, a.changes, counted.total,
       (SELECT CASE WHEN count(*) = $7 THEN (array_agg(id ORDER BY id))[1] END FROM newest) AS looked_back_to
FROM (SELECT count(*) AS total FROM matching) AS counted
LEFT JOIN (page JOIN audit_log AS a USING (id)) ON true
ORDER BY a.id DESC
