-- Sets these settings, all or none. Index: primary key.
INSERT INTO settings (key, value, updated_by)
SELECT s.key, s.value, $3 FROM unnest($1::text[], $2::text[]) AS s (key, value)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_by = excluded.updated_by, updated_at = now()
