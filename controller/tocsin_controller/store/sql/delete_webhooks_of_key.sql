-- Deletes webhooks whose secret can never be read again because its key is lost. Index: webhooks_by_key.
DELETE FROM webhooks WHERE key_id = $1 RETURNING job_id::text AS name
