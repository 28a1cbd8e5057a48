-- Webhooks whose secret is sealed with another key than this, locked for being sealed anew. Index: primary key, in order.
SELECT job_id::text AS name, sealed
FROM webhooks
WHERE key_id IS NOT NULL AND key_id <> $1
ORDER BY job_id
LIMIT $2
FOR UPDATE
