-- Forgets what was told more than a day ago; what was held back, and told of by nobody, after a month. A row per job that
-- told something lately: small, read in order.
DELETE FROM notice_bounds
WHERE began_at < now() - interval '1 day' AND (held_back = 0 OR began_at < now() - interval '30 days')
