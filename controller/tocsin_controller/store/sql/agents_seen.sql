-- Agents were heard of: their lease is renewed. Returns those that were offline until now. Index: primary key.
WITH s AS (
    SELECT s.*
    FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::jsonb[]) AS s (id, status, load, spool)
), before AS (
    SELECT id, status FROM agents WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE
), seen AS (
    UPDATE agents AS a
    SET last_seen_at = now(), lease_expires_at = now() + make_interval(secs => $5),
        status = coalesce(s.status, CASE WHEN before.status = 'offline' THEN 'online' ELSE before.status END),
        load = coalesce(s.load, a.load), spool = coalesce(s.spool, a.spool)
    FROM s JOIN before ON before.id = s.id
    WHERE a.id = s.id
)
SELECT id FROM before WHERE status = 'offline'
