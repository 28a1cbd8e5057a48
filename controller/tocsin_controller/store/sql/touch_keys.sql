-- Notes when keys were last used, never backwards. Index: primary key.
UPDATE api_keys AS k
SET last_used_at = greatest(k.last_used_at, now() - make_interval(secs => u.secs_ago))
FROM unnest($1::uuid[], $2::float8[]) AS u (id, secs_ago)
WHERE k.id = u.id
