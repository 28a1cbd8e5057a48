-- A restore begins on a database that has been in epoch $1; the highest that any unfinished one has seen here. One row.
INSERT INTO unfinished_restore (seen_epoch) VALUES ($1)
ON CONFLICT (is_only) DO UPDATE SET seen_epoch = greatest(unfinished_restore.seen_epoch, excluded.seen_epoch)
RETURNING seen_epoch
