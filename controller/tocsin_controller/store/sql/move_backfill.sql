-- How far a backfill is; with $4 it is over. Its row is locked. Index: primary key.
UPDATE backfills
SET cursor_at = $2, left_out = left_out + $3, status = coalesce($4, status),
    finished_at = CASE WHEN $4::text IS NOT NULL THEN now() END
WHERE id = $1 AND status = 'running'
