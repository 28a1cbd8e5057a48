-- Those of these runs that have ended hold nothing any more; the keys that got a place. Index: primary keys.
DELETE FROM places AS p
USING runs AS r
WHERE p.run_id = ANY($1::uuid[]) AND r.id = p.run_id AND r.id = ANY($1::uuid[]) AND r.finished_at IS NOT NULL
RETURNING p.key
