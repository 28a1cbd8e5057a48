-- This run was asked to end for a newer one. Index: primary key.
UPDATE places SET replaced_by = $2 WHERE run_id = $1
