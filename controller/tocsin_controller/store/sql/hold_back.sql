-- Takes rows out of everybody's reach until they expire, or with false brings them back. Index: primary key.
UPDATE queue SET ready_at = CASE WHEN $2 THEN 'infinity'::timestamptz END
WHERE execution_id = ANY($1::uuid[]) AND uncertain_since IS NULL
