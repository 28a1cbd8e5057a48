-- Runs that ended without giving their places back (an older release ended them), or that are gone. Costs what there
-- are holders. Index: primary key of runs.
DELETE FROM places AS p
WHERE NOT EXISTS (SELECT FROM runs AS r WHERE r.id = p.run_id AND r.finished_at IS NULL)
RETURNING p.key
