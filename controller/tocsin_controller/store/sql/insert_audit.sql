-- Adds one row to the audit log, in the transaction of what it tells. Index: primary key.
INSERT INTO audit_log (id, actor_key_id, actor_key_name, actor_address, operation, resource_type, resource_id, details,
                       changes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb)
