-- The same for their runs. Index: primary key.
UPDATE runs SET reason = NULL, message = NULL
WHERE id = ANY($1::uuid[]) AND finished_at IS NULL AND reason = 'waiting_for_place'
